"""Ask for the drums of a loop only, or for all but them, in words that the embedded model was trained on."""

from __future__ import annotations

import re
from typing import Final

from riffsidecar.errors import SessionError

__all__ = ["drums_only", "is_tonal", "without_drums"]

_ONLY: Final = "drums only"
_WITHOUT: Final = "no drums"

_PITCHED: Final = frozenset(
    """303 808s acid acoustic-guitar aahs arp arpeggio arpeggios atmosphere bass bassline basses bell
    bells brass celeste cello chant choir choirs chord chords clarinet clav clavi clavinet drone
    flute fiddle guitar guitars harp harpsichord hook horn horns kalimba keys lead leads line lines
    marimba melody melodies mallets oohs organ electric fingered fm hammond nylon orchestra ostinato
    pizzicato power reese saw section pad pads piano pianos pluck plucks riff rhodes sax saxophone
    sequence sitar stab stabs string strings sub supersaw supersaws synth synths texture topline
    trombone trumpet vibes vibraphone violin violins voice voices vocal vocals wurli wurlitzer""".split()
)
_DRUMS: Final = frozenset(
    """606 707 808 909 amen beat beats bongo bongos break breakbeat breaks brush brushes clap claps
    clave conga congas cowbell crash cymbal cymbals drum drums drummer hat hats hi-hat hi-hats hihat
    hihats kick kicks kit linndrum percussion percs perc ride rim rimshot rims roll rolls shaker
    shakers snare snares taiko tambourine timbales timpani tom toms tops""".split()
)
_ON_THE_DRUMS: Final = frozenset(
    "offbeat sixteenth sixteenths eighth eighths triplet open closed ghost".split()
)
_JOINTS: Final = frozenset("and with plus + over on the a of in & under by".split())
_NOT_PITCHED: Final = "bass, piano, organ, guitar, strings, brass, choir, pad, synth"
_NOT_DRUMS: Final = "drums, percussion, beat, kick, hi-hats"
_GENRE: Final = re.compile(r"\bdrum (?:and|&|n) bass\b")
_GENRE_WORD: Final = "drum-and-bass"
_WEIGHTED: Final = re.compile(r"[()\[\]]|:[0-9.]+(?=[)\]])")


def drums_only(prompt: str, negative: str = "") -> tuple[str, str]:
    """Return the prompt and the negative prompt for the drums alone: no word for what has a pitch is left.

    Weights of words are left out, for what they weigh may be gone. Drum and bass is a genre.

    >>> drums_only("full house groove, 909 drums, bass and piano chords")[0]
    'drums only, full house groove, 909 drums'
    """
    return _joined(_ONLY, _without(prompt, _PITCHED)), _joined(negative, _NOT_PITCHED)


def without_drums(prompt: str, negative: str = "") -> tuple[str, str]:
    """Return the prompt and the negative prompt for all but the drums.

    Raises:
        SessionError: when the prompt speaks of nothing but drums.

    >>> without_drums("full house groove, 909 drums, bass and piano chords")[0]
    'no drums, full house groove, bass and piano chords'
    """
    rest = _without(prompt, _DRUMS | _ON_THE_DRUMS if _names(prompt, _DRUMS) else _DRUMS)
    if _names(prompt, _DRUMS) and not _names(rest, _PITCHED | {"groove", "track", "song", "band", "loop"}):
        raise SessionError(
            f"{prompt[:60]!r} speaks of drums alone, and without them nothing is left: choose another pad, "
            "or ask for both"
        )
    return _joined(_WITHOUT, rest), _joined(negative, _NOT_DRUMS)


def is_tonal(prompt: str) -> bool:
    """Tell whether a prompt speaks of anything but drums.

    >>> is_tonal("dusty boom bap drums"), is_tonal("warm rhodes chords")
    (False, True)
    """
    try:
        without_drums(prompt)
    except SessionError:
        return False
    return True


def _names(prompt: str, words: frozenset[str] | set[str]) -> bool:
    return any(word in words for clause in _clauses(prompt) for word in clause)


def _without(prompt: str, words: frozenset[str]) -> str:
    """Leave words out, and the joints between words that then join nothing."""
    kept = []
    for clause in _clauses(prompt):
        rest = [word for word in clause if word.lower() not in words]
        while rest and rest[-1].lower() in _JOINTS:
            rest.pop()
        while rest and rest[0].lower() in _JOINTS:
            rest.pop(0)
        if rest:
            kept.append(" ".join(rest))
    return ", ".join(kept).replace(_GENRE_WORD, "drum and bass")


def _clauses(prompt: str) -> list[list[str]]:
    plain = _GENRE.sub(_GENRE_WORD, _WEIGHTED.sub("", prompt).lower())
    return [clause.split() for clause in plain.split(",")]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
