
// Live's song: tempo, meter, scale and transport, told to the daemon as they change.

const SONG = [
  "tempo",
  "signature_numerator",
  "signature_denominator",
  "root_note",
  "scale_name",
  "scale_mode",
  "is_playing",
];
const song = {}; // what Live says, by property
const JUMP_QUARTERS = 0.25; // a song that is so far from where it should be has been moved
const PLACE_MS = 8000; // so often a song that plays is set right, as clocks differ
const followed = { tempo: true, meter: true, scale: true };
let observers = []; // kept, or Live forgets them
let place = { quarters: 0, atMs: 0, bpm: 0, toldMs: 0 }; // where the song was, by which it is known where it is

function startSong() {
  observers = SONG.map((property) => observe(property, property === "is_playing" ? tellTransport : tellSong));
  observers.push(observe("current_song_time", watchPlace));
}

function observe(property, tell) {
  const heard = ([name, ...value]) => {
    if (name !== property) return;
    song[property] = value.join(" ");
    attempt(tell);
  };
  const api = new LiveAPI(heard, "live_set");
  api.property = property;
  return api;
}

function followSong(what, isOn) {
  if (followed[what] === isOn) return;
  followed[what] = isOn;
  if (what === "tempo" && !isOn) want(OSC.tempo, RELEASE, "live");
  tellSong();
}

function tellSong() {
  const { tempo, signature_numerator: n, signature_denominator: d, root_note: root, scale_name: scale } = song;
  if (tempo && followed.tempo) want(OSC.tempo, Number(tempo), "live");
  if (n && d && followed.meter) want(OSC.meter, Number(n), Number(d));
  if (followed.scale && Number(song.scale_mode) && root && scale) {
    want(OSC.key, `${NOTES[Number(root)]} ${scale}`);
  } else if (wanted.has(OSC.key)) want(OSC.key, "none");
  keepTime(Number(song.tempo), Number(song.is_playing) === 1);
}

// Told at once: where the song is, is only so for a moment.
function tellTransport() {
  if (song.is_playing === undefined) return;
  const quarters = Number(new LiveAPI("live_set").get("current_song_time"));
  place = { quarters, atMs: Date.now(), bpm: Number(song.tempo), toldMs: Date.now() };
  if (isPresent) send(OSC.transport, Number(song.is_playing), quarters);
  keepTime(Number(song.tempo), Number(song.is_playing) === 1);
}

function quartersPerBar() {
  return (Number(song.signature_numerator) * 4) / Number(song.signature_denominator);
}

// Live says ten times a second where a song that plays is; the daemon counts by itself, and is told of jumps.
function watchPlace() {
  if (Number(song.is_playing) !== 1) return;
  const [quarters, now] = [Number(song.current_song_time), Date.now()];
  const expected = place.quarters + ((now - place.atMs) / 60000) * place.bpm;
  const jump = quarters - expected;
  const bar = quartersPerBar();
  if (Math.abs(jump - Math.round(jump / bar) * bar) > JUMP_QUARTERS) meetNextBar();
  if (Math.abs(jump) > JUMP_QUARTERS || now - place.toldMs > PLACE_MS) tellTransport();
  else place = { ...place, quarters, atMs: now, bpm: Number(song.tempo) };
}
