"""Hold the drum patterns that drummers and percussionists play; `grooves` says how to read them."""

from __future__ import annotations

__all__ = ["PLAYED"]

PLAYED = """
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
k X.......X....... | X.......X.X..... | X.....X.X....... | X..X....X.X..... | X.....X...X.....
  | X.......X.....X.
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
"""Grooves, one block each."""
