"""Names of loops, the way sample libraries name them, safe on every file system.

The pattern follows Splice's rules for creators: fields joined by underscores, only letters, digits, ``_``,
``-`` and ``#``, the tempo as a bare whole number, a meter other than 4/4 with a dash. A sharp is written
``s`` because a ``#`` needs escaping in URLs.

    riff_<bpm>_<words>_<bars>b[_<meter>][_<key>]

A tempo that is not whole is left out: ``87`` would be wrong and ``87.5`` needs a dot. The file's
own metadata carries it exactly. What makes the name unique is added where the file is published.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from riffsidecar.errors import AudioError
from riffsidecar.music import Key, Meter

__all__ = ["MAX_NAME_CHARS", "MAX_STEM_CHARS", "draft_name", "is_safe_stem", "loop_name", "slug"]

MAX_NAME_CHARS = 100
MAX_STEM_CHARS = 84
"""What a stem may use of a name; the rest is for the unique part and the extension."""

_DRAFT = "_draft"
_MAX_SLUG_CHARS = 40
_FALLBACK_SLUG = "loop"
_SAFE_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_#-]*", re.ASCII)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.ASCII | re.IGNORECASE)
_COMMON_METER = "4/4"


def loop_name(
    label: str, *, bpm: Fraction | float, bars: Fraction | int, meter: Meter, key: Key | None = None
) -> str:
    """Return the stem of a loop's file name, without the unique part and the extension.

    ``label`` is the pad's name or the prompt, in any script and with any characters. ``bpm`` counts quarter
    notes a minute. The result always passes `is_safe_stem`.

    >>> loop_name("Dusty drums, 90 BPM!", bpm=120, bars=4, meter=Meter(4, 4))
    'riff_120_dusty_drums_bpm_4b'
    >>> loop_name("Rhodes", bpm=87.5, bars=Fraction(1, 2), meter=Meter(7, 8))
    'riff_rhodes_1of2b_7-8'
    """
    tempo, length = Fraction(bpm), Fraction(bars)
    fields = ["riff"]
    if tempo.denominator == 1:
        fields.append(str(tempo))
    fields.append(slug(label))
    fields.append(f"{length}b".replace("/", "of"))
    if str(meter) != _COMMON_METER:
        fields.append(str(meter).replace("/", "-"))
    if key is not None:
        fields.append(key.slug)
    stem = "_".join(fields)
    if not is_safe_stem(stem):
        raise AudioError(
            f"the name {stem!r} is not made of A-Z a-z 0-9 _ # - in {MAX_STEM_CHARS} characters; "
            "check the tempo, the bars and the key it was made from"
        )
    return stem


def draft_name(stem: str) -> str:
    """Return the stem of the draft of a loop: what watches the folder can tell that the loop is to follow.

    >>> draft_name("riff_120_dusty_drums_4b")
    'riff_120_dusty_drums_4b_draft'
    """
    return f"{stem[: MAX_STEM_CHARS - len(_DRAFT)]}{_DRAFT}"


def slug(text: str) -> str:
    """Return ``text`` as lower-case ASCII words joined by underscores, at most 40 characters.

    Accents are dropped. A lone number that could be read as a tempo (20 to 400) is dropped too: browsers
    look for the tempo in the name. What leaves nothing, say a prompt in a script without Latin letters,
    becomes ``loop``.

    >>> slug("Café del Mar: 808s & 909")
    'cafe_del_mar_808s_909'
    >>> slug("../../etc/passwd")
    'etc_passwd'
    >>> slug("太鼓")
    'loop'
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    kept = ""
    for word in re.findall(r"[a-z0-9]+", ascii_text):
        if _reads_as_tempo(word):
            continue
        longer = f"{kept}_{word}" if kept else word[:_MAX_SLUG_CHARS]
        if len(longer) > _MAX_SLUG_CHARS:
            break
        kept = longer
    return kept or _FALLBACK_SLUG


def is_safe_stem(stem: str) -> bool:
    """Tell whether ``stem`` can begin a file name on every system and stays inside its folder.

    >>> is_safe_stem("riff_120_drums_4b_Fsm"), is_safe_stem("../up"), is_safe_stem("COM1")
    (True, False, False)
    """
    return (
        len(stem) <= MAX_STEM_CHARS
        and _SAFE_STEM.fullmatch(stem) is not None
        and _RESERVED.fullmatch(stem) is None
    )


def _reads_as_tempo(word: str) -> bool:
    return word.isdecimal() and len(word) <= 3 and 20 <= int(word) <= 400
