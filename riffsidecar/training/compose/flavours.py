"""Hold chord progressions in roman numerals, gathered by flavour; each flavour belongs to a mode."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLAVOURS", "Flavour"]


@dataclass(frozen=True, slots=True)
class Flavour:
    """Name a way of using chords: the mode of the key and progressions that belong to it.

    Attributes:
        mode: a mode of `riffsidecar.music.Key`.
        progressions: roman numerals relative to the major scale of the tonic; lower case is minor.
    """

    mode: str
    progressions: tuple[str, ...]


_TABLE = """
minor-pop minor: i bVI bIII bVII | i bVII bVI bVII | bVI bVII i i | i iv bVI bVII | i bIII bVII bVI | i v
  bVI iv | i bVI iv v | bVI i bVII v | i bVII iv bVI
minor-dark minor: i | i i bVI bVI | i iv | i i i bVI | i bVI | i v | i i iv v | i bVI i bVII | i iv i v
minor-deep minor: i7 iv7 | i9 bVImaj7 | i7 v7 | i9 iv9 | i7 bIIImaj7 iv7 v7 | bVImaj7 v7 i9 i9 | iv9 i9 | i9
minor-harmonic harmonic-minor: i V | i iv V i | i iv i V7 | i bVI iv V7 | i iio V7 i | i bVI V V
phrygian phrygian: i bII | i bII i bvii | i | i i bII bII | i bIII bII i | i bvii bVI bII
andalusian phrygian: iv bIII bII I | i bVII bVI V | I bII | I bII bIII bII
dorian dorian: i7 IV7 | i9 | i7 | i7 IV9 | i7 ii7 | i bVII IV i | i7 bVII IV7 bVII
mixolydian mixolydian: I bVII IV I | I7 | I7 IV7 | I bVII | I9 | I IV bVII IV | I v IV I
lydian lydian: I II | Imaj7 II | I II vi II | Imaj7 II iii II | I vi II I
major-pop major: I V vi IV | vi IV I V | I vi IV V | IV I V vi | I IV vi V | I iii IV V | IV V vi I | I V IV
  IV | I IV I V
major-soul major: Imaj7 vi7 ii7 V7 | IVmaj7 iii7 ii7 Imaj7 | Imaj9 IVmaj9 | ii9 V9 Imaj9 Imaj9 | IVmaj7 V7
  iii7 vi7 | Imaj7 iii7 IVmaj7 iv6 | IVmaj9 iii7 vi9 vi9 | ii7 iii7 IVmaj7 V7
jazz-major major: ii7 V7 Imaj7 vi7 | Imaj7 vi7 ii7 V7 | Imaj7 VI7 ii7 V7 | iii7 VI7 ii7 V7 | ii7 V7 Imaj7
  Imaj7 | IVmaj7 bVII7 Imaj7 VI7 | Imaj7 #io7 ii7 V7 | ii9 V9 Imaj9 VI7
jazz-minor minor: iih V7 i6 i6 | i7 bVImaj7 iih V7 | i6 iih V7 i6 | iv7 bVII7 bIIImaj7 V7 | i7 iv7 iih V7
blues mixolydian: I7 IV7 I7 V7 | I7 | I7 IV7 | I7 I7 IV7 I7 | V7 IV7 I7 V7 | I7 IV7 I7 I7
gospel major: I I7 IV iv6 | I vi7 ii7 V7 | IV #ivo7 I VI7 | I iii7 IV V7 | vi7 II7 ii7 V7
bossa major: Imaj7 II7 ii7 V7 | Imaj9 vi9 ii9 V9 | Imaj7 bIIImaj7 ii7 bII7 | iii7 VI7 ii9 V7 | Imaj7 ii7
  iii7 ii7
folk major: I IV I V | I V IV I | I vi IV I | I IV V I | I I IV V | vi IV I V | I ii IV I
folk-dorian dorian: i bVII i bVII | i bVII bIII IV | i IV | i v bVII i | i bVII IV i
country major: I IV V I | I I V I | I V I IV | I IV I V7 | I II7 V7 I | I7 IV I V
punk major: I IV V V | I V vi IV | I IV V IV | I bVII IV I | I I IV V | vi IV I V
metal phrygian: i bII | i i bVI bVII | i bII bIII bII | i | i bVI bII i
reggae major: I IV | I V | I ii | I vi IV V | I IV V IV | ii iii | I V vi IV
reggae-minor minor: i iv | i bVII | i v | i bVI | i iv v iv | i bVII bVI v
montuno major: I IV V IV | I IV V7 V7 | ii V7 I I | I V7 V7 I | I vi ii V7
montuno-minor harmonic-minor: i iv V7 iv | i V7 | iv V7 i i | i iv V7 V7
synthwave minor: bVI bVII i i | i bVI bIII bVII | i bIII bVII iv | bVI bIII bVII i | i v bVI bVII
trance minor: i bVI bIII bVII | bVI bVII i v | i bVII bVI iv | bVI bIII bVII i | i iv bVI v
cinematic minor: i bVI bIII bVII | i bVI | i bIII bVI iv | i iv bVI V | i bVII bVI bVI | i bIII bVII IV |
  bVI bVII i i
heroic lydian: I II IV I | I bVII I II | I vi II IV | I iii IV II
classical-major major: I IV V I | I V vi iii | I V7 I IV | I vi ii V7 | I ii V7 I | I V vi IV | I IV I V7 |
  I iii vi V7
classical-minor harmonic-minor: i iv V i | i V i iv | i bVI iio V7 | i V7 i V | i iv i V7 | i bVI iv V7
hymn major: I IV I V | I V vi IV | I IV V vi | I iii IV V | IV I ii V | I vi ii V
drone minor: i | isus2 | isus4 isus2 | i isus2
drone-major major: I | Iadd9 | Isus2 I | Isus4 Isus2
raga mixolydian: Isus2 | I | Isus4 | I I I bVII
raga-dark phrygian: i | isus4 | i i i bII
space lydian: Imaj7 | Imaj9 II | Iadd9 vi9 | Imaj7 iii7 | Imaj9
haze minor: bVImaj9 i9 | i9 bVImaj7 iv9 iv9 | bIIImaj9 bVImaj9 | iv9 bVImaj9 i9 i9 | i9 v7
blues-minor minor: i7 iv7 i7 v7 | i7 | i7 iv7 | i7 bVI7 V7 i7
pent-minor minor-pentatonic: i | i bVII | i bIII | i bVII bIII bVII | i v
pent-major major-pentatonic: I | I vi | I V | I V vi I
whole major: I bVI | I #IV | i biii | Iaug | i #iv | I bIII #IV VI | i bvi
chip major: I V vi IV | I bVII bVI bVII | IV V iii vi | I IV V I | bVI bVII I I
"""


def _parse(table: str) -> dict[str, Flavour]:
    flavours: dict[str, Flavour] = {}
    for line in table.strip().replace("\n  ", " ").split("\n"):
        head, _, progressions = line.partition(": ")
        name, mode = head.split()
        flavours[name] = Flavour(mode, tuple(part.strip() for part in progressions.split("|")))
    return flavours


FLAVOURS = _parse(_TABLE)
"""Ways of using chords by name."""
