"""Hold the drum patterns: one block a groove, one line a voice, sixteenths from left to right.

``X`` accent, ``x`` plain, ``o`` soft, ``.`` rest. Alternatives are parted by ``|``; one is drawn for each loop. A
voice written ``h?60`` plays in 60 % of the loops. Patterns of 32 steps last two bars. Voices: k kick, s snare,
c clap, r rim, h closed hat, o open hat, p pedal hat, d ride, C crash, t low, T mid and m high tom, w cowbell,
a tambourine, S shaker, g and G high and low conga, b and B high and low bongo, v clave, A agogo, K timbale.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GROOVES", "PITCHES", "Layer"]

PITCHES = {
    "k": 36, "s": 38, "c": 39, "r": 37, "h": 42, "o": 46, "p": 44, "d": 51, "C": 49, "t": 45, "T": 47, "m": 50,
    "w": 56, "a": 54, "S": 70, "g": 63, "G": 64, "q": 62, "b": 60, "B": 61, "v": 75, "A": 67, "K": 65,
}  # fmt: skip
"""Key of the General MIDI drum map by voice letter."""

_TEXT = """
house
k X...X...X...X... | X...X...X...X..o | X...X...X...X.o.
c ....X.......X... | ....X.......X..o | ....X.......X.o.
o ..x...x...x...x. | ..x...x...x..x.. | ..x.......x.....
h?80 x.o.x.o.x.o.x.o. | xoxoxoxoxoxoxoxo | xox.xox.xox.xox. | x.xxx.xxx.xxx.xx
s?30 ............o..o | .......o........ | ..........o....o
S?45 xoxoxoxoxoxoxoxo | ..x...x...x...x. | oox.oox.oox.ooxo
r?20 ...x..x....x..x. | ..x..x....x..x.. | ......x..x......
a?15 ....x.......x... | ..x...x...x...x.
w?8 x..x..x..x..x.x. | ..x...x...x..x..

deep-house
k X...X...X...X... | X...X...X...X..o
c?70 ....X.......X... | ....x.......x..o
r?55 ...x..x....x.x.. | ..x..x..x..x..x. | ......x.....x... | ...x.......x..x.
o ..x...x...x...x. | ..o...x...o...x.
h x.o.x.o.x.o.x.o. | .ox..ox..ox..oxo | ..xo..xo..xo..xo
S?60 oxoxoxoxoxoxoxox | o.xoo.xoo.xoo.xo
s?25 .......o..o..... | ............o..o
g?20 ..x..x....x..x.. | ...x..x..x....x.

techno
k X...X...X...X... | X...X...X...X...
o?80 ..X...X...X...X. | ..x...x...x...x.
h xxxxxxxxxxxxxxxx | xoxoxoxoxoxoxoxo | x.xxx.xxx.xxx.xx | ..xx..xx..xx..xx | oxXooxXooxXooxXo
c?55 ....X.......X... | ............X... | ....X.......X..x
s?20 ......o..o....o. | ...o..o....o..o.
r?30 ...x..x..x..x..x | ..x..x..x..x..x. | x..x..x...x..x..
d?35 ..x...x...x...x. | x.x.x.x.x.x.x.x.
t?25 ...x......x..... | ..o..o....o..o.. | ......x.......x.
T?20 .......x.....x.. | .....o....o.....

minimal
k X...X...X...X... | X...X...X...X...
r?60 ......x......... | ...o......x..... | ..x....o..x..... | .......x......x.
h ..x...x...x...x. | ..x..ox...x..ox. | ...o..x....o..x.
c?40 ....X.......X... | ............x...
o?35 ..........x..... | ......x.........
S?35 oooooooooooooooo | o.o.o.o.o.o.o.o.
b?25 ...o...x.....o.. | .....o....x..o..
t?20 ..........o..o.. | .....o..........

electro
k X.....X...X..... | X..X..X...X..... | X.....X....X..X. | X...X..X..X.....
s ....X.......X... | ....X.......X..o
c?50 ....X.......X...
h x.x.x.x.x.x.x.x. | xxxxxxxxxxxxxxxx | x.xxx.xxx.xxx.xx
o?50 ..............x. | ......x.......x.
w?45 ..x..x..x..x.... | x..x..x..x..x... | ..x.x..x..x.x..x
t?20 .............x.. | ..........x..x..

dnb
k X.........X..... | X..X......X..... | X.........X..X.. | X.....X...X..... | X.......X.X.....
s ....X.......X... | ....X.......X... | ....X..o.o..X... | ....X..o....X..o
h x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | x.xox.xox.xox.xo | xxxxxxxxxxxxxxxx
d?35 x.x.x.x.x.x.x.x. | x...x...x...x...
o?30 ..x............. | ..............x. | ......x.........
S?25 oxoxoxoxoxoxoxox

dnb-roller
k X.........X..... | X.........X.....X..X......X..... | X..o......X.....
s ....X..o.o..X..o | ....X.......X.o. | ....X..o.o..X... | ....X.o..o..X..o
h xoxxxoxxxoxxxoxx | x.xxx.xxx.xxx.xx | xoxoxoxoxoxoxoxo
d?30 x...x...x...x... | ..x...x...x...x.
a?25 ....x.......x...
r?20 ..o....o..o..... | .......o.....o..

jungle
k X.X.......XX....X.X.......X..... | X.X.......XX.... | X.........XX.... | X.X...X...X..X..
s ....X..o.o..X..o....X..o.o....X. | ....X..o.o..X..o | ....X..x.o..X.x. | .o..X..o.x.oX..o
h x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | x.x.x.xxx.x.x.x.
d?45 x.x.x.x.x.x.x.x.
o?35 ..........x..... | ......x.......x.
C?25 X...............................
g?20 ..x..x.x..x..x.x

break
k X.X.......X..X.. | X..X..X...X..... | X.X....X..X..... | X......X.XX.....
s ....X..o.o..X..o | ....X..o....X... | ....X.......X.o. | ....X..o.o..X...
h x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | x.xox.x.x.xox.x.
o?40 ..............x. | ......x......... | ..........x.....
a?20 ....x.......x... | x.x.x.x.x.x.x.x.

garage
k X.........X..... | X.....X...X..... | X..X......X..... | X.......X.X..... | X......X..X..X..
s ....X.......X... | ....X..o....X... | ....X.......X..o
c?35 ....X.......X...
h ..x..xx...x..xx. | .xx..xx..xx..xx. | ..x...x...x.x.x. | xoxoxoxoxoxoxoxo
o?40 ..x...x...x...x. | ..........x.....
r?55 ...o..x..o...o.. | ......o..o.x..o. | ..o....x.o....x. | .o.x...o..x..o.x
S?40 oxoxoxoxoxoxoxox | .ox..ox..ox..ox.
w?10 ......x..x......

garage-4x4
k X...X...X...X... | X...X...X...X..o
s ....X.......X..o | ....X..o....X...
h ..x..xx...x..xx. | .xx..xx..xx..xx. | xoxoxoxoxoxoxoxo
r?50 ...o..x..o...o.. | ..o....x.o....x.
o?50 ..x...x...x...x.
S?40 oxoxoxoxoxoxoxox

dubstep
k X............... | X.....X......... | X.........X..... | X..X...........X
s ........X....... | ........X......o
h x..x..x..x..x.x. | x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | x..o..x..o..x..o
o?30 ......x......... | ..............x.
r?40 ...o..o....o..o. | ......o..o...o..
t?20 ............o.o. | ..........o..o..

trap
k X......X..X..... | X.....X...X..X.. | X..X......X....X | X.........X..... | X..X..X...X....X......X...X.....
s?60 ........X....... | ........X......o
c ........X....... | ........X.......
h x.x.x.x.x.x.x.x. | xxxxxxxxxxxxxxxx | x.xxx.x.x.xxx.x. | xox.xox.xox.xoxo
o?35 ..............x. | ...x............ | ......x.........
r?25 ......x......... | ...o.......o..o. | ..x..x..........
C?10 X...............................
w?8 ..x..x....x..x..

drill
k X......X....X... | X..X......X..... | X.....X......X.. | X......X..X.....X..X..X......X..
s ......X.......X. | ......X......X.. | ......X.......X.......X.....X...
c?40 ......X.......X. | ......X.........
h x..x..x.x..x..x. | x..x..x...x..x.. | x..xo.x.x..x.ox. | x.xx..x.x.xx..x.
r?45 ...o...o..o..... | ..x.......x..o.. | .o.......o...o..
o?25 ..............x. | ..........x.....
w?8 x.....x.....x...

boombap
k X......X..X..... | X.....X...X..... | X..X......X..... | X.........XX.... | X......X.XX..... | X.X.......X....X
s ....X.......X... | ....X.......X..o | ....X..o....X... | ....X..o.o..X...
h x.x.x.x.x.x.x.x. | x.xox.x.x.xox.x. | xoxoxoxoxoxoxoxo | x.x.x.xxx.x.x.xo
o?30 ......x......... | ..............x. | ..........x.....
r?12 ...o......o.....
a?15 ....x.......x...

lofi
k X......X..X..... | X.....X...X..... | X.........X..... | X..o...X..X..... | X.......X.X.....
s?75 ....X.......X... | ....X.......X..o | ....x..o....x...
r?35 ....x.......x... | ....x.......x..o
h x.x.x.x.x.x.x.x. | x.o.x.o.x.o.x.o. | o.x.o.x.o.x.o.x. | x.xox.x.x.xox.x.
o?20 ..............o. | ......o.........
S?30 ..x...x...x...x. | oxoxoxoxoxoxoxox

funk
k X..X......X..... | X.X...X...X..X.. | X.....X..XX..... | X..X..X...X..... | X.X....X..X.....
s ....X..o.o..X..o | .o..X..o.o.oX... | ....X..o....X.o. | ....X..o.o..X.oo
h x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | xoxxxoxxxoxxxoxx | xxxxxxxxxxxxxxxx
o?55 ..............x. | .......x........ | ......x.......x. | ...........x....
w?15 x...x...x...x... | x.x.x..xx.x.x..x
a?15 ....x.......x... | xoxoxoxoxoxoxoxo
g?15 ...x..xx...x..xx

soul
k X.......X.X..... | X......X.X...... | X..X....X..X.... | X......XX.......
s ....X.......X... | ....X..o....X..o
h x.x.x.x.x.x.x.x. | x.x.x.xox.x.x.xo
a?55 ....X.......X... | x.x.x.x.x.x.x.x.
o?20 ..............x.

disco
k X...X...X...X... | X...X...X...X.x.
s ....X.......X... | ....X.......X..o
c?35 ....X.......X...
o ..X...X...X...X. | ..x...x...x...x.
h x...x...x...x... | xo.oxo.oxo.oxo.o | xoxoxoxoxoxoxoxo
a?45 xoxoxoxoxoxoxoxo | ....x.......x... | ..x...x...x...x.
w?20 x...x...x...x... | x..x..x.x..x..x.
g?25 ..xx..x...xx..x. | x..x..xxx..x..xx
t?10 .............x.x

reggae
k ........X....... | ........X....... | X.......X....... | ........X.....o.
s?30 ........x.......
r ........X....... | ........X......o | ........X...o...
h x.x.x.x.x.x.x.x. | ..x...x...x...x. | x.xxx.x.x.xxx.x. | xoxxxoxxxoxxxoxx
o?30 ......x......... | ..............x.
t?12 ............o.oo
S?20 ..x...x...x...x.
g?20 ..x..o..x.x..o..

dub
k ........X....... | X...X...X...X... | X.......X....... | ........X.......
r ........X....... | ........X...o... | ........X.....o.
h x.x.x.x.x.x.x.x. | ..x...x...x...x. | x..ox..ox..ox..o
o?40 ......x......... | ..............x. | ..x.............
t?30 ............x..x | .............x.x | ...........x..x.
s?25 ..............X.
S?25 o.x.o.x.o.x.o.x.

afrobeat
k X.....X...X..... | X..X..X...X..X.. | X.....X.X.....X. | X...X..X..X..X..
s ....o..x..o.X... | ......X.....X..o | ...o..X..o..X... | ....X..o..X....o
h x.xxx.xxx.xxx.xx | x.x.x.x.x.x.x.x. | xoxxxoxxxoxxxoxx
o?45 ..............x. | ......x......... | ..x.......x.....
S?60 xoxoxoxoxoxoxoxo | x.xxx.xxx.xxx.xx
v?50 x..x..x...x.x... | x...x..x..x.x...
A?30 x.xx.xx.x.xx.x.. | x..x.xx...x.x...
g?50 ..x..xx...x..xx. | x..xx.x.x..xx.x.
G?30 ..........x.x... | ......x.......xx

amapiano
k X...X...X...X... | X.......X....... | X...X...X...X...
S xoxoxoxoxoxoxoxo | xxoxxxoxxxoxxxox | x.xxx.xxx.xxx.xx
r?70 ...x..x....x..x. | ..x..x..x..x.x.. | ...x..x...x..x..
c?40 ....X.......X... | ............X...
h?50 ..x...x...x...x. | ..xo..xo..xo..xo
g?35 ......xx......x. | ..x..x.....x..x.
t?30 ...X..X...X..... | ......X..X....X.

reggaeton
k X...X...X...X... | X.......X....... | X...X...X...X...
s ...X..X....X..X. | ...X..X....X..X. | ...X..x....X..x.
c?25 ...X..X....X..X.
h?70 x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | ..x...x...x...x.
S?30 oxoxoxoxoxoxoxox
o?20 ..............x.
K?15 ............x.xx

salsa
v x..x..x.....x...|..x.x...x..x..x. | x..x..x...x.x... | ..x.x...x..x..x.
w?70 x.x.x.xxx.x.xxx. | x.xxx.x.xx.xx.x. | x...x.x.x...x.x.
g x..xx.....x.xx.. | ..x...xx..x...xx
G?70 ......xx......xx | ..........xx....
k?45 ......X......... | ......X.......X. | X.....X.X.....X.
b?45 xoxxxoxoxoxxxoxo
K?30 ..x...x...x...x. | ............x.xx
S?45 x.xxx.xxx.xxx.xx

latin
k?60 X.....X.X.....X. | X..X..X.X..X..X.
s?25 ............x..o
r?55 x..x..x...x.x... | ..x.x...x..x..x.
h?60 x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo
g x..xx.x.x..xx.xx | ..x...xx..x...xx
G?60 ......xx......xx | x.........x.....
S?65 xoxoxoxoxoxoxoxo | x.xxx.xxx.xxx.xx
w?40 x.x.x.xxx.x.xxx. | x...x...x...x...
b?40 xoxxxoxoxoxxxoxo
K?20 ..x...x...x...x.

bossa
k X..oX..oX..oX..o | X.....X.X.....X. | X..xX..xX..xX..x
r x..x..x...x..x.. | x..x..x...x.x... | ..x..x..x...x..x
h?80 xoxoxoxoxoxoxoxo | x.x.x.x.x.x.x.x. | oxoxoxoxoxoxoxox
S?50 xoxoxoxoxoxoxoxo | oxoxoxoxoxoxoxox
p?40 ....x.......x...

jazz
d X...X.x.X...X.x. | x...X.x.x...X.x. | X...X.x.x...X...
p ....x.......x...
k?65 x...o...x...o... | x.........o..... | o...o...o...o... | ......o.........
s?70 ......o....o.... | ..o.......o...o. | ......o......... | ...o......o..... | .......o....o...
C?8 x...............................
r?15 ............x...

jazz-brush
s o.o.x.o.o.o.x.o. | oooox.oooooox.oo | o...x.o.o...x.o.
d?60 x...x.o.x...x.o.
p ....x.......x...
k?50 x.......o....... | o...o...o...o...

shuffle
k X.......X....... | X.....o.X.....o. | X.......X.o.....
s ....X.......X... | ....X.......X.o.
h x...x.x.x...x.x. | x.x.x.x.x.x.x.x.
d?30 x...x.x.x...x.x.
o?15 ..............x.

rock
k X.......X....... | X.......X.X..... | X.....X.X....... | X..X....X.X..... | X.....X...X..... | X.......X.....X.
s ....X.......X... | ....X.......X... | ....X.......X..o
h?75 x.x.x.x.x.x.x.x. | X.x.X.x.X.x.X.x. | x...x...x...x...
d?30 x.x.x.x.x.x.x.x. | x...x...x...x...
o?25 x...x...x...x... | ..............x.
C?45 X............................... | X...............

punk
k X.....X.X.....X. | X.......X.X..... | X...X...X...X... | X.X.....X.X.....
s ..X...X...X...X. | ....X.......X... | ....X.......X...
h?65 x.x.x.x.x.x.x.x. | X...X...X...X...
d?35 x.x.x.x.x.x.x.x. | x...x...x...x...
C?60 X............... | X...............................

metal
k XxXxXxXxXxXxXxXx | X.xxX.xxX.xxX.xx | XxX.XxX.XxX.XxX. | X..XX..XX..XX..X | X.xx.xx.X.xx.xx.
s ....X.......X... | ........X....... | ..X...X...X...X.
d?55 x...x...x...x... | x.x.x.x.x.x.x.x.
h?35 x...x...x...x... | x.x.x.x.x.x.x.x.
C?55 X...X...X...X... | X............... | X.......X.......
t?12 .............x.x

train
k X.......X....... | X...X...X...X...
s o.oxo.oxo.oxo.ox | ooXoooXoooXoooXo | xoXoxoXoxoXoxoXo
h?30 ....x.......x...
a?25 ....x.......x...

country
k X.......X....... | X.......X.X..... | X...X...X...X...
s ....X.......X... | ....X.......X..o
r?25 ....x.......x...
h x.x.x.x.x.x.x.x. | x...x...x...x...
a?25 ....x.......x...

folk
k?60 X.......X....... | X...........o...
a?60 ....x.......x... | x.xxx.xxx.xxx.xx
S?60 x.xxx.xxx.xxx.xx | xoxoxoxoxoxoxoxo
c?25 ....x.......x...
b?30 x..x..x.x..x..x.

synthwave
k X...X...X...X... | X.......X....... | X.......X.X..... | X...X...X...X...
s ....X.......X... | ....X.......X...
h x.x.x.x.x.x.x.x. | xxxxxxxxxxxxxxxx | xoxoxoxoxoxoxoxo
o?25 ..x...x...x...x.
t?35 ............xxxx | .............x.x | ..........x.x.x.
T?20 .............xx. | ..........x...x.
C?30 X............................... | X...............

trance
k X...X...X...X... | X...X...X...X...
c ....X.......X... | ....X.......X...
o ..X...X...X...X. | ..X...X...X...X.
h x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo | xx.xxx.xxx.xxx.x
d?20 ..x...x...x...x.
C?35 X...............................
S?20 oxoxoxoxoxoxoxox

chip
k X...X...X...X... | X.....X.X....... | X..X....X.X.....
s ....X.......X... | ....X.......X.x.
h x.x.x.x.x.x.x.x. | xoxoxoxoxoxoxoxo

downtempo
k X.........X..... | X.......X....... | X......X..X..... | X...............
s ....X.......X... | ........X....... | ....x.......x..o
h x.x.x.x.x.x.x.x. | ..x...x...x...x. | o.x.o.x.o.x.o.x.
r?35 ...o..o......o.. | ..x.......x.....
S?35 oxoxoxoxoxoxoxox
t?20 ..........o..o..

cinematic
k X.......X....... | X...........X... | X..X..X.X..X..X. | X...........x.x.
t?70 X..x..x.X..x..x. | x...x...x...x.x. | X.......x.x.x.x.
T?50 ......x.......x. | ..x...x...x...x.
s?35 ............X... | ........X....... | x.xxx.xxx.xxx.xx
C?40 X............................... | X...............

march
k X.......X.......
s X.xxX.xxX.xxXxxx | X.x.xxx.X.x.xxx. | x.xxx.xxx.xxxxxx
C?35 X...............................
a?20 ....x.......x...

tabla
b x.x.x..xx.x.x.x. | x..xx.x.x..xx.xx | x.xxx.x.x.xxx.xx | X.x.x.xxX.x.x.xx
B X.......x....... | X.....x.X.......  | X..x....X..x....
G?50 X.......X...x... | X...........X...
a?25 ....x.......x...
g?25 ......x.......xx

glitch
k X..X.......X.... | X.....XX....X... | X....X......X.X. | X.........XX....
s ....X......X.... | .......X....X... | ....X.....X..... | ............X...
h xx.xxxx..xxx.xxx | x..xx.x..xx.x..x | xxx..xx.xxxx..x. | oXooXoooXooXoXoo
r?60 ..x..x.x......x. | x....xx...x..... | .x...x..x..x....
o?30 .........x...... | ..............x.
w?20 ...x.......x.... | ..x.....x....x..
t?35 .....x....x..... | ..x.........x.x.

six-eight
k X.....x.....|X.....X.....|X...x.X.....|X.........x.
s ......X.....|......X....o|......X.....
h x.x.x.x.x.x.|xoxoxoxoxoxo|x.x.xxx.x.xx
o?25 ..........x.|....x.......
a?25 ......x.....

waltz
k X...........|X.....x.....
s?60 ....x...x...|....x...x..o
h?60 x...x...x...|x.x.x.x.x.x.
d?35 x...x.x.x...|x...x...x.x.
r?25 ....x...x...
C?15 X...........
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one voice of a groove.

    Attributes:
        voice: letter of `PITCHES`.
        probability: how often the voice takes part.
        patterns: alternatives.
    """

    voice: str
    probability: float
    patterns: tuple[str, ...]


def _parse(text: str) -> dict[str, tuple[Layer, ...]]:
    grooves: dict[str, tuple[Layer, ...]] = {}
    for block in text.strip().split("\n\n"):
        name, *lines = block.split("\n")
        layers = []
        for line in lines:
            head, _, body = line.partition(" ")
            voice, _, percent = head.partition("?")
            patterns = tuple(part.strip() for part in body.split("|"))
            layers.append(Layer(voice, float(percent) / 100.0 if percent else 1.0, patterns))
        grooves[name.strip()] = tuple(layers)
    return grooves


GROOVES = _parse(_TEXT)
"""Drum grooves by name."""
