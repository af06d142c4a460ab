"""Name every instrument the composer may write for and the orchestra can play.

A *synth* instrument is our own synthesis; a *soundfont* one is a General MIDI program (counted from 0) of the
MIT-licensed soundfont. Kits are played through the General MIDI drum map. Held-out instruments are never
composed for in the training split: the evaluation uses them as timbres the nets have not heard.
"""

from __future__ import annotations

from dataclasses import dataclass

from riffsidecar.errors import TrainingError

__all__ = ["DRUM_BANK", "INSTRUMENTS", "Instrument", "instruments_of"]

DRUM_BANK = 128


@dataclass(frozen=True, slots=True)
class Instrument:
    """Describe one instrument.

    Attributes:
        name: the key of `INSTRUMENTS`.
        family: kit, percussion, bass, keys, guitar, strings, winds, choir, pad, lead, mallet or texture.
        engine: "synth" or "soundfont".
        program: General MIDI program counted from 0; None for synthesis.
        bank: 0, or 128 for drum kits.
        low: lowest MIDI pitch it plays.
        high: highest MIDI pitch it plays.
        words: what musicians call it, the plainest first.
        held_out: kept for the evaluation.
    """

    name: str
    family: str
    engine: str
    program: int | None
    bank: int
    low: int
    high: int
    words: tuple[str, ...]
    held_out: bool = False

    def __post_init__(self) -> None:
        """Refuse an engine or a range that no renderer could play."""
        if self.engine not in ("synth", "soundfont"):
            raise TrainingError(
                f"engine of {self.name} is {self.engine!r}; it must be 'synth' or 'soundfont'"
            )
        if (self.program is None) != (self.engine == "synth"):
            raise TrainingError(f"{self.name}: a soundfont instrument has a program, a synth none")
        if not 0 <= self.low <= self.high <= 127:
            raise TrainingError(f"range of {self.name} is {self.low}..{self.high}; it must lie in 0..127")


def _synth(name: str, family: str, low: int, high: int, words: str, held_out: bool = False) -> Instrument:
    bank = DRUM_BANK if family == "kit" else 0
    return Instrument(name, family, "synth", None, bank, low, high, tuple(words.split(", ")), held_out)


def _font(
    name: str, family: str, program: int, low: int, high: int, words: str, held_out: bool = False
) -> Instrument:
    bank = DRUM_BANK if family in ("kit", "percussion") else 0
    return Instrument(name, family, "soundfont", program, bank, low, high, tuple(words.split(", ")), held_out)


_ALL = (
    _synth("kit-808", "kit", 35, 81, "808 drums, tr-808, 808 kit, eight-oh-eight drums"),
    _synth("kit-909", "kit", 35, 81, "909 drums, tr-909, 909 kit, nine-oh-nine drums"),
    _synth("kit-606", "kit", 35, 81, "606 drums, tr-606, 606 kit, drumatix", held_out=True),
    _synth("kit-trap", "kit", 35, 81, "trap drums, trap kit, hard 808 drums, trap beat"),
    _synth("kit-lofi", "kit", 35, 81, "lo-fi drums, dusty drums, sp-404 drums, crunchy drums, mpc drums"),
    _synth("kit-breaks", "kit", 35, 81, "breakbeat, breaks, amen break, chopped breaks, sampled break"),
    _synth("kit-electro", "kit", 35, 81, "electro drums, electronic drums, synth drums, linndrum"),
    _font("kit-acoustic", "kit", 0, 35, 81, "acoustic drums, live drums, drum kit, real drums, drumset"),
    _font("kit-jazz", "kit", 32, 35, 81, "jazz drums, jazz kit, ride cymbal drums, small jazz kit"),
    _font("kit-rock", "kit", 16, 35, 81, "rock drums, big drums, power kit, arena drums"),
    _font("kit-orchestral", "kit", 48, 35, 81, "orchestral percussion, timpani, concert drums, epic drums"),
    _font(
        "perc-latin", "percussion", 0, 35, 81, "latin percussion, congas, bongos, timbales, congas and bongos"
    ),
    _font(
        "perc-hand", "percussion", 0, 35, 81, "hand percussion, shakers, tambourine, percussion, hand drums"
    ),
    _synth("sub-bass", "bass", 24, 52, "sub bass, sub, sine bass, deep sub"),
    _synth("808-bass", "bass", 24, 52, "808 bass, 808s, gliding 808, distorted 808, 808 sub"),
    _synth("acid-bass", "bass", 28, 64, "acid bass, 303, tb-303, acid line, squelchy bass"),
    _synth("reese-bass", "bass", 24, 55, "reese bass, reese, detuned bass, growling bass"),
    _synth("fm-bass", "bass", 26, 60, "fm bass, dx bass, donk bass, dx7 bass"),
    _synth("saw-bass", "bass", 26, 60, "saw bass, analog bass, moog bass, synth bass"),
    _synth("pluck-bass", "bass", 28, 60, "pluck bass, plucky bass, short synth bass, bouncy bass"),
    _font("finger-bass", "bass", 33, 28, 60, "electric bass, bass guitar, fingered bass, finger bass"),
    _font("slap-bass", "bass", 36, 28, 62, "slap bass, slapped bass, popping bass, thumb bass"),
    _font("upright-bass", "bass", 32, 28, 60, "upright bass, double bass, acoustic bass, contrabass"),
    _font("picked-bass", "bass", 34, 28, 60, "picked bass, pick bass, plectrum bass", held_out=True),
    _font("grand-piano", "keys", 0, 28, 100, "piano, grand piano, acoustic piano, concert grand"),
    _font("bright-piano", "keys", 1, 28, 100, "bright piano, house piano, pop piano", held_out=True),
    _font("rhodes", "keys", 4, 33, 96, "rhodes, fender rhodes, mark i, tine piano"),
    _font("harpsichord", "keys", 6, 36, 90, "harpsichord, cembalo, baroque keys"),
    _font("clavinet", "keys", 7, 36, 90, "clavinet, clav, funky clav, wah clav"),
    _font("church-organ", "keys", 19, 36, 90, "church organ, pipe organ, cathedral organ"),
    _synth("electric-piano", "keys", 33, 96, "electric piano, e-piano, ep, fm electric piano, dx piano"),
    _synth("drawbar-organ", "keys", 36, 96, "organ, drawbar organ, hammond, b3 organ, tonewheel organ"),
    _font(
        "nylon-guitar", "guitar", 24, 40, 84, "nylon guitar, classical guitar, spanish guitar, nylon string"
    ),
    _font(
        "steel-guitar",
        "guitar",
        25,
        40,
        84,
        "acoustic guitar, steel string guitar, folk guitar, strummed guitar",
    ),
    _font(
        "clean-guitar",
        "guitar",
        27,
        40,
        86,
        "clean guitar, electric guitar, clean electric guitar, chorus guitar",
    ),
    _font(
        "muted-guitar",
        "guitar",
        28,
        40,
        84,
        "muted guitar, palm muted guitar, funk guitar, chicken scratch guitar",
    ),
    _font(
        "overdriven-guitar",
        "guitar",
        29,
        40,
        86,
        "overdriven guitar, crunch guitar, tube guitar",
        held_out=True,
    ),
    _font(
        "distorted-guitar", "guitar", 30, 40, 86, "distorted guitar, heavy guitar, power chords, fuzz guitar"
    ),
    _synth("karplus-guitar", "guitar", 40, 88, "plucked guitar, plucked strings, guitar, string pluck"),
    _font(
        "string-ensemble",
        "strings",
        48,
        36,
        96,
        "strings, string ensemble, orchestral strings, string section",
    ),
    _font("slow-strings", "strings", 49, 36, 96, "slow strings, lush strings, soft strings, string bed"),
    _font("violin", "strings", 40, 55, 98, "violin, solo violin, fiddle"),
    _font("cello", "strings", 42, 36, 76, "cello, solo cello, violoncello"),
    _font("pizzicato", "strings", 45, 40, 88, "pizzicato, pizzicato strings, plucked violins, pizz"),
    _font(
        "tremolo-strings",
        "strings",
        44,
        36,
        90,
        "tremolo strings, tense strings, trembling strings",
        held_out=True,
    ),
    _font("harp", "strings", 46, 36, 98, "harp, concert harp, harp arpeggio"),
    _synth(
        "synth-strings", "strings", 36, 96, "synth strings, string machine, solina strings, analog strings"
    ),
    _font("flute", "winds", 73, 60, 96, "flute, wooden flute, airy flute"),
    _font("saxophone", "winds", 65, 49, 84, "saxophone, sax, alto sax"),
    _font("clarinet", "winds", 71, 50, 91, "clarinet, woodwind"),
    _font("trumpet", "winds", 56, 54, 86, "trumpet, horn line, mariachi trumpet"),
    _font("trombone", "winds", 57, 40, 72, "trombone, low brass"),
    _font("brass-section", "winds", 61, 40, 86, "brass section, brass, horns, horn stabs, horn section"),
    _font("choir-aahs", "choir", 52, 41, 84, "choir, choir aahs, choral voices, vocal choir, ahh choir"),
    _font("voice-oohs", "choir", 53, 41, 84, "voice oohs, vocal oohs, humming voices, ooh choir"),
    _synth("warm-pad", "pad", 36, 90, "warm pad, pad, analog pad, soft pad, juno pad"),
    _synth("dark-pad", "pad", 33, 84, "dark pad, brooding pad, ominous pad, low pad"),
    _synth("glass-pad", "pad", 45, 96, "glass pad, glassy pad, crystal pad, shimmering pad", held_out=True),
    _synth("noise-pad", "pad", 36, 90, "airy pad, noise pad, breathy pad, hazy pad"),
    _synth("supersaw-pad", "pad", 36, 90, "supersaw pad, trance pad, wide saw pad, big pad"),
    _synth("saw-lead", "lead", 45, 98, "saw lead, synth lead, analog lead, lead synth"),
    _synth("square-lead", "lead", 45, 98, "square lead, square wave lead, hollow lead"),
    _synth("supersaw-lead", "lead", 45, 98, "supersaw lead, supersaw, trance lead, festival lead"),
    _synth("sine-lead", "lead", 48, 98, "sine lead, whistle lead, g-funk lead, theremin lead", held_out=True),
    _synth("wavetable-lead", "lead", 45, 98, "wavetable lead, digital lead, morphing synth, serum lead"),
    _synth("pluck", "lead", 45, 100, "synth pluck, pluck, plucky synth, plucked synth"),
    _synth("fm-bell", "lead", 55, 103, "bells, fm bells, bell synth, dx bells, glassy bells"),
    _synth("chip-lead", "lead", 48, 103, "chip lead, 8-bit lead, chiptune lead, game boy lead, nes lead"),
    _font("vibraphone", "mallet", 11, 53, 89, "vibraphone, vibes, mellow vibes"),
    _font("marimba", "mallet", 12, 45, 96, "marimba, mallets, wooden mallets"),
    _font("music-box", "mallet", 10, 60, 103, "music box, toy music box, celesta"),
    _font("kalimba", "mallet", 108, 52, 93, "kalimba, thumb piano, mbira"),
    _font("steel-drum", "mallet", 114, 52, 91, "steel drum, steel pan, steelpan"),
    _font("sitar", "mallet", 104, 48, 84, "sitar, indian strings, raga sitar"),
    _synth("vinyl-noise", "texture", 36, 84, "vinyl crackle, vinyl noise, record crackle, vinyl"),
    _synth("riser", "texture", 36, 84, "riser, uplifter, sweep up, noise riser"),
    _synth("wind-noise", "texture", 36, 84, "wind, wind noise, noise texture, field noise"),
)

INSTRUMENTS: dict[str, Instrument] = {instrument.name: instrument for instrument in _ALL}
"""Every instrument by name."""


def instruments_of(family: str, *, held_out: bool = False) -> tuple[str, ...]:
    """Name the instruments of a family, without the held-out ones unless asked.

    >>> instruments_of("choir")
    ('choir-aahs', 'voice-oohs')
    """
    return tuple(i.name for i in _ALL if i.family == family and (held_out or not i.held_out))
