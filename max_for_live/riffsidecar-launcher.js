// The script of Riffsidecar Launcher.amxd, in Node for Max: it looks whether the daemon is there, and starts
// it where somebody asks. It never ends a daemon that it did not start.
"use strict";
const Max = require("max-api");
const { spawn } = require("node:child_process");
const dgram = require("node:dgram");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const BEAT_MS = 2000;
const AWAY_MS = 12000; // without a pong; a busy machine keeps the daemon from answering
const FIRST_LOOK_MS = 5000; // for a daemon that runs to answer, before one is started by itself
const PATIENCE_MS = 90000; // the first start loads the model, and scans of a new program take their time
const RED = [0.9, 0.2, 0.15, 1];
const AMBER = [0.98, 0.7, 0.2, 1];
const GREEN = [0.3, 0.8, 0.35, 1];
const PING = Buffer.from("/riff/ping\0\0,\0\0\0");

let port = @PORT@;
let isAutostart = false; // until one runs: who stops it later means it
let lastPong = 0;
const begun = Date.now();
let child = null; // what this device has started
let startedAt = 0;
let shown = "";

const socket = dgram.createSocket("udp4");
socket.on("message", (data, from) => {
  if (from.port === port && data.toString("latin1").startsWith("/riff/pong")) {
    lastPong = Date.now();
    look();
  }
});
socket.on("error", (error) => say(error.message));
socket.bind(0, "127.0.0.1", () => Max.outlet("hello"));

Max.addHandler("port", (number) => {
  if (port !== Math.round(number)) lastPong = 0; // who answered at the port before is somebody else
  port = Math.round(number);
  ping();
});
Max.addHandler("autostart", (isOn) => {
  isAutostart = Number(isOn) === 1;
});
Max.addHandler("start", start);
Max.addHandler("stop", stop);

const heartbeat = setInterval(() => {
  ping();
  look();
}, BEAT_MS);
ping();

function ping() {
  socket.send(PING, port, "127.0.0.1");
}

function isThere() {
  return Date.now() - lastPong < AWAY_MS;
}

function look() {
  const wasStarted = startedAt > 0;
  if (isThere()) {
    startedAt = 0;
    isAutostart = false;
    return tell(GREEN, child ? "riffsidecar runs, started here" : "riffsidecar runs");
  }
  if (wasStarted && Date.now() - startedAt < PATIENCE_MS) return;
  if (wasStarted) startedAt = 0;
  // Not before a daemon that runs has had time to answer.
  if (isAutostart && !child && Date.now() - begun > FIRST_LOOK_MS) return start();
  tell(RED, "riffsidecar does not run");
}

// The command line writes where it lies, because programs with windows often have no search path.
function command() {
  const home = os.homedir();
  const folder = {
    darwin: path.join(home, "Library", "Application Support", "riffsidecar"),
    win32: path.join(process.env.APPDATA ?? path.join(home, "AppData", "Roaming"), "riffsidecar"),
  }[process.platform] ?? path.join(process.env.XDG_CONFIG_HOME || path.join(home, ".config"), "riffsidecar");
  const file = path.join(folder, "launcher.json");
  const words = JSON.parse(fs.readFileSync(file, "utf8")).command;
  if (!Array.isArray(words) || words.length === 0 || !words.every((word) => typeof word === "string")) {
    throw new Error(`${file} names no command`);
  }
  return words;
}

function start() {
  isAutostart = false;
  if (isThere()) return look();
  if (child && startedAt > 0) return tell(AMBER, "riffsidecar is starting already");
  if (child) return tell(AMBER, "one was started here that does not answer at this port: stop it first");
  let words;
  try {
    words = command();
  } catch (error) {
    return tell(RED, 'Live does not know where riffsidecar lies: run "riffsidecar install-device" once');
  }
  const made = spawn(words[0], [...words.slice(1), "--port", String(port)], {
    detached: true,
    stdio: "ignore",
    cwd: os.homedir(),
    windowsHide: true,
  });
  child = made;
  startedAt = Date.now();
  made.on("error", (error) => ended(made, `riffsidecar cannot be started: ${error.message}`));
  made.on("exit", (code) => ended(made, `riffsidecar has ended (${code ?? "stopped"}): run "riffsidecar doctor"`));
  made.unref();
  tell(AMBER, "riffsidecar starts; the first time takes a minute");
}

function ended(which, text) {
  if (child !== which) return;
  child = null;
  startedAt = 0;
  tell(RED, text);
}

function stop() {
  if (!child) return tell(isThere() ? GREEN : RED, "nothing to stop: it was not started here");
  const mine = child;
  child = null;
  startedAt = 0;
  lastPong = 0;
  mine.kill();
  tell(RED, "riffsidecar is stopped");
}

function tell(color, text) {
  if (text === shown) return;
  shown = text;
  Max.outlet("light", ...color);
  say(text);
}

function say(text) {
  Max.outlet("status", String(text).replace(/\s+/g, " ").trim());
}

module.exports = { heartbeat, socket };
