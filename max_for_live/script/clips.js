
// Live's clips, arrangement and Simpler.

const SETTLE_MS = 200; // Live warps a new clip after the call that asked for it
const COLUMNS_PER_QUARTER = 16; // loops are whole columns, and none is shorter than this part of a quarter
const BENT = 1e-3; // beats that a warp marker may be off
const BEATS = 0; // warp mode for what has no pitch
const COMPLEX = 4; // and for what has
const JOURNEY_STEPS = 8;

let newClips = []; // created, not yet warped
let settler;
let travel = null; // { id, step, seed, after } of the journey under way

function startClips() {
  settler = new Task(() => attempt(settle), here);
}

function deliver(loop) {
  if (travel?.id === loop.id) return arrive(loop);
  return PLACE[options.place](loop);
}

const PLACE = {
  "Pad's slot": (loop) => putInSlot(loop, slotAfter(loop.slot - 1)),
  Replace: (loop) => putInSlot(loop, slotToReplace(loop) ?? slotAfter(loop.slot - 1)),
  Arrangement: putInArrangement,
  Simpler: putInSimpler,
  Listen: listenTo,
};

function track() {
  const [path] = /live_set tracks \d+/.exec(new LiveAPI("this_device").path) ?? [];
  if (!path) throw new Error("no clip made: put this device on an audio track");
  return { path, api: new LiveAPI(path) };
}

function audioTrack() {
  const found = track();
  if (!is(found.api, "has_audio_input")) throw new Error("no clip made: put this device on an audio track");
  if (is(found.api, "is_frozen")) throw new Error("no clip made: this track is frozen, unfreeze it first");
  return found;
}

function slotAt(path, index) {
  return { api: new LiveAPI(`${path} clip_slots ${index}`), path: `${path} clip_slots ${index}`, index };
}

// The slot at an index if it is empty, else the next empty one below, else the first above.
function slotAfter(wish) {
  const { path, api } = audioTrack();
  const count = api.getcount("clip_slots");
  const first = wish >= 0 && wish < count ? wish : 0;
  for (let step = 0; step < count; step += 1) {
    const slot = slotAt(path, (first + step) % count);
    if (!is(slot.api, "has_clip")) return slot;
  }
  throw new Error("no clip made: this track has no empty slot, insert a scene or choose Replace");
}

// A clip that riffsidecar made lies in its folder; all others are left alone.
function slotToReplace({ slot: number, path: file }) {
  const { path, api } = audioTrack();
  if (number < 1 || number > api.getcount("clip_slots")) return null;
  const slot = slotAt(path, number - 1);
  if (!is(slot.api, "has_clip")) return slot;
  const old = new LiveAPI(`${slot.path} clip`);
  if (folderOf(String(old.get("file_path"))) !== folderOf(file)) return null;
  slot.wasPlaying = is(old, "is_playing");
  slot.api.call("delete_clip");
  return slot;
}

function folderOf(file) {
  return file.replace(/\\/g, "/").replace(/\/[^/]*$/, "");
}

function putInSlot(loop, slot) {
  slot.api.call("create_audio_clip", loop.path);
  if (!is(slot.api, "has_clip")) throw new Error(`Live takes no clip from ${loop.path}`);
  prepare(loop, new LiveAPI(`${slot.path} clip`), `slot ${slot.index + 1}`, slot);
  return slot;
}

function putInArrangement(loop) {
  const { api } = audioTrack();
  const live = new LiveAPI("live_set");
  const beat = Number(live.get("current_song_time"));
  const bar = (Number(live.get("signature_numerator")) * 4) / Number(live.get("signature_denominator"));
  const at = Math.ceil(beat / bar - SAME) * bar;
  const before = api.getcount("arrangement_clips");
  const made = [].concat(api.call("create_audio_clip", loop.path, at) ?? []);
  if (made[0] !== "id" && api.getcount("arrangement_clips") === before) {
    throw new Error(`Live takes no clip from ${loop.path}`);
  }
  prepare(loop, made[0] === "id" ? new LiveAPI(`id ${made[1]}`) : null, `the arrangement, bar ${at / bar + 1}`);
}

function putInSimpler(loop) {
  const { path, api } = track();
  for (let index = 0; index < api.getcount("devices"); index += 1) {
    const simpler = new LiveAPI(`${path} devices ${index}`);
    if (String(simpler.get("class_name")) !== "OriginalSimpler") continue;
    simpler.call("replace_sample", loop.path);
    const sample = new LiveAPI(`${path} devices ${index} sample`);
    if (String(sample.get("file_path")) !== loop.path) throw new Error("Simpler takes no sample before Live 12.4");
    say(`${padOf(loop.slot).name}: in Simpler`);
    return;
  }
  throw new Error("no Simpler on this track: put this device behind one");
}

function is(api, property) {
  return Number(api.get(property)) === 1;
}

// Live sets warping later than it is told to, so the rest waits.
function prepare(loop, clip, where, slot = null) {
  if (!clip) return say(`${padOf(loop.slot).name}: in ${where}`);
  clip.set("warping", 1);
  newClips.push({ ...loop, clip, where, launched: slot && (options.isLaunching || slot.wasPlaying) ? slot : null });
  settler.schedule(SETTLE_MS);
}

function settle() {
  const clips = newClips;
  newClips = [];
  for (const made of clips) attempt(() => finish(made));
}

function finish({ clip, slot, bpm, seconds, where, launched }) {
  const { name, color, isTonal } = padOf(slot);
  const quarters = quartersOf(seconds, bpm);
  clip.set("name", name);
  clip.set("color", parseInt(color.slice(1), 16));
  const mode = isTonal === false ? BEATS : COMPLEX;
  if (String(clip.get("available_warp_modes")).split(/[ ,]/).map(Number).includes(mode)) clip.set("warp_mode", mode);
  try {
    straighten(clip, seconds, quarters);
  } finally {
    clip.set("looping", 1);
    for (const begin of ["loop_start", "start_marker"]) clip.set(begin, 0);
    for (const end of ["loop_end", "end_marker"]) clip.set(end, quarters);
    if (launched) launched.api.call("fire");
  }
  say(`${name}: ${quarters} beats in ${where}`);
}

function quartersOf(seconds, bpm) {
  return Math.round((seconds * bpm * COLUMNS_PER_QUARTER) / 60) / COLUMNS_PER_QUARTER;
}

function markersOf(clip) {
  const found = JSON.parse(String(clip.get("warp_markers")));
  return found.warp_markers ?? found;
}

// Live guesses the tempo of a clip, and often wrongly where the bars are not 1, 2, 4 or 8. Its last marker is
// hidden, and says the tempo behind the one before it.
function straighten(clip, seconds, quarters) {
  const bend = (marker) => Math.abs(marker.beat_time - (marker.sample_time * quarters) / seconds);
  if (markersOf(clip).every((marker) => bend(marker) < BENT)) return;
  for (const inner of markersOf(clip).slice(1, -1)) clip.call("remove_warp_marker", inner.beat_time);
  if (markersOf(clip).every((marker) => bend(marker) < BENT)) return;
  clip.call("add_warp_marker", { beat_time: quarters, sample_time: seconds });
  const shown = markersOf(clip).slice(0, -1);
  if (shown.length > 1 && shown.every((marker) => bend(marker) < BENT)) return;
  throw new Error("the clip loops its bars, but Live keeps its own tempo: set its Seg. BPM by hand");
}

// A journey: from prompt A to prompt B in steps, each a clip in the next slot.

function startJourney() {
  show("prompt-b", "bang");
  if (!prompts.b) throw new Error("a journey goes from prompt A to prompt B: write both");
  // One seed for all steps, so that only the prompt travels.
  travel = { step: 0, seed: Math.floor(Math.random() * 2 ** 31), after: -1 };
  goOn();
}

function goOn() {
  const morph = travel.step / (JOURNEY_STEPS - 1);
  travel.id = makeLoop(["morph", morph, "seed", travel.seed]);
  if (!travel.id) travel = null;
}

function arrive(loop) {
  const slot = putInSlot(loop, slotAfter(travel.after < 0 ? 0 : travel.after + 1));
  travel.after = slot.index;
  travel.step += 1;
  if (travel.step < JOURNEY_STEPS) goOn();
  else travel = null;
}

function endJourney(id) {
  if (travel?.id === id) travel = null;
}
