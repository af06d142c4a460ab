
// A journey from prompt A to prompt B: a chain of loops that the daemon lets flow into one another, each a clip
// in the next slot, or one after the other in the arrangement.

const { JOURNEY_BARS } = TABLE;
const JOURNEY_LOOPS = 8;
const JOURNEY_SLOT = 0; // of the daemon, where journeys and prompts are at home
let travel = null; // { id, count, next, at } of the journey under way

function journeyButton() {
  if (!travel) return startJourney();
  send(OSC.cancel, JOURNEY_SLOT);
  endJourney(travel.id);
  say("the journey is stopped; its loops stay");
}

function startJourney() {
  readPrompts();
  if (!prompts.a || !prompts.b) throw new Error("a journey goes from prompt A to prompt B: write both");
  const chosen = Number(wanted.get(OSC.bars)?.[0]);
  const bars = chosen > 0 ? Math.ceil(chosen) : JOURNEY_BARS;
  const id = ask(OSC.journey, prompts.a, prompts.b, "bars", JOURNEY_LOOPS * bars, "loops", bars);
  if (!id) return;
  travel = { id, count: 0, next: -1, at: null };
  labelJourney("Stop journey");
}

function isOfJourney(id) {
  return travel?.id === id;
}

function arrive(loop) {
  travel.count += 1;
  const piece = { ...loop, name: `journey ${travel.count}` };
  try {
    if (options.place === "Arrangement") {
      travel.at ??= nextBar();
      putInArrangement(piece, travel.at);
      travel.at += quartersOf(loop.seconds, loop.bpm);
    } else {
      const slot = putInSlot(piece, slotAfter(travel.next < 0 ? emptyRun(JOURNEY_LOOPS) : travel.next));
      travel.next = slot.index + 1;
    }
  } finally {
    if (travel.count === JOURNEY_LOOPS) endJourney(travel.id);
  }
}

function endJourney(id) {
  if (!isOfJourney(id)) return false;
  travel = null;
  labelJourney("Journey A-B");
  return true;
}

function labelJourney(text) {
  for (const selector of ["text", "texton"]) show("journey", selector, text);
}
