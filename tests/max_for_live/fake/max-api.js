// What Node for Max gives a script: handlers for messages, and an outlet. Here both are lines of JSON.
"use strict";
const readline = require("node:readline");

const handlers = {};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [name, ...values] = JSON.parse(line);
  handlers[name]?.(...values);
}).on("close", () => process.exit(0));

module.exports = {
  addHandler(name, handler) {
    handlers[name] = handler;
  },
  outlet(...message) {
    process.stdout.write(`${JSON.stringify(message)}\n`);
  },
};
