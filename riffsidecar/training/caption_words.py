"""Hold the phrasings and words that captions are made of; `captions` says what the slots mean."""

from __future__ import annotations

__all__ = [
    "COLOURED",
    "DRUMLESS_BANDS",
    "ENSEMBLE_TEMPLATES",
    "HELD_OUT_TEMPLATES",
    "METER_WORDS",
    "NAMED_DRUMS",
    "NEGATIVES",
    "OPPOSITES",
    "ROLE_WORDS",
    "SOLO_TEMPLATES",
    "STEM_FAMILIES",
    "TRAIN_TEMPLATES",
]

TRAIN_TEMPLATES = (
    "{F}", "{I}", "{G} {F}", "{G} {I}", "{M} {F}", "{M} {I}", "{I} {R}", "{G} {I} {R}", "{M} {G} {F}",
    "{M} {G} {I}", ( "{M} {I} {R}" ), "{G} {F} loop", "{I} loop", "{G} {I} loop", "{M} {I} loop",
    "{G} {F}, {M}", "{I}, {G}", "{I}, {M}", ( "{I}, {G}, {M}" ), "{G}, {I}", "{G}, {F}, {M}, {M2}",
    "{G}, {I}, {M}, {T}", "{M}, {M2}, {I}", "{M} {M2} {F}", ( "{M} and {M2} {I}" ), "{M} but {M2} {F}",
    "{T} {G} {F}", "{G} {F} {T}", "{G} {F} at {N} bpm", "{N} bpm {G} {I}", ( "{N}bpm {F}" ), "{G} {N} {I}",
    "{F} in {K}", "{I} in {K}", "{I} {R} in {K}", "{G} {I} in {K}", "{M} {F} in {K}", ( "{K} {G} {I}" ),
    "{I} {K} {N}bpm", "{I} with {I2}", "{I} and {I2}", "{I} + {I2}", "{I}, {I2}, {G}", "{G} {F} with {I}",
    ( "{M} {I} over {I2}" ), "{G} {F} with {I} and {I2}", "{M} {G} {F} with {I}", "{G} {I} {R} with {I2}",
    "{F}, {S}", ( "{S}, {G} {I}" ), "{I} {R}, {S}", "{M} {G} {F}, {S}", "{I}, {S}, {T}", "{G} {I} {S}",
    "{F} in {E}", "{G} {F} in {E}", "{E} {I} {R}", "{M} {I} {E}", "a {M} {G} {F}", "a {F} with {I}, {M}",
    "{M} {G} {F} with {I}, {T}, {K}", ( "{T}, {K}, {G} {I}" ), "{G} style {I}", "{I} {G} style",
    "{G} type {F}", "{G} / {I} / {M}", "{F} - {G} - {M}", ( "{I} - {M} - {N} bpm" ), "{I} playing {M} {R}",
    "{M} {I} playing {R}", "{B} {G} {F}", "{B} of {I}", "{M} {I}, {B}", ( "{I} {R} over {C}" ), "{C} {I}",
    "{G} {I}, chords {C}", "{I} for a {G} track", "{F} for {G}", "{G} flavoured {I}", ( "{T} {M} {I}" ),
    "{M} {T} {F}", "{F}, {G}, {N} bpm, {K}, {M}", "{G} {F} ({M}, {M2})", "{M} {G} {I} {R}, {T}",
    ( "{G} {F}: {I}" ), "{G} {R} on {I}", "{M} {R} on {I}, {T}", "{I} {R}, {M} and {M2}",
    "{M} {G} {I} {R} in {K} at {N} bpm", "{F} {M}", "{I} {G}", "{I} {M} {G}", "{F} {G} {N}",
    "need a {G} {F}", "need {M} {I}", "some {G} {I} please", "{F}, make it {M}", "show me a {G} {F}",
    "{I} in the style of {G}", "in a {G} style, {I}", "a bit of {G} on {I}", "i want a {M} {G} {F}",
    "let me have {I}, {M}", "more like {G}, with {I}", "{G} inspired {I}", "{G} inspired {F}",
    "kind of {M} {F}", "{I} the way {G} does it", "very {M} {I}", "really {M} {G} {F}", "{I} like in {G}",
    "{F} straight from {G}", "it should be {M}: {F}", "write a {M} {G} {F}", "{F} for a {M} {G} song",
    "{G} kind of {F}", "{M} {I}, as in {G}", "{I} and a bit of {I2}, like {G}", "{F} as {G} as it gets",
)  # fmt: skip
"""Phrasings that training captions are written in; the short ones serve more often."""

ENSEMBLE_TEMPLATES = (
    "{F} with {A}", "{G} {F} with {A}", "{A}", "{G}, {A}", "{A}, {G}", "{M} {G} {F}, {A}", "{G} {F}: {A}",
    "full {G} beat", "complete {G} beat", "whole {G} track", "{G} track with {A}", "{G} band playing",
    "{G} beat with {A}", "{G} band, {A}", "{A} together, {G}", "{M} {G} beat, {A}", "{G} song with {A}",
    "full {G} track", "{G} tune with everything", "{M} full {G} beat", "complete {G} loop, {M}, {N} bpm",
    "full {G} loop, {T}", "{G} beat, {A}, {N} bpm", "{M} {G} band", "all of a {G} track", "{A}, {K}, {N} bpm",
    "full {M} {G} beat in {K}", "{G} with {A}, {M}", "entire {G} beat", "{M} {G} track with {A}, {T}",
)  # fmt: skip
"""Phrasings for loops of a whole band, which one instrument would name wrongly; ``{A}`` lists the parts."""

SOLO_TEMPLATES = (
    "{I} for a {G} song", "{G} {I} on its own", "just {I}", "only {F}, {G}", "{F} of a {G} song", "{I} alone",
    "{M} {I} for a {G} tune", "{I} by itself, {M}", "{F} without anything else", "solo {I}, {G}, {N} bpm",
    "{I} for a {G} beat", "{I} of a {G} band, alone", "isolated {I}, {M}", "{M} {F} for a {G} track",
)  # fmt: skip
"""Phrasings for loops of one instrument that name the song it is for, which is not heard."""

HELD_OUT_TEMPLATES = (
    ( "give me some {G} {F}" ), "i need {M} {I} for something {G}", "something {M} with {I}",
    "can you make a {M} {F}", ( "{F} like on an old {G} record" ), "make it {M} and {G}, mostly {I}",
    "{G} vibes on the {I}", "think {G}, think {I}", "play a {M} {R} on {I} please",
    "nothing but {I}, {G} feel", "{M} sounding {I} out of a {G} tune", "want a {G} {F} that sounds {M}",
    "{I} somebody would sample for {G}", "the {F} from a {M} {G} song", "drop a {M} {F} here",
    "let's hear {I}, kinda {M}", "{G} producer's favourite {I}", "{I}! {M}! {G}!",
    "looking for {I} around {N}, {M}", "maybe {I}, maybe {I2}, {G} anyway",
)  # fmt: skip
"""Phrasings that only the evaluation uses."""

ROLE_WORDS: dict[str, tuple[str, ...]] = {
    "drums": ("groove", "pattern", "beat", "loop"),
    "percussion": ("groove", "pattern", "loop", "rhythm"),
    "bass": ("line", "groove", "riff", "loop"),
    "chords": ("chords", "chord progression", "comping", "chord loop", "changes", "part"),
    "melody": ("melody", "line", "riff", "phrase", "motif", "lick"),
    "arp": ("arp", "arpeggio", "sequence", "pattern", "arpeggios"),
    "pad": ("pad", "bed", "swells", "sustained chords", "long notes"),
    "texture": ("texture", "noise"),
}
"""What the part of a role is called."""

METER_WORDS: dict[str, tuple[str, ...]] = {
    "3/4": ("3/4", "waltz time", "three four", "3/4 time"),
    "6/8": ("6/8", "six eight", "6/8 time", "compound time"),
    "5/4": ("5/4", "five four", "5/4 time", "odd meter"),
    "7/8": ("7/8", "seven eight", "7/8 time", "odd time"),
}
"""How meters other than 4/4 are typed."""

STEM_FAMILIES: dict[str, tuple[str, ...]] = {
    "hats": ("hi-hats", "hats", "hat loop", "hi-hat loop", "hi-hat pattern"),
    "top loop": ("top loop", "drum tops", "tops", "hats and snare loop"),
    "percussion": ("percussion", "percussion loop", "perc loop", "rhythm"),
    "kick and snare": ("kick and snare", "simple drums", "kick snare pattern", "bare drum loop"),
}
"""What drum loops without the whole kit are called."""

DRUMLESS_BANDS: dict[str, tuple[str, ...]] = {
    "train": ("loop without drums", "no drums loop", "band without drums", "track without drums",
              "loop with no beat", "band with no drums"),
    "held-out": ("drumless loop", "drumless backing track", "beatless instrumental", "beatless arrangement"),
}  # fmt: skip
"""What a band in which no drums play is called, by split: every other word for a band promises them."""

NAMED_DRUMS: dict[str, tuple[int, ...]] = {
    "shaker": (70,), "tambourine": (54,), "conga": (62, 63, 64), "tumbao": (63, 64), "bongo": (60, 61),
    "clave": (75,), "timbale": (65, 66), "cowbell": (56,), "hand drum": (60, 61, 62, 63, 64),
}  # fmt: skip
"""Keys of the drum map that a word for percussion promises."""

COLOURED: dict[str, tuple[str, ...]] = {
    "jazz": ("jazz", "bossa nova", "lo-fi", "boom bap", "soul", "downtempo"),
    "metal": ("metal", "rock", "punk"), "gospel": ("choir", "soul"), "bossa": ("bossa nova",),
    "flamenco": ("latin",), "disco": ("disco", "house"), "trap": ("trap", "drill"),
    "funk": ("funk", "disco", "soul", "house"), "country": ("country",), "folk": ("folk",), "klezmer": (),
    "ska": ("reggae",), "celtic": ("folk",), "trance": ("trance",), "house": ("house", "deep house"),
    "rock": ("rock", "punk", "metal"), "indian": ("indian",), "raga": ("indian",), "mariachi": ("latin",),
    "bop": ("jazz",), "baroque": ("classical",), "bach": ("classical",),
    "church": ("choir", "classical", "cinematic"), "cathedral": ("choir", "classical", "cinematic"),
    "horror": ("cinematic", "experimental"), "swing": ("jazz",), "spanish": ("latin",),
    "pop": ("rock", "soul"), "edm": ("house", "trance"), "festival": ("trance", "house"),
    "trailer": ("cinematic",), "marching": ("classical", "cinematic"), "arena": ("rock", "metal", "punk"),
    "stadium": ("rock", "metal", "punk"), "big band": ("jazz", "funk"),
    "club": ("house", "techno", "deep house", "trance"),
}  # fmt: skip
"""Words in the names of instruments that belong to some genres only."""

NEGATIVES: dict[str, tuple[str, ...]] = {
    "kit": ("drums", "percussion", "beat", "kick", "hi-hats"),
    "bass": ("bass", "sub bass", "bassline"),
    "keys": ("piano", "organ", "keys"),
    "guitar": ("guitar",),
    "strings": ("strings", "violin"),
    "winds": ("brass", "saxophone", "flute"),
    "choir": ("choir", "voices", "vocals"),
    "pad": ("pad", "ambience"),
    "lead": ("synth lead", "arp", "synth"),
    "mallet": ("bells", "marimba"),
    "texture": ("vinyl crackle", "noise"),
}
"""What to name when an instrument family does not play."""

OPPOSITES: dict[str, tuple[str, ...]] = {
    "energetic": ("calm", "soft"), "calm": ("aggressive", "loud"), "busy": ("sparse",),
    "sparse": ("busy", "dense"), "bright": ("dark", "muffled"), "muffled": ("bright", "harsh"),
    "dark": ("happy", "bright"), "happy": ("sad", "dark"), "sad": ("happy", "cheerful"),
    "spacious": ("dry",), "dry": ("reverb", "echo"), "distorted": ("clean",),
    "dusty": ("polished", "clean"), "swung": ("straight",), "heavy": ("light", "thin"),
    "dreamy": ("harsh",),
}  # fmt: skip
"""What a mood is not."""
