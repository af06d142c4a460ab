"""Hold the grammars of genres played by bands."""

from __future__ import annotations

from riffsidecar.training.compose.genres import Genre

__all__ = ["BAND"]

# fmt: off
BAND = (
    Genre(
        "funk",
        (92, 106, 120),
        "dorian*5 mixolydian*3 minor-deep", kits="kit-acoustic*4 kit-rock kit-breaks", grooves="funk*6",
        bass="slap-bass:slap,funk*3 finger-bass:funk,motown*4 saw-bass:funk picked-bass:funk",
        keys="clavinet:clav*4 rhodes:stabs,neo*2 drawbar-organ:stabs*2 electric-piano:stabs",
        guitar="muted-guitar:funk,chicken*4 clean-guitar:funk,strum16*3",
        strings="string-ensemble:stabs,swell", pads="warm-pad:sustain",
        leads=(
            "brass-section:horns,call*4 saxophone:riff,call,solo*2 trumpet:riff,call saw-lead:riff "
            "flute:call trombone:riff"
        ),
        percussion="perc-latin perc-hand*2", swing=(0.0, 0.3), human=0.25, energy=(0.55, 0.9),
        families="guitar*1.7 bass*1.5 drums*1.5", moods="funky tight groovy syncopated", reverb=(0.05, 0.3),
        odd=0.2,
    ),
    Genre(
        "soul",
        (72, 92, 118),
        "major-soul*4 gospel*2 minor-deep", kits="kit-acoustic*4 kit-breaks", grooves="soul*4 boombap",
        bass="finger-bass:motown,boombap*4 upright-bass:motown picked-bass:motown",
        keys=(
            "rhodes:neo,ballad*3 electric-piano:neo,ballad*3 drawbar-organ:gospel,sustain*2 "
            "grand-piano:gospel,neo*3"
        ),
        guitar="clean-guitar:neo,funk,arp*3 muted-guitar:chicken",
        strings="string-ensemble:sustain,swell slow-strings:sustain",
        pads="choir-aahs:sustain voice-oohs:sustain,hits*2 warm-pad:sustain",
        leads="saxophone:melody,solo*2 trumpet:call brass-section:horns*2 vibraphone:sparse",
        percussion="perc-hand", textures="vinyl-noise*0.5", swing=(0.1, 0.5), human=0.35, energy=(0.3, 0.65),
        moods="soulful warm smooth romantic", odd=0.4, meters="6/8*3 3/4",
    ),
    Genre(
        "disco",
        (110, 118, 126),
        "minor-pop*2 minor-deep*2 dorian*2 major-soul", kits="kit-acoustic*3 kit-electro*2 kit-rock",
        grooves="disco*6",
        bass="finger-bass:disco,octaves*4 slap-bass:disco,octaves*2 saw-bass:octaves*2 picked-bass:disco",
        keys="grand-piano:house,stabs,pulse8*2 rhodes:stabs clavinet:clav electric-piano:stabs",
        guitar="muted-guitar:funk*3 clean-guitar:funk,strum16*3",
        strings=(
            "string-ensemble:sustain,stabs,swell*4 synth-strings:sustain,stabs*3 violin:fast "
            "pizzicato:ostinato"
        ),
        pads="warm-pad:sustain choir-aahs:hits supersaw-pad:swell",
        leads="brass-section:horns,call*2 saw-lead:hook,arp16 flute:fast saxophone:riff square-lead:arp8",
        percussion="perc-hand perc-latin", human=0.15, energy=(0.6, 0.9), families="strings*1.5 guitar*1.2",
        moods="groovy glittering uplifting funky retro", odd=0.05,
    ),
    Genre(
        "reggae",
        (68, 76, 92),
        "reggae*4 reggae-minor*3", kits="kit-acoustic*4", grooves="reggae*5",
        bass="finger-bass:reggae*4 sub-bass:reggae,dub*2 upright-bass:reggae picked-bass:reggae",
        keys="drawbar-organ:bubble,skank*4 grand-piano:skank*2 clavinet:clav electric-piano:skank",
        guitar="muted-guitar:skank*3 clean-guitar:skank*4", pads="voice-oohs:sustain warm-pad:sustain",
        leads=(
            "brass-section:horns,call*2 trombone:call,melody*2 trumpet:melody saxophone:melody flute:melody "
            "steel-drum:melody"
        ),
        percussion="perc-hand*2 perc-latin", swing=(0.1, 0.6), unit=16, human=0.25, energy=(0.3, 0.6),
        families="guitar*1.4 bass*1.2", moods="laid-back sunny relaxed rootsy", odd=0.05,
    ),
    Genre(
        "dub",
        (66, 74, 90),
        "reggae-minor*5 minor-dark", kits="kit-acoustic*3 kit-lofi kit-808", grooves="dub*5",
        bass="sub-bass:dub*4 finger-bass:dub,reggae*3 saw-bass:dub",
        keys="drawbar-organ:bubble,dub*3 grand-piano:dub,skank electric-piano:dub*2 clavinet:dub",
        guitar="clean-guitar:skank,dub*2 muted-guitar:skank",
        pads="dark-pad:sustain choir-aahs:hits noise-pad:swell",
        leads="brass-section:call trombone:call saw-lead:call flute:sparse sine-lead:sparse",
        percussion="perc-hand perc-latin", textures="wind-noise vinyl-noise", swing=(0.1, 0.5), human=0.2,
        energy=(0.2, 0.5), moods="spacious echoing deep smoky heavy", reverb=(0.5, 0.95), drive=(0.1, 0.4),
        odd=0.05,
    ),
    Genre(
        "afrobeat",
        (96, 108, 122),
        "dorian*4 mixolydian*2 pent-minor pent-major major-soul", kits="kit-acoustic*4 kit-909 kit-808",
        grooves="afrobeat*6",
        bass="finger-bass:afro,highlife*5 sub-bass:afro saw-bass:afro picked-bass:afro",
        keys="rhodes:stabs,neo drawbar-organ:stabs,clav*2 electric-piano:stabs,neo grand-piano:montuno",
        guitar="clean-guitar:highlife,arp*4 muted-guitar:chicken,highlife*3",
        pads="choir-aahs:hits voice-oohs:sustain warm-pad:sustain",
        leads=(
            "brass-section:horns,riff*4 saxophone:riff,solo,call*2 trumpet:riff,call "
            "kalimba:ostinato,riff*2 marimba:ostinato*2 flute:call"
        ),
        percussion="perc-latin*3 perc-hand*3", swing=(0.0, 0.35), human=0.25, energy=(0.5, 0.85),
        families="drums*1.5 guitar*1.4", moods="polyrhythmic hypnotic groovy sunny", odd=0.3, meters="6/8*3",
    ),
    Genre(
        "blues",
        (66, 96, 136),
        "blues*6 blues-minor*2", kits="kit-acoustic*3 kit-rock kit-jazz", grooves="shuffle*5",
        bass="finger-bass:blues,walking*4 upright-bass:blues,walking*2 picked-bass:blues",
        keys="grand-piano:stride,pulse4,charleston*3 drawbar-organ:sustain,charleston*2",
        guitar=(
            "overdriven-guitar:boogie*2 clean-guitar:boogie,jazzcomp*4 steel-guitar:boogie,pick*2 "
            "distorted-guitar:boogie"
        ),
        leads="saxophone:call,solo*2 clarinet:call brass-section:horns trumpet:call", swing=(0.8, 1.0),
        unit=8, human=0.35, energy=(0.35, 0.75), families="guitar*1.8", moods="gritty raw soulful shuffling",
        drive=(0.1, 0.5), odd=0.3, meters="6/8",
    ),
    Genre(
        "rock",
        (96, 120, 148),
        "mixolydian*2 major-pop*2 minor-pop*2 punk*2", kits="kit-rock*4 kit-acoustic*3", grooves="rock*6",
        bass="finger-bass:rock,eighths*3 picked-bass:rock,eighths saw-bass:eighths*0.3",
        keys="grand-piano:rock8,pulse8*2 drawbar-organ:sustain,block,pulse8*2 electric-piano:pulse4",
        guitar=(
            "distorted-guitar:power,power8*4 overdriven-guitar:power,power8,arp clean-guitar:arp,strum*3 "
            "steel-guitar:strum*2"
        ),
        strings="string-ensemble:sustain,pulse8", pads="choir-aahs:sustain warm-pad:sustain",
        leads="distorted-guitar:riff,melody,solo*4 saw-lead:riff square-lead:riff saxophone:solo",
        percussion="perc-hand", human=0.25, energy=(0.55, 0.95),
        families="guitar*3 drums*2 strings*0.3 choir-pad*0.3", moods="driving big energetic gritty anthemic",
        drive=(0.2, 0.6), odd=0.7, meters="3/4 6/8*2 7/8*2 5/4",
    ),
    Genre(
        "punk",
        (148, 168, 190),
        "punk*6", kits="kit-rock*4 kit-acoustic*2", grooves="punk*6",
        bass="finger-bass:eighths*4 picked-bass:eighths",
        guitar="distorted-guitar:power8*6 overdriven-guitar:power8", leads="distorted-guitar:riff",
        human=0.3, energy=(0.8, 1.0), families="guitar*1.2 lead-arp*0.2", moods="fast angry raw loud",
        drive=(0.4, 0.9), reverb=(0.05, 0.25), odd=0.1,
    ),
    Genre(
        "metal",
        (100, 138, 185),
        "metal*5 phrygian minor-harmonic", kits="kit-rock*5", grooves="metal*5 rock",
        bass="finger-bass:metal*3 picked-bass:metal*2",
        guitar="distorted-guitar:chug,gallop,tremolo,power*8", strings="string-ensemble:pulse16,stabs",
        pads="choir-aahs:sustain", leads="distorted-guitar:fast,riff,trill*3", human=0.12, energy=(0.8, 1.0),
        families="guitar*2.5 strings*0.3 choir-pad*0.3 lead-arp*0.4",
        moods="heavy brutal aggressive dark fast", drive=(0.5, 1.0), reverb=(0.05, 0.3), odd=1.2,
        meters="7/8*3 5/4*2 6/8 3/4",
    ),
    Genre(
        "folk",
        (78, 104, 132),
        "folk*5 folk-dorian*3 pent-major", kits="kit-acoustic", grooves="folk*5",
        bass="upright-bass:twobeat,roots*3 finger-bass:roots", keys="grand-piano:broken,ballad,waltz",
        guitar="steel-guitar:strum,pick,travis*6 nylon-guitar:pick,travis*2 karplus-guitar:pick,travis",
        strings="violin:melody,fast*3 cello:melody,long harp:arp,broken*2",
        pads="voice-oohs:sustain choir-aahs:sustain",
        leads="flute:melody,fast*3 clarinet:melody violin:fast,melody*2", percussion="perc-hand*3",
        human=0.35, energy=(0.25, 0.6), families="guitar*3 choir-pad*0.4 drums*0.4",
        moods="earthy gentle warm rustic pastoral", reverb=(0.15, 0.4), odd=3.0,
        meters="3/4*3 6/8*4 7/8*0.6",
    ),
    Genre(
        "country",
        (84, 112, 150),
        "country*5 folk", kits="kit-acoustic*3", grooves="country*3 train*3",
        bass="upright-bass:twobeat*3 finger-bass:twobeat*3 picked-bass:twobeat",
        keys="grand-piano:rock8,ragtime*2",
        guitar="steel-guitar:country,strum,travis*5 clean-guitar:chicken,pick*3 nylon-guitar:country",
        strings="violin:fast,melody,solo*4", leads="violin:fast,solo*2 clean-guitar:solo,fast*3",
        percussion="perc-hand", human=0.3, energy=(0.4, 0.75), families="guitar*2",
        moods="twangy sunny rootsy honky-tonk", reverb=(0.1, 0.35), odd=0.6, meters="3/4*4",
    ),
)
# fmt: on
"""Grammars of the genres above."""
