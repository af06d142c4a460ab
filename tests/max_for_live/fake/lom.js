// A small Live Object Model, from its documentation: objects, observers, properties that are set later than
// they are told to, and what Live refuses. `live.live_set` is the set; lists are its children.
"use strict";

const WARP_MODES = [0, 1, 2, 3, 4, 6];
const PLACE_MS = 100; // so often Live says where a song that plays is
const SHADOW_BEATS = 0.03125; // Live's hidden last warp marker lies so far behind the one before it

class Live {
  constructor(live) {
    this.live = live;
    this.observers = [];
    this.deferred = [];
    this.isNotifying = false;
    this.passedMs = 0;
    this.objects = []; // by id, from 1
    for (const [index, track] of live.live_set.tracks.entries()) {
      track.arrangement_clips ??= [];
      track.devices ??= [];
      track.name ??= `track ${index + 1}`;
    }
  }

  // Max carries numbers, symbols and lists of them; a dictionary comes as its JSON.
  static atoms(name, value) {
    if (Array.isArray(value) && value.every((each) => typeof each !== "object")) return value;
    return [typeof value === "object" ? JSON.stringify({ [name]: value }) : value];
  }

  find(path, self) {
    const words = path.replace(/^this_device/, self).replaceAll('"', "").split(" ");
    if (words[0] === "id") return this.objects[Number(words[1]) - 1];
    let at = this.live;
    const parents = [];
    for (const word of words) {
      parents.push(at);
      // The parent of a device is its track or chain, two words before it.
      at = word === "canonical_parent" ? parents.at(-3) : at?.[word];
    }
    return at ?? undefined;
  }

  idOf(object) {
    if (!object) return 0;
    if (!this.objects.includes(object)) this.objects.push(object);
    return this.objects.indexOf(object) + 1;
  }

  change() {
    if (this.isNotifying) throw new Error("Changes cannot be triggered by notifications.");
  }

  set(object, name, value) {
    this.change();
    if (name === "warping") this.deferred.push(() => (object.warping = value));
    else if (name === "looping" && !object.warping) throw new Error("An unwarped clip cannot loop");
    else if (name === "warp_mode" && !object.available_warp_modes.includes(value)) throw new Error("no such mode");
    else object[name] = value;
  }

  call(object, name, ...values) {
    this.change();
    const refusal = this.live.refuses?.[name];
    // Whether an error of Live reaches the script or only Max's console differs; both must do.
    if (refusal && this.live.posts) return undefined;
    if (refusal) throw new Error(refusal);
    const method = CALLS[name];
    // Max posts an error to its console for a function that this Live does not have, and goes on.
    if (!method || (this.live.without ?? []).includes(name)) return undefined;
    return method(this, object, ...values);
  }

  settle() {
    this.deferred.splice(0).forEach((set) => set());
  }

  // A song that plays goes on.
  pass(ms) {
    const set = this.live.live_set;
    if (!Number(set.is_playing)) return;
    set.current_song_time += (ms / 60000) * set.tempo;
    this.passedMs += ms;
    if (this.passedMs < PLACE_MS) return;
    this.passedMs = 0;
    this.turn("current_song_time", set.current_song_time);
  }

  observe(observer) {
    this.observers.push(observer);
    this.tell(observer);
  }

  tell(observer) {
    this.isNotifying = true;
    observer.callback([observer.observed, ...[].concat(observer.object[observer.observed])]);
    this.isNotifying = false;
  }

  // Somebody changes the song by hand.
  turn(property, value) {
    this.live.live_set[property] = value;
    const heard = this.observers.filter((each) => each.observed === property);
    heard.forEach((observer) => this.tell(observer));
  }

  // Somebody empties a slot of the second track by hand.
  empty(index) {
    const slot = this.live.live_set.tracks[1].clip_slots[index];
    slot.has_clip = 0;
    delete slot.clip;
  }

  newClip(file) {
    const seconds = this.live.seconds?.[file] ?? this.live.seconds?.["*"] ?? 2;
    const set = this.live.live_set;
    const bar = (set.signature_numerator * 4) / set.signature_denominator;
    const bars = (seconds * set.tempo) / 60 / bar;
    // A well-cut loop of 1, 2, 4 or 8 bars at the song's tempo is guessed rightly, others become eight beats.
    const isGuessed = [1, 2, 4, 8].some((each) => Math.abs(each - bars) < 1e-3);
    const beats = isGuessed ? Math.round(bars) * bar : 8;
    return {
      file_path: file,
      is_audio_clip: 1,
      is_playing: 0,
      warping: 0,
      looping: 0,
      loop_start: 0,
      loop_end: seconds,
      available_warp_modes: this.live.warp_modes ?? WARP_MODES,
      warp_markers: withShadow([
        { sample_time: 0, beat_time: 0 },
        { sample_time: seconds, beat_time: beats },
      ]),
    };
  }
}

// The hidden marker goes on at the pace before it; behind a single marker it keeps the pace that there was.
function withShadow(markers, old = []) {
  const [before, last] = markers.length > 1 ? markers.slice(-2) : [old.at(-2), old.at(-1)];
  const pace = (last.sample_time - before.sample_time) / (last.beat_time - before.beat_time);
  return [...markers, shadowOf(markers.at(-1), pace)];
}

function shadowOf(last, pace) {
  const beat = last.beat_time + SHADOW_BEATS;
  return { sample_time: last.sample_time + SHADOW_BEATS * pace, beat_time: beat };
}

const CALLS = {
  create_audio_clip(live, object, file, position) {
    if (position !== undefined) {
      const clip = { ...live.newClip(file), start_time: position };
      object.arrangement_clips.push(clip);
      return ["id", live.idOf(clip)];
    }
    if (object.has_clip) throw new Error("Clip slot is not empty");
    if (live.live.ignores) return undefined;
    object.clip = live.newClip(file);
    object.has_clip = 1;
    return ["id", live.idOf(object.clip)];
  },
  delete_clip(live, slot) {
    if (!slot.has_clip) throw new Error("Clip slot is empty");
    slot.has_clip = 0;
    delete slot.clip;
  },
  fire(live, slot) {
    slot.fired = (slot.fired ?? 0) + 1;
  },
  remove_warp_marker(live, clip, beat) {
    const index = clip.warp_markers.findIndex((marker) => marker.beat_time === beat);
    if (index < 0 || index === clip.warp_markers.length - 1) throw new Error("No warp marker there");
    const rest = clip.warp_markers.slice(0, -1).filter((_, at) => at !== index);
    clip.warp_markers = withShadow(rest, clip.warp_markers);
  },
  add_warp_marker(live, clip, { sample_time, beat_time }) {
    const shown = clip.warp_markers.slice(0, -1).filter((marker) => marker.sample_time !== sample_time);
    if (shown.some((marker) => marker.beat_time === beat_time)) throw new Error("A warp marker is there");
    const markers = [...shown, { sample_time, beat_time }].sort((one, other) => one.beat_time - other.beat_time);
    clip.warp_markers = withShadow(markers);
  },
  replace_sample(live, simpler, file) {
    simpler.sample.file_path = file;
  },
};

module.exports = { Live };
