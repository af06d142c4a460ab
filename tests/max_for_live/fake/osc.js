// OSC as Max writes and reads it: whole numbers are i, other numbers f, the rest s.
"use strict";

function padded(text) {
  const bytes = Buffer.from(`${text}\0`, "utf8");
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function encode([address, ...values]) {
  const parts = values.map((value) => {
    if (typeof value !== "number") return ["s", padded(value)];
    const bytes = Buffer.alloc(4);
    if (Number.isInteger(value)) bytes.writeInt32BE(value);
    else bytes.writeFloatBE(value);
    return [Number.isInteger(value) ? "i" : "f", bytes];
  });
  const types = `,${parts.map(([type]) => type).join("")}`;
  return Buffer.concat([padded(address), padded(types), ...parts.map(([, bytes]) => bytes)]);
}

function decode(data) {
  let at = 0;
  const text = () => {
    const end = data.indexOf(0, at);
    const found = data.toString("utf8", at, end);
    at += (Math.floor((end - at) / 4) + 1) * 4;
    return found;
  };
  const number = (read) => {
    const value = data[read](at);
    at += 4;
    return value;
  };
  const address = text();
  const types = text().slice(1);
  const read = { i: () => number("readInt32BE"), f: () => number("readFloatBE"), s: text };
  return [address, ...[...types].map((type) => read[type]())];
}

module.exports = { decode, encode };
