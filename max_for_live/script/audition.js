
// Listening before a clip is made: two players in turn, swapped at the bar.

const { PLAYERS } = TABLE;
let heard = null; // { loop, player } that plays
let coming = null; // { loop, player } that is being read from disk, or waits for the bar
let songTempo = 0;
let isRunning = false;

function listenTo(loop) {
  const player = heard?.player === PLAYERS[0] ? PLAYERS[1] : PLAYERS[0];
  coming = { loop, player };
  outlet(2, player, "replace", loop.path); // buffer~ says "loaded" when it has read the file
  say(`${padOf(loop.slot).name}: comes at the next bar; Keep makes a clip of it`);
}

function ready(player) {
  if (coming?.player !== player) return;
  setRate(coming);
  // Where Live stands still there is no bar to wait for.
  outlet(2, player, isRunning ? "arm" : "now");
  heard = coming;
  coming = null;
}

function setRate({ loop, player }) {
  if (songTempo > 0) outlet(2, player, "rate", songTempo / loop.bpm);
}

function keepTime(tempo, isPlaying) {
  const [before, wasRunning] = [songTempo, isRunning];
  songTempo = tempo;
  isRunning = isPlaying;
  if (heard && tempo !== before) setRate(heard);
  if (isPlaying && !wasRunning) meetNextBar();
}

// A song that starts, or jumps to within a bar, is met at its next bar.
function meetNextBar() {
  if (heard) outlet(2, heard.player, "arm");
}

function keepLoop() {
  if (!heard) throw new Error("nothing to keep: choose Listen, and hit a pad");
  const { loop } = heard;
  PLACE["Pad's slot"](loop);
  stopListening();
}

function stopListening() {
  outlet(2, "off");
  heard = null;
  coming = null;
}
