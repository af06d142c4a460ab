// A small Live in real time: devices with real UDP, as udpsend and udpreceive have it. Each line of stdin is an
// order, each line of stdout its answer; "until" answers when what it waits for is so.
"use strict";
const dgram = require("node:dgram");
const readline = require("node:readline");
const { Live } = require("./lom.js");
const { Device } = require("./max.js");
const { decode, encode } = require("./osc.js");

const PATIENCE_MS = 150000; // a busy machine takes a minute to load the model
const SETTLE_MS = 20;

const devices = {};
const globals = {};
const waiting = new Set();
let live = null;

const clock = {
  now: () => Date.now(),
  after(delay, action) {
    const timer = setTimeout(action, delay);
    return () => clearTimeout(timer);
  },
};

const ORDERS = {
  open({ set }) {
    live = new Live(set);
    setInterval(() => {
      live.settle();
      live.pass(SETTLE_MS);
      look();
    }, SETTLE_MS);
  },
  load({ name, script, where }) {
    const sender = dgram.createSocket("udp4");
    let receiver = null;
    let port = 0;
    const device = new Device({
      script,
      live,
      self: where,
      globals,
      clock,
      heard(index, message) {
        if (index === 1) receiver = listenAt(message[1], receiver, device);
        else if (index === 0 && message[0] === "port") port = message[1];
        else if (index === 0) sender.send(encode(message), port, "127.0.0.1");
      },
    });
    device.sender = sender;
    device.changed = look;
    devices[name] = device;
  },
  message({ name, words }) {
    devices[name].message(...words);
  },
  type({ name, field, text }) {
    (devices[name].typed ??= {})[field] = text;
  },
  turn({ property, value }) {
    live.turn(property, value);
  },
  look({ name }) {
    return { set: live.live.live_set, shown: devices[name]?.shown, globals };
  },
};

// udpreceive hears nothing where another one has the port, and says so in the console alone.
function listenAt(port, before, device) {
  before?.close();
  const socket = dgram.createSocket("udp4");
  socket.on("message", (data) => device.message(...decode(data)));
  socket.on("error", () => {});
  socket.bind(port, "127.0.0.1");
  return socket;
}

function look() {
  for (const check of [...waiting]) check();
}

function until({ name, box, selector, pattern }, answer) {
  const check = () => {
    const now = JSON.stringify(devices[name].shown[box]?.[selector] ?? null);
    if (!new RegExp(pattern).test(now)) return;
    clearTimeout(timer);
    waiting.delete(check);
    answer({ found: now });
  };
  const timer = setTimeout(() => {
    waiting.delete(check);
    answer({ crash: `never ${pattern}: ${JSON.stringify(devices[name].shown[box])}` });
  }, PATIENCE_MS);
  waiting.add(check);
  check();
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { order, ...what } = JSON.parse(line);
  const answer = (value) => process.stdout.write(`${JSON.stringify(value ?? {})}\n`);
  try {
    if (order === "until") until(what, answer);
    else answer(ORDERS[order](what));
  } catch (error) {
    answer({ crash: error.stack });
  }
}).on("close", () => process.exit(0));
