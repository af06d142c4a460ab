
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
const followed = { tempo: true, meter: true, scale: true };
let observers = []; // kept, or Live forgets them

function startSong() {
  observers = SONG.map(observe);
}

function observe(property) {
  const heard = ([name, ...value]) => {
    if (name !== property) return;
    song[property] = value.join(" ");
    attempt(property === "is_playing" ? tellTransport : tellSong);
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
  const position = Number(new LiveAPI("live_set").get("current_song_time"));
  if (isPresent) send(OSC.transport, Number(song.is_playing), position);
  keepTime(Number(song.tempo), Number(song.is_playing) === 1);
}
