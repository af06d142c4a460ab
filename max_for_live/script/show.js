
// What the device shows.

const RED = [0.9, 0.2, 0.15, 1];
const GREEN = [0.3, 0.8, 0.35, 1];
const AMBER = [0.98, 0.7, 0.2, 1];
const SURFACE = [0.23, 0.23, 0.23];
const FAINT = 0.4; // how much of its colour an empty pad shows
const pads = []; // { name, color, state, progress, hasLoop } of the bank, by number

function show(name, ...message) {
  here.patcher.getnamed(name)?.message(...message);
}

function say(text) {
  show("status", "set", String(text).replace(/\s+/g, " ").trim());
}

function light(color) {
  show("light", "textcolor", ...color);
}

function padOf(number) {
  return (pads[number] ??= { name: number === 0 ? "prompt" : `pad ${number}`, color: "#808080", state: "empty" });
}

// What a pad shows when what it was asked for is called off.
function calmState(number) {
  return padOf(number).hasLoop ? "ready" : "empty";
}

function channels(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
}

// Empty: faint. Waiting and rendering: amber. Ready: the pad's own colour. Failed: red.
function paint(number, state, progress = 0) {
  const one = Object.assign(padOf(number), { state, progress });
  if (state === "ready" || state === "empty") one.hasLoop = state === "ready";
  if (number < 1 || number > NUM_PADS) return;
  const own = channels(one.color);
  const faint = own.map((part, at) => FAINT * part + (1 - FAINT) * SURFACE[at]);
  const fill = { empty: faint, ready: own, failed: RED, waiting: AMBER, rendering: AMBER }[state];
  const [red, green, blue] = fill;
  const ink = 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 ? 0.05 : 1;
  const text = { waiting: "wait...", rendering: `${Math.round(100 * progress)} %` }[state] ?? one.name;
  show(`pad${number}`, "text", text);
  show(`pad${number}`, "texton", text);
  show(`pad${number}`, "activebgcolor", red, green, blue, 1);
  show(`pad${number}`, "activetextcolor", ink, ink, ink, 1);
}
