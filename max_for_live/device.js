// The script inside Riffsidecar.amxd: Live on one side, the riffsidecar daemon on the other.
// `python -m max_for_live.build` puts the table below in, from riffsidecar's own tables.
const TABLE = "@TABLE@";
const { OSC, KNOBS, NOTES, RELEASE, STOPPED } = TABLE;

inlets = 1;
outlets = 2; // to udpsend, to udpreceive

const BEAT_MS = 2000; // from one sign of life to the next
const MISSED_BEATS = 2; // so many without an answer, and the daemon is away
const TELL_MS = 50; // changes wait so long for others: an automated dial sends 20 messages a second
const SETTLE_MS = 200; // Live warps a new clip after the call that asked for it
const COLUMNS_PER_QUARTER = 16; // loops are whole columns, and none is shorter than this part of a quarter
const SAME = 1e-5; // the daemon's own rounding of a knob
const RED = [0.9, 0.2, 0.15, 1];
const GREEN = [0.3, 0.8, 0.35, 1];
const SONG = [
  "tempo",
  "signature_numerator",
  "signature_denominator",
  "root_note",
  "scale_name",
  "scale_mode",
];

const here = this; // what Max calls jsthis
const song = {}; // what Live says, by property
const pads = []; // { name, color } of the bank, by number
const wanted = new Map(); // what the daemon is to know, by address
let told = new Map(); // what it was told since its welcome
let observers = []; // kept, or Live forgets them
let newClips = []; // created, not yet warped
let replyPort = TABLE.REPLY_PORT;
let requests = 0;
let missed = 0;
let isPresent = false;
let isTelling = false;
let heartbeat, teller, settler;

// What Max calls. Whatever fails becomes one line of text in the device.

function bang() {
  attempt(start);
}

function port(number) {
  attempt(() => listen(Math.round(number)));
}

function pad(number) {
  attempt(() => ask(OSC.pad, number));
}

function knob(name, value) {
  attempt(() => turn(KNOBS[name], value));
}

function anything(...values) {
  const answer = ANSWERS[messagename];
  if (answer) attempt(() => answer(...values));
}

function attempt(action) {
  try {
    action();
  } catch (error) {
    say(error.message ?? error);
  }
}

// What the device shows.

function show(name, ...message) {
  here.patcher.getnamed(name).message(...message);
}

function say(text) {
  show("status", "set", String(text).replace(/\s+/g, " ").trim());
}

function light(color) {
  show("light", "textcolor", ...color);
}

function showPad(number, name, color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  const ink = 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 ? 0 : 1;
  pads[number] = { name, color };
  show(`pad${number}`, "text", name);
  show(`pad${number}`, "activebgcolor", red, green, blue, 1);
  show(`pad${number}`, "activetextcolor", ink, ink, ink, 1);
}

// The daemon.

function start() {
  heartbeat?.cancel();
  teller = new Task(() => attempt(tell), here);
  settler = new Task(() => attempt(settle), here);
  heartbeat = new Task(() => attempt(beat), here);
  observers = SONG.map(observe);
  away();
  listen(replyPort);
  heartbeat.interval = BEAT_MS;
  heartbeat.repeat();
}

function listen(number) {
  replyPort = number;
  outlet(1, "port", replyPort);
  if (observers.length > 0) greet();
}

function greet() {
  send(OSC.hello, replyPort, "live");
}

function beat() {
  missed += 1;
  if (isPresent && missed > MISSED_BEATS) away();
  if (isPresent) send(OSC.ping);
  else greet();
}

function away() {
  isPresent = false;
  light(RED);
  say('riffsidecar does not answer: start "riffsidecar run", or choose a reply port that is free');
}

function ask(address, ...values) {
  if (isPresent) send(address, ...values);
  else away();
}

function send(address, ...values) {
  requests += 1;
  outlet(0, address, ...values, `${mark()}${requests}`);
}

// A port belongs to one device of the machine, so its answers are known by it.
function mark() {
  return `id:live${replyPort}-`;
}

const ANSWERS = {
  [OSC.welcome]: (_port, version, state) => {
    missed = 0;
    isPresent = true;
    told = new Map();
    light(GREEN);
    say(`riffsidecar ${version} is ${state}`);
    send(OSC.query, "state");
    tell();
  },
  [OSC.pong]: () => {
    missed = 0;
  },
  [OSC.state]: (part, ...values) => {
    if (part === "title") show("bank", "set", values[0]);
    if (part === "pad") showPad(values[0], values[1], values[3]);
  },
  [OSC.progress]: (id, fraction, _left, slot, stage) => {
    if (isMine(id)) say(`pad ${slot}: ${stage}, ${Math.round(100 * fraction)} %`);
  },
  [OSC.done]: (id, slot, path, _bars, bpm, ...rest) => {
    // From the end: a loop without a key has an empty text there, which may get lost on its way.
    const [samples, rate] = rest.slice(-4);
    if (slot >= 0 && isMine(id)) place(slot, path, bpm, samples / rate);
  },
  [OSC.error]: (_id, code, text) => {
    if (!STOPPED.includes(code)) say(text);
  },
};

function isMine(id) {
  return String(id).startsWith(mark());
}

// What the daemon is to know: Live's song, and the dials that were turned. Told when it changes, and all at
// once to a daemon that comes back.

function want(address, ...values) {
  wanted.set(address, values);
  if (isTelling || !isPresent) return;
  isTelling = true;
  teller.schedule(TELL_MS);
}

function tell() {
  isTelling = false;
  if (!isPresent) return;
  for (const [address, values] of wanted) {
    if (String(told.get(address)) === String(values)) continue;
    told.set(address, values);
    send(address, ...values);
  }
}

// A dial at its default leaves the knob to the pads; one that never left it is not worth a word.
function turn({ osc, initial }, value) {
  const isTurned = Math.abs(value - initial) > SAME;
  if (isTurned || wanted.has(osc)) want(osc, isTurned ? value : RELEASE);
}

function observe(property) {
  const heard = ([name, ...value]) => {
    if (name !== property) return;
    song[property] = value.join(" ");
    attempt(follow);
  };
  const api = new LiveAPI(heard, "live_set");
  api.property = property;
  return api;
}

function follow() {
  const { tempo, signature_numerator: n, signature_denominator: d, root_note: root, scale_name: scale } = song;
  if (tempo) want(OSC.tempo, Number(tempo), "live");
  if (n && d) want(OSC.meter, Number(n), Number(d));
  if (Number(song.scale_mode) && root && scale) want(OSC.key, `${NOTES[Number(root)]} ${scale}`);
  else if (wanted.has(OSC.key)) want(OSC.key, "none");
}

// Live's clips.

function place(slot, path, bpm, seconds) {
  const { name, color } = pads[slot] ?? { name: `pad ${slot}`, color: "#808080" };
  const at = emptySlot();
  at.slot.call("create_audio_clip", path);
  if (!is(at.slot, "has_clip")) throw new Error(`Live takes no clip from ${path}`);
  const clip = new LiveAPI(`${at.path} clip`);
  clip.set("warping", 1);
  newClips.push({ clip, name, color, bpm, seconds, number: at.number });
  settler.schedule(SETTLE_MS);
}

function emptySlot() {
  const [path] = /live_set tracks \d+/.exec(new LiveAPI("this_device").path) ?? [];
  const track = path && new LiveAPI(path);
  if (!track || !is(track, "has_audio_input")) throw new Error("no clip made: put this device on an audio track");
  if (is(track, "is_frozen")) throw new Error("no clip made: this track is frozen");
  for (let index = 0; index < track.getcount("clip_slots"); index += 1) {
    const slot = new LiveAPI(`${path} clip_slots ${index}`);
    if (!is(slot, "has_clip")) return { slot, path: `${path} clip_slots ${index}`, number: index + 1 };
  }
  throw new Error("no clip made: this track has no empty slot");
}

function is(api, property) {
  return Number(api.get(property)) === 1;
}

function settle() {
  const clips = newClips;
  newClips = [];
  for (const made of clips) attempt(() => finish(made));
}

function finish({ clip, name, color, bpm, seconds, number }) {
  const quarters = Math.round((seconds * bpm * COLUMNS_PER_QUARTER) / 60) / COLUMNS_PER_QUARTER;
  clip.set("name", name);
  clip.set("color", parseInt(color.slice(1), 16));
  try {
    straighten(clip, bpm);
  } finally {
    clip.set("looping", 1);
    for (const start of ["loop_start", "start_marker"]) clip.set(start, 0);
    for (const end of ["loop_end", "end_marker"]) clip.set(end, quarters);
  }
  say(`${name}: ${quarters} beats in slot ${number}`);
}

// Live guesses the tempo of a clip, and often wrongly where the bars are not 1, 2, 4 or 8.
function straighten(clip, bpm) {
  const found = JSON.parse(String(clip.get("warp_markers")));
  const markers = found.warp_markers ?? found;
  const first = markers[0];
  const last = markers[markers.length - 1];
  for (const inner of markers.slice(1, -1)) clip.call("remove_warp_marker", inner.beat_time);
  const beat = first.beat_time + ((last.sample_time - first.sample_time) * bpm) / 60;
  if (Math.abs(beat - last.beat_time) > SAME) clip.call("move_warp_marker", last.beat_time, beat - last.beat_time);
}
