// Runs the device's script through steps, on a clock of its own. Each line of stdin is { script, live, steps };
// each line of stdout what the device sent, showed and made of the set.
"use strict";
const readline = require("node:readline");
const { Live } = require("./lom.js");
const { Device } = require("./max.js");

const TICK_MS = 10;

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = run(JSON.parse(line));
  } catch (error) {
    answer = { crash: error.stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});

function run({ script, live: set, steps }) {
  const out = { sent: [], port: null, daemon: null, players: [] };
  const live = new Live(set);
  let now = 0;
  let due = [];
  const clock = {
    now: () => now,
    after(delay, action) {
      const entry = { at: now + delay, action };
      due.push(entry);
      return () => (due = due.filter((each) => each !== entry));
    },
  };

  function heard(index, message) {
    if (index === 1) out.port = message;
    else if (index === 2) out.players.push(message);
    else if (message[0] === "port") out.daemon = message[1];
    else out.sent.push(message);
  }

  const globals = set.globals ?? {};
  const device = new Device({ script, live, self: set.this_device, globals, clock, heard });
  const perform = {
    message: (...words) => device.message(...words),
    wait(duration) {
      for (const end = now + duration; now < end; now += TICK_MS) {
        live.settle();
        live.pass(TICK_MS);
        const ready = due.filter((each) => each.at <= now);
        due = due.filter((each) => each.at > now);
        ready.forEach((each) => each.action());
      }
    },
    set: (property, value) => live.turn(property, value),
    empty: (slot) => live.empty(slot),
    type(field, text) {
      (device.typed ??= {})[field] = text;
    },
    forget() {
      out.sent = [];
      out.players = [];
    },
  };
  for (const [step, ...values] of steps) perform[step](...values);
  return { ...out, shown: device.shown, live: set, globals };
}
