
// The daemon: is it there, what is it told, what does it answer.

const BEAT_MS = 2000; // from one sign of life to the next
const MISSED_BEATS = 5; // so many without a word, and the daemon is away; a busy machine keeps it from answering
const HELLOS_AT_A_PORT = 5; // then another program may hold it, and the next one is tried
const NUM_PORTS = 32;
const TELL_MS = 50; // changes wait so long for others: an automated dial sends 20 messages a second
const SAME = 1e-5; // the daemon's own rounding of a knob
const QUIET = "q"; // in the id of what is told on the way to something else, and makes no clip

const wanted = new Map(); // what the daemon is to know, by address
let told = new Map(); // what it was told since its welcome
let replyPort = 0;
let requests = 0;
let missed = 0;
let hellos = 0;
let isPresent = false;
let isOurPort = false; // answers have come in at the reply port, so it is this device's
let isTelling = false;
let daemonBank = "";
let ownBank = "";
let shownBank = "";
let heartbeat, teller;

function start() {
  heartbeat?.cancel();
  teller = new Task(() => attempt(tell), here);
  heartbeat = new Task(() => attempt(beat), here);
  startClips();
  startSong();
  away();
  listen(freePort(0));
  heartbeat.interval = BEAT_MS;
  heartbeat.repeat();
}

// A port belongs to one device of the machine. Those of this Live know of each other.
function freePort(after) {
  const taken = Object.entries(shared().ports).filter(([who]) => who !== me);
  for (let step = 0; step < NUM_PORTS; step += 1) {
    const port = TABLE.REPLY_PORT + ((after + step) % NUM_PORTS);
    if (!taken.some(([, other]) => other === port)) return port;
  }
  return TABLE.REPLY_PORT;
}

function listen(number) {
  replyPort = number;
  isOurPort = false;
  share((all) => (all.ports[me] = number));
  hellos = 0;
  outlet(1, "port", replyPort);
  greet();
}

function callDaemonAt(number) {
  outlet(0, "port", number);
  if (heartbeat) greet();
}

function greet() {
  hellos += 1;
  send(OSC.hello, replyPort, "live");
}

function beat() {
  missed += 1;
  if (isPresent && missed > MISSED_BEATS) away();
  if (isPresent) send(OSC.ping);
  else if (!isOurPort && hellos >= HELLOS_AT_A_PORT) listen(freePort(replyPort - TABLE.REPLY_PORT + 1));
  else greet();
}

function away() {
  isPresent = false;
  light(RED);
  say('riffsidecar does not answer: start "riffsidecar run", or the Riffsidecar Launcher device');
  for (let number = 1; number <= NUM_PADS; number += 1) {
    if (["waiting", "rendering"].includes(padOf(number).state)) paint(number, "failed");
  }
}

// Ask for a loop. What other devices of the set have told the daemon meanwhile is put right before.
function ask(address, ...values) {
  if (!isPresent) return away();
  share((all) => (all.catcher = me));
  tell();
  if (ownBank && daemonBank && ownBank !== daemonBank) sendQuietly(OSC.bank, ownBank);
  const { senders } = shared();
  for (const other of [...Object.values(KNOBS).map((each) => each.osc), OSC.bars]) {
    if ((senders[other] ?? me) !== me) tellAgain(other);
  }
  return send(address, ...values);
}

function tellAgain(address) {
  const values = wanted.get(address) ?? [RELEASE];
  sendQuietly(address, ...values);
  share((all) => (all.senders[address] = me));
}

function send(address, ...values) {
  requests += 1;
  const id = `${mark()}${requests}`;
  outlet(0, address, ...values, id);
  return id;
}

function sendQuietly(address, ...values) {
  requests += 1;
  outlet(0, address, ...values, `${mark()}${QUIET}${requests}`);
}

// Not by the port: a loop that was asked for before another one was taken is still this device's.
function mark() {
  return `id:live-${me}-`;
}

function isMine(id) {
  return String(id).startsWith(mark());
}

function isDevices(id) {
  return String(id).startsWith("id:live");
}

// A loop becomes a clip here where this device asked, or where no device did and this one was used last.
function isForMe(id) {
  if (isMine(id)) return !String(id).startsWith(mark() + QUIET);
  return !isDevices(id) && options.isCatching && (shared().catcher ?? me) === me;
}

const ANSWERS = {
  [OSC.welcome]: (port, version, state, _name, id) => {
    // Where two programs share a port, each hears the other's.
    if (port !== replyPort || (id && !isMine(id))) return;
    hellos = 0;
    isPresent = true;
    isOurPort = true;
    told = new Map();
    light(GREEN);
    say(`riffsidecar ${version} is ${state}`);
    if (ownBank) sendQuietly(OSC.bank, ownBank);
    send(OSC.query, "state");
    tell();
    tellTransport();
  },
  [OSC.pong]: () => {},
  [OSC.state]: (part, ...values) => showState(part, values),
  [OSC.ack]: (id, slot) => {
    if (slot < 0 || String(id).startsWith(mark() + QUIET)) return;
    paint(slot, "waiting");
    padOf(slot).id = id; // also of a knob that makes the loop anew
  },
  [OSC.progress]: (id, fraction, left, slot, stage) => {
    paint(slot, "rendering", fraction);
    const seconds = left >= 0 ? `, ${Math.ceil(left)} s left` : "";
    const name = isOfJourney(id) ? "journey" : padOf(slot).name;
    if (isForMe(id)) say(`${name}: ${stage}, ${Math.round(100 * fraction)} %${seconds}`);
  },
  [OSC.preview]: (id, ...rest) => {
    const loop = loopOf(id, ...rest);
    if (loop.slot >= 0 && isForMe(id)) deliverDraft(loop);
  },
  [OSC.done]: (id, ...rest) => {
    const loop = loopOf(id, ...rest);
    if (loop.slot < 0) return;
    paint(loop.slot, "ready");
    if (isForMe(id)) deliver(loop);
  },
  [OSC.error]: (id, code, text) => {
    const waiting = pads.findIndex((each) => ["waiting", "rendering"].includes(each?.state) && each.id === id);
    const isMeant = STOPPED.includes(code);
    drafts.delete(id);
    if (waiting >= 0) paint(waiting, isMeant ? calmState(waiting) : "failed");
    const wasJourney = isMine(id) && endJourney(id);
    if (isMeant && !wasJourney) return;
    if (isMine(id) || !isDevices(id)) say(text);
  },
};

function loopOf(id, slot, path, _bars, bpm, ...rest) {
  // From the end: a loop without a key has an empty text there, which may get lost on its way.
  const [samples, rate] = rest.slice(-AFTER_SAMPLES);
  return { id: String(id), slot, path, bpm, seconds: samples / rate };
}

function showState(part, values) {
  if (part === "bank") daemonBank = values[0];
  // Each device shows its own bank, whichever the daemon plays for another one.
  const isOwn = !ownBank || ownBank === daemonBank;
  if (part === "banks") offerBanks(values);
  if (part === "bank" && isOwn) enterBank(values[0]);
  if (part === "pad" && isOwn) {
    const [number, name, , color] = values;
    const state = padOf(number).state;
    Object.assign(padOf(number), { name, color, isTonal: Number(values[4]) === 1 });
    paint(number, state, padOf(number).progress);
  }
  if (part === "problem" && values[0]) say(values[0]);
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
    share((all) => (all.senders[address] = me));
    send(address, ...values);
  }
}

// A dial at its default leaves the knob to the pads; one that never left it is not worth a word.
function turn({ osc, initial }, value) {
  const isTurned = Math.abs(value - initial) > SAME;
  if (isTurned || wanted.has(osc)) want(osc, isTurned ? value : RELEASE);
}

function chooseBars(value) {
  if (value !== RELEASE || wanted.has(OSC.bars)) want(OSC.bars, value);
}

// Pads and banks.

function hit(number) {
  const id = ask(OSC.pad, number);
  if (id) padOf(number).id = id;
}

// A text field keeps what was typed until it is asked.
function readPrompts() {
  for (const which of ["a", "b"]) show(`prompt-${which}`, "bang");
}

function makeLoop() {
  readPrompts();
  if (!prompts.a) throw new Error("write a prompt in field A first, such as: warm rhodes chords");
  const morphing = prompts.b ? ["prompt_b", prompts.b] : [];
  const id = ask(OSC.render, prompts.a, ...morphing);
  if (id) padOf(0).id = id;
}

function offerBanks(names) {
  show("bank", "clear");
  for (const name of names) show("bank", "append", name);
  if (ownBank || daemonBank) show("bank", "setsymbol", ownBank || daemonBank);
}

function enterBank(name) {
  if (name === shownBank) return;
  shownBank = name;
  show("bank", "setsymbol", name);
  for (let number = 1; number <= NUM_PADS; number += 1) paint(number, "empty");
}

function chooseBank(name) {
  // Max makes a number of a name such as 808, and the daemon would count the banks.
  rememberBank(name);
  show("bank-memory", ownBank); // stored with the set
  if (isPresent) send(OSC.bank, ownBank);
}

function rememberBank(name) {
  if (name && name !== "bang") ownBank = String(name);
}
