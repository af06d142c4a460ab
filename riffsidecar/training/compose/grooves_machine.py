"""Hold the drum patterns of machines and samplers; `grooves` says how to read them."""

from __future__ import annotations

__all__ = ["MACHINE"]

MACHINE = """
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
k X......X..X..... | X.....X...X..... | X..X......X..... | X.........XX.... | X......X.XX.....
  | X.X.......X....X
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

glitch
k X..X.......X.... | X.....XX....X... | X....X......X.X. | X.........XX....
s ....X......X.... | .......X....X... | ....X.....X..... | ............X...
h xx.xxxx..xxx.xxx | x..xx.x..xx.x..x | xxx..xx.xxxx..x. | oXooXoooXooXoXoo
r?60 ..x..x.x......x. | x....xx...x..... | .x...x..x..x....
o?30 .........x...... | ..............x.
w?20 ...x.......x.... | ..x.....x....x..
t?35 .....x....x..... | ..x.........x.x.
"""
"""Grooves, one block each."""
