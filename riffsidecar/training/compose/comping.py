"""Write accompaniment for keys, guitars, strings, choirs and pads from step patterns and chord voicings.

Patterns hold sixteen sixteenths: ``X`` the whole voicing, ``x`` softly, ``m`` muted and short, ``B`` low
root, ``F`` low fifth, ``H`` the voicing without its lowest tone, ``T`` its top tone, ``D`` strum down,
``U`` strum up (the upper strings), ``P`` power chord, ``p`` the same palm muted, digits single tones of the
voicing from below (past its top they go on an octave higher), ``-`` holds, ``.`` rests. Two lines joined by
``+`` sound together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riffsidecar.training.compose.harmony import Span, near, voice_chord
from riffsidecar.training.compose.plan import Event, Plan, fit_steps, runs
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["COMP_STYLES", "write_comp"]


@dataclass(frozen=True, slots=True)
class _Style:
    """Hold a way of accompanying.

    Attributes:
        patterns: alternatives, each one or two lines.
        voices: tones in the voicing.
        gate: share of the written length that sounds.
        ring: single tones ring on to the end of the chord.
        spread: open the voicing.
    """

    patterns: tuple[tuple[str, ...], ...]
    voices: int = 4
    gate: float = 0.95
    ring: bool = False
    spread: bool = False


def _style(
    text: str, voices: int = 4, gate: float = 0.95, ring: bool = False, spread: bool = False
) -> _Style:
    rows = tuple(tuple(line.strip() for line in part.split("+")) for part in text.split("|"))
    return _Style(rows, voices, gate, ring, spread)


_STYLES = {
    "block": _style("X--------------- | X-------X------- | X-----------X---"),
    "sustain": _style("X---------------", spread=True, gate=1.0),
    "swell": _style("x-------X------- | x---------------", spread=True, gate=1.0),
    "pulse4": _style("X---X---X---X--- | X--.X--.X--.X--. | X---x---X---x---", gate=0.8),
    "pulse8": _style("X.x.x.x.X.x.x.x. | X-x-x-x-X-x-x-x- | X.x.X.x.X.x.X.x.", 3, 0.7),
    "pulse16": _style("XxxxXxxxXxxxXxxx | X.xxX.xxX.xxX.xx | XxXxXxXxXxXxXxXx", 3, 0.6),
    "offbeat": _style("..X...X...X...X. | ..X-..X-..X-..X- | ..X...X...X..X..", gate=0.55),
    "stabs": _style(
        "X..X..X..X..X... | X...X..X....X..X | ..X..X....X..X.. | X..X......X..X.. | X.....X...X.....",
        gate=0.6,
    ),
    "house": _style(
        "X..X..X...X..X.. | X--X--X---X-X--- | ..X..X..X..X..X. | X...X..X..X..X.. | X..X...X..X...X.",
        gate=0.7,
    ),
    "deep": _style(
        "X-...X-....X-... | ...X-.....X--... | X--..X--..X--... | ..X--...X-..X--. | X-------...X-...", 4, 0.9
    ),
    "charleston": _style(
        "X-....X-........ | ....X-....X-.... | X-....X-..X-.... | ......X-......X- | ..X-......X-..X.", 4, 0.8
    ),
    "ballad": _style(
        "B-------F-------+x---X---x---X--- | B---------------+..1-2-3-2-1-2-3-"
        " | B-------B-------+X---x---x---x--- | B---------------+X-------x---x---",
        3,
        1.0,
    ),
    "alberti": _style("0-2-1-2-0-2-1-2- | 0212021202120212 | 02120212+B-------B-------", 3, 0.9),
    "broken": _style(
        "0-1-2-3-2-1-2-1- | 0123210201232102 | B-0-1-2-3-2-1-0- | 0-1-2-1-3-1-2-1-", 4, 1.0, ring=True
    ),
    "ripple": _style(
        "0123456543210123 | 0-2-4-6-5-3-1-2- | 0246420135314202 | B-2-4-6-7-6-4-2-", 4, 1.0, ring=True
    ),
    "waltz": _style("B---X---X---.... | B---x---x---.... | B---H---H---....", 3, 0.8),
    "bossa": _style(
        "B-----B-F-----F-+..X..X...X..X... | X..X..X...X..X.. | ..X..X..X-..X... | X--X--X-..X--X--", 4, 0.7
    ),
    "montuno": _style("T.X.T.XT.T.X.TX. | 0.TX.T.XT.X.T.X. | X..TX.TX.TX.T.X. | TX.XTX.X.XTX.XT.", 3, 0.6),
    "stride": _style("B---H---F---H--- | B---H---B---H-H- | B--.H--.F--.HH-.", 3, 0.75),
    "gospel": _style("B---X-XXB-F-X-X- | B-..X-X-F-..XX-X | B--X--X-F--X-X-- | X--X--X-X--XX-X-", 4, 0.85),
    "lofi": _style(
        "X-------...X---- | X----X------.... | ..X----------x-- | X---------X----- | x-------X--x----", 4, 1.0
    ),
    "neo": _style(
        "X---..x-.X-----. | X--x--X-----X-.. | ..X--x--X---..x- | X------X--x-X--- | X-..1.2.X---3.2.",
        4,
        0.95,
    ),
    "skank": _style("....X.......X... | ..X...X...X...X. | ....X.x.....X.x. | ....Xx......Xx..", 3, 0.4),
    "bubble": _style("..xX..xX..xX..xX | .xX..xX..xX..xX. | .x.x.x.x.x.x.x.x+....X.......X...", 3, 0.5),
    "clav": _style("X.mmX.Xm.mX.mXm. | XmX.mXm.XmX.mXmX | X.mX.mX.mm.XmX.m | mXm.XmmXm.XmXm.X", 3, 0.5),
    "hymn": _style("X---X---X---X--- | X-------X---X--- | X-------X-------", 4, 0.98, spread=True),
    "ostinato": _style("0.1.2.1.0.1.2.1. | 0.2.1.2.0.2.1.2. | 0.0.1.0.0.2.0.1. | 0.12.10.12.0.12.", 3, 0.7),
    "ostinato16": _style("0010001000100010 | 0120012001200120 | 0102010201020102 | 0000111122221111", 3, 0.6),
    "minimal": _style(
        "X......X........ | ..X.......X..... | X..X............ | ......X...X..... | X.........X....X", 3, 0.5
    ),
    "dub": _style(
        "....X........... | ......X......... | ....X.......X... | ..X.......X..... | ....X.x.........", 3, 0.4
    ),
    "rock8": _style("B-X-X-X-B-X-X-X- | X-X-X-X-X-X-X-X- | X-------X-X-X-X-", 3, 0.9),
    "ragtime": _style("B-H-F-H-B-H-F-H-+..T.TT.T..TT.T.. | B-H-B-H-F-H-B-H-+T.TT.T.TT.T.T...", 3, 0.7),
    "gate": _style(
        "X.xXX.xXX.xXX.xX | XxX.XxX.XxX.XxX. | X.X.X.X.X.X.X.X. | XX.XX.XXXX.XX.XX | X..X..X.X..X..X.", 4, 0.6
    ),
    "strum": _style(
        "D---D-U-.-U-D-U- | D-.-D-U-D-.-D-U- | D-D-U-.UD-D-U-.U | D---D-U-D---D-U- | D-DUD-DUD-DUD-DU", 6, 1.0
    ),
    "strum16": _style("D.DUm.DUm.DUD.DU | DmDUmUDmDmDUmUDU | D-mUDUmUD-mUDUmU", 6, 0.9),
    "pick": _style(
        "B-2-1-3-0-2-1-3- | B-1-2-3-2-1-2-1- | B--3-2-1-3-2-1-- | B-3-2-1-F-3-2-1- | B1231231F1231231",
        4,
        1.0,
        ring=True,
    ),
    "travis": _style(
        "B-2-F-1-B-2-F-1-+......3---.3--.. | B-0-F-2-B-1-F-2-+..3--.3-..3--.3-", 4, 0.95, ring=True
    ),
    "funk": _style(
        "mXmm.mXm.mXm.mXX | X.mX.mXmX.mX.mmX | .mXm.XmX.mXm.XmX | XmXXmXmm.mXXmXmm | ..mX..mX..mXX.mX",
        4,
        0.45,
    ),
    "chicken": _style("0.m0.m2.m0.m2m0. | 00m.2m0.00m.3m2. | 0m.0m.2m.0m.3m2m", 3, 0.45),
    "power": _style("P--------------- | P-------P------- | P-----P-----P--- | P-------P---P-P-", 3, 0.98),
    "power8": _style("P-P-P-P-P-P-P-P- | PpPpPpPpPpPpPpPp | P-p-p-p-P-p-p-p- | P-P-P-.-P-P-P-P-", 3, 0.9),
    "chug": _style(
        "pppPpppPpppPppPp | ppP.ppP.ppP.ppPp | p.pp.pp.P-.pp.pp | pp.pp.pp.ppP-P-. | P---pppppppp....",
        3,
        0.55,
    ),
    "gallop": _style("p.ppp.ppp.ppP-P- | pppp.pppp.ppP--- | p.ppp.ppp.ppp.pp", 3, 0.6),
    "tremolo": _style("PPPPPPPPPPPPPPPP | TTTTTTTTTTTTTTTT | XXXXXXXXXXXXXXXX", 3, 0.9),
    "arp": _style(
        "0-1-2-3-2-1-3-2- | 0-2-1-3-0-2-1-3- | 0-1-2-3-4-3-2-1- | 0-3-2-1-0-3-2-1-", 4, 1.0, ring=True
    ),
    "flamenco": _style("D-UDU-D-D-UDU-U- | D..DUDUDD..DU.D. | B-D-D-DUD-DUDUDU | DUDUD---DUDUD---", 6, 0.8),
    "country": _style("B---D---F---D--- | B---D-U-F---D-U- | B--.D-.UF--.DUDU", 5, 0.85),
    "jazzcomp": _style("x---x---x---x--- | X-....X-..X-.... | x--.x--.x--.x--x", 4, 0.7),
    "boogie": _style("P-P-6-6-P-P-6-6- | P-p-6-p-P-p-6-6-", 3, 0.8),
    "highlife": _style("0.2.3.2.4.3.2.3. | 02.30.2.42.30.2. | 0-2-.3-2.4-3.2-. | 3.2.3.0.2.3.2.0.", 4, 0.7),
    "harp": _style(
        "0123456701234567 | 01234567-------- | 0-1-2-3-4-5-6-7- | 76543210--------", 4, 1.0, ring=True
    ),
    "hits": _style(
        "X.........X..... | X--.......X-X... | X.....X..X...... | ..X..X..X....... | X...............", 4, 0.5
    ),
    "horns": _style(
        "X.....X-..X..... | ..X.X-....X.X-.. | X--...X.X-...... | ......X.X-..X... | X-..X.....X.X---", 3, 0.6
    ),
    "drone": _style("X---------------", 3, 1.0, spread=True),
}

COMP_STYLES = tuple(_STYLES)
"""Every style that `write_comp` knows."""

_STRUM_SYMBOLS = "DUm"
_GUITAR_OPENS = ((40, (0, 7, 12, 15, 19, 24)), (45, (0, 7, 12, 15, 19)))


def _guitar_voicing(span: Span) -> tuple[int, ...]:
    """Voice a chord as a barre shape on the sixth or the fifth string, whichever is lower on the neck."""
    quality = span.intervals
    third = next((step for step in quality if step in (3, 4)), 5 if 5 in quality else 2)
    fifth = next((step for step in quality if step in (6, 7, 8)), 7)
    seventh = next((step for step in quality if step in (9, 10, 11)), None)
    frets = [((span.root - string) % 12, string) for string, _ in _GUITAR_OPENS]
    fret, string = min(frets)
    root = string + fret
    octave = 12 if seventh is None else seventh
    if string == 40:
        return (root, root + fifth, root + octave, root + 12 + third, root + 12 + fifth, root + 24)
    return (root, root + fifth, root + octave, root + 12 + third, root + 12 + fifth)


def _low_root(span: Span, low: int) -> int:
    pitch = near(span.root, low + 7.0)
    return pitch if pitch >= low else pitch + 12


def _tones(symbol: str, voicing: Sequence[int], span: Span, low: int, high: int) -> list[int]:
    """Give the pitches a symbol stands for."""
    root = _low_root(span, low)
    fifth = next((step for step in span.intervals if step in (6, 7, 8)), 7)
    if symbol == "6":
        return [root, root + 9]
    if symbol in "Pp":
        return [root, root + fifth, root + 12] if symbol == "P" else [root, root + fifth]
    if symbol.isdigit():
        octave, place = divmod(int(symbol), len(voicing))
        return [voicing[place] + 12 * octave]
    if symbol == "B":
        return [root]
    if symbol == "F":
        return [root + fifth - (12 if root + fifth - 12 >= low else 0)]
    if symbol == "T":
        return [voicing[-1]]
    if symbol == "H":
        return list(voicing[1:]) if len(voicing) > 2 else list(voicing)
    if symbol == "U":
        return list(reversed(voicing[-4:]))
    return list(voicing)


def _lengthen(events: list[Event], start: float, hold: float) -> None:
    """Hold on what sounds up to start instead of striking it again."""
    for place, (begin, duration, pitch, level) in enumerate(events):
        if abs(begin + duration - start) < 0.13:
            events[place] = (begin, duration + hold, pitch, level)


def write_comp(
    plan: Plan, style: str, instrument: str, *, low: int | None = None, high: int | None = None
) -> list[Event]:
    """Write chords in a style of `COMP_STYLES` between two pitches; the voices move as little as they can."""
    dice = plan.dice
    tool = INSTRUMENTS[instrument]
    bottom, top = max(tool.low, low or tool.low), min(tool.high, high or tool.high)
    rules = _STYLES[style]
    size = rules.voices if rules.voices > 4 else max(3, min(5, rules.voices + dice.pick((0, 0, 0, 1, -1))))
    mains = [fit_steps(line, plan) for line in dice.pick(rules.patterns)]
    others = [fit_steps(line, plan) for line in dice.pick(rules.patterns)] if dice.chance(0.4) else mains
    guitar = rules.voices >= 5
    spread = rules.spread and dice.chance(0.7)
    centre_low = max(bottom, min(48, top - 24)) if not guitar else bottom
    centre_high = min(top, centre_low + dice.integer(26, 32))
    voicings: dict[float, tuple[int, ...]] = {}
    previous: tuple[int, ...] = ()
    for span in plan.spans:
        previous = (
            _guitar_voicing(span)
            if guitar
            else voice_chord(span, previous, centre_low, centre_high, size, spread=spread)
        )
        voicings[span.start] = previous
    strum = dice.uniform(0.012, 0.045) if guitar else (dice.pick((0.0, 0.0, 0.0, 0.012, 0.02)))
    tied = rules.gate >= 1.0 and not rules.ring and dice.chance(0.6)
    events: list[Event] = []
    for bar in range(plan.bars):
        answering = bar % 2 == 1 if plan.bars > 1 else False
        for line in others if answering else mains:
            for step, length, symbol in runs(line):
                beginning = bar * plan.bar_quarters + step * 0.25
                for start, hold in plan.pieces(beginning, length * 0.25):
                    span = plan.span_at(start)
                    if tied and symbol in "Xx" and step == 0 and start > span.start + 1e-6:
                        _lengthen(events, start, hold)
                        continue
                    duration = hold * rules.gate
                    if rules.ring and (symbol.isdigit() or symbol in "BF"):
                        duration = max(duration, min(span.end - start, 2.0))
                    level = 0.8 + (0.08 if step == 0 else 0.0) + dice.lean(0.06)
                    if symbol in "xp":
                        level *= 0.68
                    elif symbol == "m":
                        level, duration = level * 0.4, 0.09
                    elif symbol.isdigit():
                        level *= 0.88
                    if symbol == "p":
                        duration = min(duration, 0.16)
                    delay = strum if symbol in _STRUM_SYMBOLS or symbol in "Xx" else 0.0
                    events.extend(
                        (start + place * delay, duration, pitch, min(1.0, max(0.08, level - 0.02 * place)))
                        for place, pitch in enumerate(_tones(symbol, voicings[span.start], span, bottom, top))
                        if bottom <= pitch <= top
                    )
    return events
