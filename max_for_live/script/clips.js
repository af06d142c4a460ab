
// Live's clips, arrangement and Simpler.

const SETTLE_MS = 200; // Live warps a new clip after the call that asked for it
const COLUMNS_PER_QUARTER = 16; // loops are whole columns, and none is shorter than this part of a quarter
const BENT = 1e-3; // beats that a warp marker may be off
const BEATS = 0; // warp mode for what has no pitch
const COMPLEX = 4; // and for what has
const LEAD_MS = 450; // before its bar a clip is taken away for its successor, which settles and is launched
const BARS_TO_LAUNCH = { 1: 8, 2: 4, 3: 2, 4: 1 }; // by Live's number of the launch quantisation

let newClips = []; // created, not yet warped
let settler;
let swapper;
let swaps = []; // what is to be done shortly before the next launch: { path, atMs, action }, one a slot
const drafts = new Map(); // of the loops that are still to come: { path, slot } of the clip, by request

function startClips() {
  settler = new Task(() => attempt(settle), here);
  swapper = new Task(() => attempt(swapDue), here);
  swaps = [];
}

function deliver(loop) {
  if (isOfJourney(loop.id)) return arrive(loop);
  const draft = drafts.get(loop.id);
  drafts.delete(loop.id);
  if (!draft || !takePlaceOf(draft, loop)) PLACE[options.place](loop);
}

// A draft comes first where the loop itself would miss the next bar. The arrangement waits for the loop.
function deliverDraft(loop) {
  if (options.place === "Arrangement") return;
  const slot = PLACE[options.place](loop);
  if (slot) drafts.set(loop.id, { path: loop.path, slot });
}

const PLACE = {
  "Pad's slot": (loop) => putInSlot(loop, slotAfter(loop.slot - 1)),
  Replace: replace,
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
function replace(loop) {
  const { path, api } = audioTrack();
  if (loop.slot >= 1 && loop.slot <= api.getcount("clip_slots")) {
    const slot = slotAt(path, loop.slot - 1);
    if (!is(slot.api, "has_clip")) return putInSlot(loop, slot);
    if (folderOf(fileIn(slot)) === folderOf(loop.path)) return succeed(loop, slot);
  }
  return putInSlot(loop, slotAfter(loop.slot - 1));
}

// The loop that was to come takes the place of its draft, if that still lies where it was put.
function takePlaceOf({ path, slot }, loop) {
  if (!is(slot.api, "has_clip") || fileIn(slot) !== plain(path)) return false;
  succeed(loop, slot);
  return true;
}

function fileIn(slot) {
  return plain(new LiveAPI(`${slot.path} clip`).get("file_path"));
}

// Systems differ in how they write one and the same path.
function plain(file) {
  return String(file).normalize("NFC").replace(/\\/g, "/");
}

function folderOf(file) {
  return plain(file).replace(/\/[^/]*$/, "");
}

// The first of so many empty slots in a row, or the first of all.
function emptyRun(length) {
  const { path, api } = audioTrack();
  const count = api.getcount("clip_slots");
  let run = 0;
  for (let index = 0; index < count; index += 1) {
    run = is(slotAt(path, index).api, "has_clip") ? 0 : run + 1;
    if (run === length) return index - length + 1;
  }
  return 0;
}

// Put a loop where a clip is. One that sounds is let be until shortly before the bar at which the next one starts.
function succeed(loop, slot) {
  const old = new LiveAPI(`${slot.path} clip`);
  const before = fileIn(slot);
  const isHeard = () => is(old, "is_playing") || is(old, "is_triggered");
  const swap = () => {
    if (is(slot.api, "has_clip") && fileIn(slot) === before) {
      slot.wasPlaying = isHeard();
      slot.api.call("delete_clip");
    }
    putInSlot(loop, is(slot.api, "has_clip") ? slotAfter(slot.index) : slot);
  };
  const delay = isHeard() ? untilLaunchMs() - LEAD_MS : 0;
  if (delay <= 0) swap();
  else {
    say(`${nameOf(loop)}: comes at the next launch`);
    swaps = swaps.filter((each) => each.path !== slot.path);
    swaps.push({ path: slot.path, atMs: Date.now() + delay, action: swap });
    swapLater();
  }
  return slot;
}

function swapLater() {
  if (swaps.length) swapper.schedule(Math.max(0, Math.min(...swaps.map((each) => each.atMs)) - Date.now()));
}

function swapDue() {
  const now = Date.now();
  const due = swaps.filter((each) => each.atMs <= now);
  swaps = swaps.filter((each) => each.atMs > now);
  for (const { action } of due) attempt(action);
  swapLater();
}

// How long it is until Live launches what is fired now or a little later; 0 where that is at once.
function untilLaunchMs() {
  const live = new LiveAPI("live_set");
  const bars = BARS_TO_LAUNCH[Number(live.get("clip_trigger_quantization"))] ?? 0;
  if (!bars || !is(live, "is_playing")) return 0;
  const step = bars * quartersPerBar();
  const left = step - (Number(live.get("current_song_time")) % step);
  const quarterMs = 60000 / Number(live.get("tempo"));
  return (left * quarterMs > LEAD_MS ? left : left + step) * quarterMs;
}

function putInSlot(loop, slot) {
  slot.api.call("create_audio_clip", loop.path);
  if (!is(slot.api, "has_clip")) throw new Error(`Live takes no clip from ${loop.path}`);
  prepare(loop, new LiveAPI(`${slot.path} clip`), `slot ${slot.index + 1}`, slot);
  return slot;
}

function nextBar() {
  const bar = quartersPerBar();
  return Math.ceil(Number(new LiveAPI("live_set").get("current_song_time")) / bar - SAME) * bar;
}

function putInArrangement(loop, at = nextBar()) {
  const { api } = audioTrack();
  const before = api.getcount("arrangement_clips");
  const made = [].concat(api.call("create_audio_clip", loop.path, at) ?? []);
  if (made[0] !== "id" && api.getcount("arrangement_clips") === before) {
    throw new Error(`Live takes no clip from ${loop.path}`);
  }
  const where = `the arrangement, bar ${Math.floor(at / quartersPerBar() + SAME) + 1}`;
  prepare(loop, made[0] === "id" ? new LiveAPI(`id ${made[1]}`) : null, where);
}

function putInSimpler(loop) {
  const { path, api } = track();
  for (let index = 0; index < api.getcount("devices"); index += 1) {
    const simpler = new LiveAPI(`${path} devices ${index}`);
    if (String(simpler.get("class_name")) !== "OriginalSimpler") continue;
    simpler.call("replace_sample", loop.path);
    const sample = new LiveAPI(`${path} devices ${index} sample`);
    if (plain(sample.get("file_path")) !== plain(loop.path)) throw new Error("Simpler takes no sample before Live 12.4");
    say(`${nameOf(loop)}: in Simpler`);
    return;
  }
  throw new Error("no Simpler on this track: put this device behind one");
}

function is(api, property) {
  return Number(api.get(property)) === 1;
}

// Live sets warping later than it is told to, so the rest waits.
function prepare(loop, clip, where, slot = null) {
  if (!clip) return say(`${nameOf(loop)}: in ${where}`);
  clip.set("warping", 1);
  newClips.push({ ...loop, clip, where, launched: slot && (options.isLaunching || slot.wasPlaying) ? slot : null });
  settler.schedule(SETTLE_MS);
}

function settle() {
  const clips = newClips;
  newClips = [];
  for (const made of clips) attempt(() => finish(made));
}

function nameOf(loop) {
  return loop.name ?? padOf(loop.slot).name;
}

function finish({ clip, where, launched, ...loop }) {
  const { slot, bpm, seconds } = loop;
  const [name, { color, isTonal }] = [nameOf(loop), padOf(slot)];
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
