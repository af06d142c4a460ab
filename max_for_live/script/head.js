// The script inside Riffsidecar.amxd: Live on one side, the riffsidecar daemon on the other.
// `python -m max_for_live.build` joins the files of this folder, and puts riffsidecar's own tables in below.
const TABLE = "@TABLE@";
const { OSC, KNOBS, NOTES, RELEASE, STOPPED, BARS, PLACES, NUM_PADS, AFTER_SAMPLES } = TABLE;

inlets = 1;
outlets = 3; // to udpsend, to udpreceive, to the players

const here = this; // what Max calls jsthis
const board = new Global("riffsidecar"); // one for all devices of a set; it holds one text
const me = Math.random().toString(36).slice(2, 6); // tells this device from the others

// What Max calls. Whatever fails becomes one line of text in the device.

function bang() {
  attempt(start);
}

function notifydeleted() {
  share((all) => {
    delete all.ports[me];
    if (all.catcher === me) all.catcher = null;
  });
}

function daemon_port(number) {
  attempt(() => callDaemonAt(Math.round(number)));
}

function pad(number) {
  attempt(() => hit(number));
}

function knob(name, value) {
  attempt(() => turn(KNOBS[name], value));
}

function bars(index) {
  attempt(() => chooseBars(BARS[index]));
}

function bank(name) {
  attempt(() => chooseBank(name));
}

function remembered(name) {
  attempt(() => rememberBank(name));
}

function follow(what, isOn) {
  attempt(() => followSong(what, Number(isOn) === 1));
}

function to(index) {
  options.place = PLACES[index];
}

function launch(isOn) {
  options.isLaunching = Number(isOn) === 1;
}

function catching(isOn) {
  options.isCatching = Number(isOn) === 1;
}

function prompt(which, ...words) {
  prompts[which] = words.filter((word, at) => at > 0 || word !== "text").join(" ").trim();
}

function make() {
  attempt(() => makeLoop());
}

function journey() {
  attempt(journeyButton);
}

function keep() {
  attempt(keepLoop);
}

function stop() {
  attempt(stopListening);
}

function loaded(player) {
  attempt(() => ready(player));
}

function anything(...values) {
  const answer = ANSWERS[messagename];
  if (!answer) return;
  missed = 0; // whatever it says, the daemon lives
  attempt(() => answer(...values));
}

function attempt(action) {
  try {
    action();
  } catch (error) {
    say(error.message ?? error);
  }
}

// What the devices of a set know of each other: the port of each, which one told the daemon last (by address),
// and which one was used last.
function shared() {
  return { ports: {}, senders: {}, catcher: null, ...JSON.parse(board.state || "{}") };
}

function share(change) {
  const all = shared();
  change(all);
  board.state = JSON.stringify(all);
}

const options = { place: PLACES[0], isLaunching: false, isCatching: true };
const prompts = { a: "", b: "" };
