// Runs the device's script against a small Live and a small Max, both written from their documentation.
// Each line of stdin is { script, live, steps }; each line of stdout what the device sent, showed and made.
"use strict";
const vm = require("node:vm");
const readline = require("node:readline");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = run(JSON.parse(line));
  } catch (error) {
    answer = { crash: error.stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});

function run({ script, live, steps }) {
  const out = { sent: [], port: null, shown: {} };
  const tasks = [];
  const observers = [];
  const deferred = []; // Live sets some properties of a clip only after the call
  let now = 0;
  let isNotifying = false;

  class Task {
    constructor(action) {
      Object.assign(this, { action, at: Infinity, interval: 500, repeats: false });
      tasks.push(this);
    }
    schedule(delay = 0) {
      this.at = now + delay;
    }
    repeat() {
      this.repeats = true;
      this.at = now;
    }
    cancel() {
      this.at = Infinity;
      this.repeats = false;
    }
  }

  function find(path) {
    let at = live;
    for (const word of path.replace(/^this_device/, live.this_device).split(" ")) at = at?.[word];
    return at;
  }

  function change() {
    if (isNotifying) throw new Error("Changes cannot be triggered by notifications.");
  }

  const calls = {
    create_audio_clip(slot, file) {
      if (live.refuses) throw new Error(live.refuses);
      if (slot.has_clip) throw new Error("Clip slot is not empty");
      if (live.ignores) return;
      slot.has_clip = 1;
      // Live's guess for a loop that it does not know: eight beats.
      const markers = [
        { sample_time: 0, beat_time: 0 },
        { sample_time: 0.5, beat_time: 0.9 },
        { sample_time: live.seconds, beat_time: 8 },
      ];
      slot.clip = { file, warping: 0, looping: 0, loop_start: 0, loop_end: live.seconds, warp_markers: markers };
    },
    remove_warp_marker(clip, beat) {
      clip.warp_markers = clip.warp_markers.filter((marker) => marker.beat_time !== beat);
    },
    move_warp_marker(clip, beat, distance) {
      if (live.keeps_markers) throw new Error(live.keeps_markers);
      const marker = clip.warp_markers.find((each) => each.beat_time === beat);
      if (!marker) throw new Error("No warp marker there");
      marker.beat_time += distance;
    },
  };

  class LiveAPI {
    constructor(...given) {
      const path = given.pop();
      const target = path === "this_device" ? live.this_device : path;
      this.callback = given.pop();
      this.path = `"${target}"`;
      this.object = find(target);
    }
    set property(name) {
      this.observed = name;
      observers.push(this);
      this.notify();
    }
    notify() {
      isNotifying = true;
      this.callback([this.observed, ...[].concat(this.object[this.observed])]);
      isNotifying = false;
    }
    get(name) {
      const value = this.object[name];
      return [typeof value === "object" ? JSON.stringify({ [name]: value }) : value];
    }
    getcount(name) {
      return this.object[name].length;
    }
    set(name, value) {
      change();
      if (name === "warping") deferred.push(() => (this.object.warping = value));
      else if (name === "looping" && !this.object.warping) throw new Error("An unwarped clip cannot loop");
      else this.object[name] = value;
    }
    call(name, ...values) {
      change();
      return calls[name](this.object, ...values);
    }
  }

  const box = (name) => ({
    message(selector, ...values) {
      (out.shown[name] ??= {})[selector] = values.length > 1 ? values : values[0];
    },
  });

  const max = vm.createContext({
    LiveAPI,
    Task,
    patcher: { getnamed: box },
    outlet(index, ...message) {
      if (index === 0) out.sent.push(message);
      else out.port = message;
    },
  });

  function message(selector, ...values) {
    max.messagename = selector;
    if (typeof max[selector] === "function") max[selector](...values);
    else max.anything(...values);
  }

  const perform = {
    message,
    wait(duration) {
      for (const end = now + duration; now < end; now += 10) {
        deferred.splice(0).forEach((set) => set());
        for (const task of tasks.filter((each) => each.at <= now)) {
          task.at = task.repeats ? now + task.interval : Infinity;
          task.action();
        }
      }
    },
    set(property, value) {
      live.live_set[property] = value;
      observers.filter((each) => each.observed === property).forEach((each) => each.notify());
    },
    forget() {
      out.sent = [];
    },
  };

  vm.runInContext(script, max, { filename: "device.js" });
  for (const [step, ...values] of steps) perform[step](...values);
  return { ...out, live };
}
