"""Hold the grammars of latin, jazz, orchestral, vocal and exploring genres."""

from __future__ import annotations

from riffsidecar.training.compose.genres import Genre

__all__ = ["WORLD"]

# fmt: off
WORLD = (
    Genre(
        "latin",
        (88, 104, 128),
        "montuno-minor*2 montuno*2 minor-pop*2 andalusian", kits="kit-acoustic*2 kit-808 kit-electro",
        grooves="latin*3 reggaeton*3",
        bass=(
            "finger-bass:tumbao,reggaeton*2 upright-bass:tumbao sub-bass:reggaeton*2 808-bass:reggaeton "
            "pluck-bass:moombah"
        ),
        keys="grand-piano:montuno,stabs*3 electric-piano:stabs,offbeat rhodes:stabs",
        guitar="nylon-guitar:flamenco,arp,pick*4 clean-guitar:arp,funk muted-guitar:chicken",
        strings="string-ensemble:sustain,stabs violin:melody", pads="warm-pad:sustain choir-aahs:sustain",
        leads=(
            "trumpet:melody,call*3 marimba:ostinato,melody*2 flute:melody*2 brass-section:horns*2 "
            "pluck:hook*2 steel-drum:melody saxophone:melody"
        ),
        percussion="perc-latin*5 perc-hand", human=0.2, energy=(0.5, 0.85), families="drums*1.6 guitar*1.3",
        moods="sunny sensual rhythmic hot", odd=0.1,
    ),
    Genre(
        "salsa",
        (88, 96, 110),
        "montuno*4 montuno-minor*3", kits="kit-acoustic", grooves="salsa*5",
        bass="upright-bass:tumbao*3 finger-bass:tumbao*3", keys="grand-piano:montuno*6",
        guitar="nylon-guitar:arp,montuno",
        leads="trumpet:call,melody*3 brass-section:horns*4 trombone:call,riff*2 flute:solo*2",
        percussion="perc-latin*5", human=0.2, energy=(0.6, 0.95), families="drums*1.3 piano*1.2 guitar*0.5",
        moods="hot lively syncopated festive", odd=0.0,
    ),
    Genre(
        "bossa nova",
        (68, 76, 88),
        "bossa*5 jazz-major", kits="kit-jazz*3 kit-acoustic", grooves="bossa*5",
        bass="upright-bass:bossa*4 finger-bass:bossa",
        keys="grand-piano:bossa,jazzcomp*2 rhodes:bossa*2 electric-piano:bossa",
        guitar="nylon-guitar:bossa*7 clean-guitar:bossa",
        strings="slow-strings:sustain string-ensemble:sustain", pads="voice-oohs:sustain warm-pad:sustain",
        leads="flute:melody*3 saxophone:melody,sparse*2 vibraphone:melody*2 clarinet:melody trombone:sparse",
        percussion="perc-hand*2 perc-latin", human=0.3, energy=(0.2, 0.45), families="guitar*2",
        moods="breezy gentle smooth sunny intimate", reverb=(0.2, 0.5), odd=0.1,
    ),
    Genre(
        "jazz",
        (76, 128, 188),
        "jazz-major*5 jazz-minor*3 blues*2", kits="kit-jazz*6", grooves="jazz*5 jazz-brush*3",
        bass="upright-bass:walking*7 finger-bass:walking",
        keys=(
            "grand-piano:charleston,jazzcomp,stride,stabs*6 rhodes:charleston,jazzcomp*2 "
            "drawbar-organ:charleston electric-piano:charleston"
        ),
        guitar="clean-guitar:jazzcomp,charleston*3 nylon-guitar:jazzcomp",
        strings="violin:solo,melody slow-strings:sustain", pads="voice-oohs:sustain",
        leads=(
            "saxophone:solo,melody*4 trumpet:solo,melody,call*3 vibraphone:solo,melody*2 clarinet:solo*2 "
            "trombone:solo,melody brass-section:horns*2 flute:solo"
        ),
        swing=(0.7, 1.0), unit=8, human=0.4, energy=(0.3, 0.75), families="piano*1.8 bass*1.2 lead-arp*1.4",
        moods="swinging smoky sophisticated late-night", reverb=(0.15, 0.45), odd=1.8,
        meters="3/4*4 5/4*2 7/8*0.4",
    ),
    Genre(
        "classical",
        (60, 96, 144),
        "classical-major*4 classical-minor*4",
        keys=(
            "grand-piano:alberti,broken,ripple,ballad,waltz*6 harpsichord:alberti,broken,baroque*4 "
            "church-organ:hymn,broken*2"
        ),
        guitar="nylon-guitar:arp,pick,broken*3 karplus-guitar:pick,broken",
        strings=(
            "string-ensemble:ostinato,pulse8,sustain,stabs*5 violin:melody,baroque,fast*4 "
            "cello:melody,baroque,long*4 pizzicato:ostinato,alberti,waltz*3 harp:ripple,broken,harp*3 "
            "slow-strings:hymn,sustain*3 tremolo-strings:sustain"
        ),
        pads="choir-aahs:hymn*2",
        leads="flute:melody,baroque,trill*2 clarinet:melody,baroque*2 harpsichord:baroque*2 trumpet:melody",
        kits="kit-orchestral", grooves="march*2 cinematic", human=0.35, energy=(0.2, 0.7), odd=3.0,
        meters="3/4*6 6/8*3", families="strings*5 piano*2 choir-pad*0.5 drums*0.25 guitar*1.2 lead-arp*0.8",
        moods="elegant romantic graceful delicate stately", reverb=(0.4, 0.7),
    ),
    Genre(
        "choir",
        (56, 76, 108),
        "hymn*4 gospel*2 classical-minor classical-major",
        keys="church-organ:hymn,sustain,block*4 drawbar-organ:gospel,hymn grand-piano:gospel,hymn",
        pads="choir-aahs:hymn,sustain,swell*6 voice-oohs:hymn,sustain,swell*4", human=0.35,
        energy=(0.15, 0.5), odd=2.0, meters="3/4*4 6/8*2", families="choir-pad*4 piano*0.6",
        moods="angelic sacred solemn ethereal", reverb=(0.6, 1.0), width=(0.6, 1.0),
    ),
    Genre(
        "indian",
        (72, 96, 140),
        "raga*4 raga-dark*3", kits="perc-hand*3 perc-latin", grooves="tabla*5",
        bass="sub-bass:drone,pedal upright-bass:pedal", guitar="sitar:raga*5 karplus-guitar:raga,drone*2",
        strings="violin:raga*3 slow-strings:drone",
        pads="voice-oohs:drone choir-aahs:drone warm-pad:drone*2 dark-pad:drone",
        leads="sitar:raga,fast*5 flute:raga*3", percussion="perc-hand*4 perc-latin", human=0.3,
        energy=(0.25, 0.7), odd=2.0, meters="7/8*3 5/4*2 6/8*2 3/4", families="lead-arp*1.8 drums*0.9",
        moods="meditative droning hypnotic exotic", reverb=(0.3, 0.7),
    ),
    Genre(
        "cinematic",
        (60, 92, 140),
        "cinematic*5 heroic*2 minor-dark", kits="kit-orchestral*6 kit-rock", grooves="cinematic*4 march",
        bass="sub-bass:drone,sustain*2 saw-bass:pump reese-bass:drone",
        keys="grand-piano:broken,ripple,ballad,minimal*4",
        strings=(
            "string-ensemble:ostinato,ostinato16,swell,stabs,sustain*6 slow-strings:sustain,swell*3 "
            "cello:long,melody*3 violin:long,melody*2 pizzicato:ostinato tremolo-strings:sustain*2 "
            "harp:ripple"
        ),
        pads=(
            "choir-aahs:sustain,swell,hits*4 dark-pad:drone,sustain*3 voice-oohs:sustain noise-pad:swell "
            "glass-pad:sustain"
        ),
        leads=(
            "brass-section:long,call trumpet:long,call trombone:long,riff fm-bell:sparse music-box:sparse*2 "
            "flute:long pluck:ostinato"
        ),
        textures="wind-noise*2 riser*2", human=0.25, energy=(0.2, 0.95), odd=1.6,
        meters="3/4*3 6/8*3 5/4*2 7/8*2", families="strings*4 choir-pad*2 drums*1.2 groove*0.7 bass*0.3",
        moods="epic tense dramatic dark emotional majestic", reverb=(0.5, 0.95), width=(0.6, 1.0),
    ),
    Genre(
        "ambient",
        (60, 80, 110),
        "space*3 haze*2 drone-major*2 drone*2 lydian", kits="kit-lofi kit-606 kit-808", grooves="downtempo",
        bass="sub-bass:drone,sustain*3 saw-bass:drone",
        keys=(
            "grand-piano:ripple,broken,lofi*3 electric-piano:lofi,broken*2 rhodes:lofi "
            "church-organ:drone,sustain"
        ),
        guitar="clean-guitar:arp*2 nylon-guitar:arp karplus-guitar:arp*2",
        strings=(
            "slow-strings:sustain,swell*3 synth-strings:sustain,swell*2 cello:long harp:harp,arp*2 "
            "string-ensemble:swell violin:long"
        ),
        pads=(
            "warm-pad:drone,sustain,swell*4 noise-pad:drone,swell*3 glass-pad:drone*2 dark-pad:drone*2 "
            "choir-aahs:swell,sustain*2 voice-oohs:swell*2"
        ),
        leads=(
            "fm-bell:sparse*2 pluck:ostinato,arp-triplet*2 music-box:sparse kalimba:ostinato "
            "vibraphone:sparse flute:long sine-lead:long"
        ),
        textures="wind-noise*4 vinyl-noise", human=0.3, energy=(0.05, 0.35), odd=1.6,
        meters="3/4*2 6/8*2 5/4 7/8",
        families="choir-pad*5 piano*1.2 strings*1.5 lead-arp*1.2 drums*0.25 bass*0.4 groove*0.5",
        moods="calm spacious floating dreamy evolving peaceful", reverb=(0.6, 1.0), lofi=(0.0, 0.3),
        width=(0.6, 1.0),
    ),
    Genre(
        "experimental",
        (70, 115, 180),
        "whole*4 phrygian lydian drone space",
        kits="kit-electro*3 kit-breaks*2 kit-lofi kit-606 kit-orchestral", grooves="glitch*6 minimal",
        bass=(
            "reese-bass:dubstep,drone fm-bass:minimal,techno*2 acid-bass:acid*2 saw-bass:minimal "
            "808-bass:minimal"
        ),
        keys="grand-piano:minimal,ripple*2 electric-piano:minimal clavinet:minimal,hits harpsichord:minimal",
        guitar="karplus-guitar:arp,minimal*2 distorted-guitar:tremolo,power",
        strings=(
            "string-ensemble:ostinato,tremolo violin:trill,fast cello:riff,tremolo "
            "pizzicato:ostinato,minimal harp:ripple tremolo-strings:sustain"
        ),
        pads="noise-pad:drone,gate*2 dark-pad:drone glass-pad:gate choir-aahs:hits,gate voice-oohs:gate",
        leads=(
            "wavetable-lead:ostinato,fast*3 fm-bell:ostinato,fast*2 square-lead:arp-dotted,fast "
            "marimba:ostinato,arp-triplet*2 pluck:ostinato chip-lead:ostinato clarinet:fast"
        ),
        percussion="perc-hand", textures="wind-noise*2 riser vinyl-noise", swing=(0.0, 0.3), human=0.15,
        energy=(0.3, 0.9), odd=3.5, moods="weird glitchy abstract broken restless", drive=(0.1, 0.8),
        lofi=(0.0, 0.5), families="drums*1.2",
    ),
)
# fmt: on
"""Grammars of the genres above."""
