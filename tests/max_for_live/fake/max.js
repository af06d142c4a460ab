// What Max gives a script: LiveAPI, Task, Global, the patcher's boxes and the outlets.
"use strict";
const vm = require("node:vm");
const { Live } = require("./lom.js");

class Device {
  // `clock` has now(), and after(delay, action), which returns what cancels it; `heard` gets every outlet's messages.
  constructor({ script, live, self, globals, clock, heard }) {
    this.shown = {};
    this.clock = clock;
    this.context = vm.createContext({
      LiveAPI: apiOf(live, self),
      Task: taskOf(clock),
      Date: { now: () => clock.now() },
      Global: function Global(name) {
        return new Proxy((globals[name] ??= {}), { set: setPlain });
      },
      patcher: { getnamed: (name) => this.box(name) },
      outlet: (index, ...message) => heard(index, message.flat()),
    });
    vm.runInContext(script, this.context, { filename: "device.js" });
  }

  box(name) {
    return {
      message: (selector, ...values) => {
        const box = (this.shown[name] ??= {});
        box[selector] = values.length > 1 ? values : values[0];
        (box.heard ??= []).push([selector, ...values]);
        const typed = this.typed?.[name];
        // A text field that gets a bang tells what was typed.
        if (selector === "bang" && typed !== undefined) this.message("prompt", name.slice(-1), "text", typed);
        this.changed?.();
      },
    };
  }

  message(selector, ...values) {
    this.context.messagename = selector;
    if (typeof this.context[selector] === "function") this.context[selector](...values);
    else this.context.anything(...values);
  }
}

// Whether objects cross from one script to another is not said anywhere, so only plain values do here.
function setPlain(target, name, value) {
  if (typeof value === "object") throw new Error(`Global holds no objects, so ${name} cannot be one`);
  target[name] = value;
  return true;
}

function taskOf(clock) {
  return class Task {
    constructor(action) {
      Object.assign(this, { action, interval: 500, cancelled: () => {} });
    }
    schedule(delay = 0) {
      this.cancel();
      this.cancelled = clock.after(delay, () => this.action());
    }
    repeat() {
      const again = () => {
        this.cancelled = clock.after(this.interval, again);
        this.action();
      };
      this.cancel();
      this.cancelled = clock.after(0, again);
    }
    cancel() {
      this.cancelled();
      this.cancelled = () => {};
    }
  };
}

function apiOf(live, self) {
  return class LiveAPI {
    constructor(...given) {
      const path = given.pop();
      this.callback = given.pop();
      this.path = `"${path === "this_device" ? self : path}"`;
      this.object = live.find(path, self);
    }
    get id() {
      return live.idOf(this.object);
    }
    set property(name) {
      this.observed = name;
      live.observe(this);
    }
    get(name) {
      return Live.atoms(name, this.object?.[name]);
    }
    getcount(name) {
      return this.object[name].length;
    }
    set(name, value) {
      live.set(this.object, name, value);
    }
    call(name, ...values) {
      return live.call(this.object, name, ...values);
    }
  };
}

module.exports = { Device };
