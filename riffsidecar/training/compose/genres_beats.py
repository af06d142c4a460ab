"""Hold the grammars of drum and bass, garage, hip-hop and their kin."""

from __future__ import annotations

from riffsidecar.training.compose.genres import Genre

__all__ = ["BEATS"]

# fmt: off
BEATS = (
    Genre(
        "drum and bass",
        (168, 174, 178),
        "minor-pop*2 minor-dark*3 minor-deep*2", kits="kit-breaks*5 kit-acoustic kit-909 kit-electro",
        grooves="dnb*4 dnb-roller*4 break",
        bass="reese-bass:dnb,reese*5 sub-bass:dnb,reese*3 fm-bass:dnb 808-bass:dnb saw-bass:dnb",
        keys="grand-piano:block,broken*2 rhodes:neo,block*2 electric-piano:block",
        strings="string-ensemble:sustain*2 synth-strings:sustain,swell slow-strings:sustain",
        pads=(
            "warm-pad:sustain*2 dark-pad:sustain*2 noise-pad:swell supersaw-pad:swell choir-aahs:sustain "
            "voice-oohs:sustain"
        ),
        leads=(
            "wavetable-lead:riff,hook*2 saw-lead:hook pluck:arp16,ostinato*2 fm-bell:sparse "
            "supersaw-lead:hook flute:sparse"
        ),
        percussion="perc-hand perc-latin", textures="wind-noise riser vinyl-noise", human=0.08,
        energy=(0.65, 1.0), families="drums*3.5 bass*3 groove*2.5",
        moods="rolling dark liquid heavy atmospheric", drive=(0.15, 0.6), sidechain=(0.0, 0.5), odd=0.2,
    ),
    Genre(
        "jungle",
        (158, 165, 172),
        "minor-deep*2 minor-dark*2 haze reggae-minor", kits="kit-breaks*6", grooves="jungle*5 break",
        bass="sub-bass:jungle,dub*4 808-bass:jungle*2 reese-bass:jungle saw-bass:dub",
        keys="rhodes:block,dub*2 grand-piano:stabs drawbar-organ:bubble electric-piano:block",
        strings="synth-strings:sustain string-ensemble:sustain,stabs",
        pads="warm-pad:sustain*2 dark-pad:sustain*2 choir-aahs:sustain voice-oohs:sustain noise-pad:swell",
        leads="fm-bell:sparse pluck:ostinato saw-lead:hook brass-section:call flute:call",
        percussion="perc-latin perc-hand", textures="vinyl-noise*2 riser", human=0.1, energy=(0.65, 1.0),
        families="drums*3 bass*1.5 groove*2", moods="frantic chopped dark rave old-school",
        drive=(0.15, 0.5), lofi=(0.0, 0.4), odd=0.1,
    ),
    Genre(
        "uk garage",
        (128, 132, 138),
        "minor-deep*3 minor-pop*2 major-soul*2", kits="kit-909*3 kit-808 kit-electro kit-606",
        grooves="garage*5 garage-4x4*2",
        bass="sub-bass:garage*3 fm-bass:garage*3 pluck-bass:garage*2 reese-bass:garage saw-bass:garage",
        keys="drawbar-organ:stabs,house*3 electric-piano:stabs,neo*2 rhodes:neo grand-piano:stabs,house",
        guitar="clean-guitar:funk,arp",
        strings="synth-strings:stabs,sustain pizzicato:ostinato string-ensemble:stabs",
        pads="warm-pad:sustain*2 noise-pad:swell voice-oohs:sustain,hits choir-aahs:hits",
        leads="pluck:hook,riff*2 fm-bell:hook,sparse*2 vibraphone:hook square-lead:hook wavetable-lead:hook",
        percussion="perc-hand", textures="vinyl-noise*0.5 riser*0.5", swing=(0.35, 0.75), human=0.06,
        energy=(0.5, 0.85), families="drums*2.5 bass*2 groove*2",
        moods="bouncy skippy shuffling smooth late-night", sidechain=(0.0, 0.4), odd=0.05,
    ),
    Genre(
        "dubstep",
        (138, 140, 144),
        "minor-dark*4 phrygian*2 haze", kits="kit-electro*2 kit-909*2 kit-trap*2", grooves="dubstep*5",
        bass="reese-bass:dubstep*4 fm-bass:dubstep*3 sub-bass:dubstep,dub*2 saw-bass:dubstep*2",
        keys="electric-piano:dub grand-piano:broken",
        strings="string-ensemble:sustain,stabs synth-strings:sustain",
        pads="dark-pad:sustain*3 choir-aahs:sustain noise-pad:swell glass-pad:sustain",
        leads="wavetable-lead:riff,hook*3 supersaw-lead:hook saw-lead:riff fm-bell:sparse pluck:ostinato",
        percussion="perc-hand", textures="riser*2 wind-noise", human=0.03, energy=(0.6, 1.0),
        families="bass*1.8 drums*1.5", moods="heavy wobbly dark aggressive", drive=(0.3, 0.9),
        sidechain=(0.0, 0.5), odd=0.1,
    ),
    Genre(
        "trap",
        (130, 142, 160),
        "minor-dark*4 minor-harmonic*2 phrygian*2 minor-pop*2", kits="kit-trap*6 kit-808*3",
        grooves="trap*6", bass="808-bass:808*7 sub-bass:808",
        keys=(
            "grand-piano:broken,block,ballad*3 electric-piano:lofi,block rhodes:lofi church-organ:block "
            "harpsichord:broken"
        ),
        guitar="nylon-guitar:arp,pick*2 clean-guitar:arp,pick*2 steel-guitar:arp",
        strings="string-ensemble:stabs,sustain,ostinato*2 pizzicato:ostinato*2 harp:arp violin:melody",
        pads=(
            "dark-pad:sustain*2 choir-aahs:sustain,hits*2 voice-oohs:sustain glass-pad:sustain "
            "noise-pad:swell"
        ),
        leads=(
            "fm-bell:hook,sparse*3 pluck:hook,ostinato*3 flute:hook,call*2 music-box:hook,ostinato*2 "
            "saw-lead:hook brass-section:riff,call square-lead:hook sitar:hook kalimba:hook sine-lead:hook"
        ),
        percussion="perc-hand*0.5", textures="vinyl-noise riser*0.5", human=0.05, energy=(0.45, 0.85),
        families="drums*3 bass*2.5 groove*2.5 lead-arp*1.5", moods="dark hard menacing moody icy",
        drive=(0.1, 0.6), odd=0.15,
    ),
    Genre(
        "drill",
        (138, 142, 146),
        "minor-harmonic*3 minor-dark*3 phrygian*2", kits="kit-trap*5 kit-808*2", grooves="drill*6",
        bass="808-bass:drill*7 sub-bass:drill", keys="grand-piano:broken,block*3 electric-piano:block",
        guitar="nylon-guitar:arp,flamenco clean-guitar:arp",
        strings=(
            "string-ensemble:sustain,stabs*2 violin:melody*2 pizzicato:ostinato cello:melody "
            "tremolo-strings:sustain"
        ),
        pads="choir-aahs:sustain*3 dark-pad:sustain*2 voice-oohs:sustain noise-pad:swell",
        leads=(
            "fm-bell:hook,sparse*2 flute:call,hook pluck:hook*2 brass-section:call music-box:sparse "
            "sine-lead:sparse"
        ),
        textures="vinyl-noise wind-noise riser*0.5", human=0.06, energy=(0.5, 0.85),
        families="drums*2.5 bass*2 groove*2", moods="dark sliding menacing cold gritty", drive=(0.1, 0.5),
        odd=0.05,
    ),
    Genre(
        "boom bap",
        (82, 91, 98),
        "minor-deep*3 minor-pop jazz-minor dorian*2 blues-minor",
        kits="kit-lofi*4 kit-breaks*4 kit-acoustic", grooves="boombap*6 break",
        bass=(
            "upright-bass:boombap*3 sub-bass:boombap*2 finger-bass:boombap*2 saw-bass:boombap "
            "picked-bass:boombap"
        ),
        keys=(
            "rhodes:lofi,neo*3 grand-piano:stabs,lofi,block*3 electric-piano:lofi drawbar-organ:stabs "
            "clavinet:stabs"
        ),
        guitar="clean-guitar:arp,stabs*2 muted-guitar:chicken,funk nylon-guitar:arp",
        strings="string-ensemble:stabs,sustain*2 slow-strings:sustain violin:melody pizzicato:ostinato",
        pads="choir-aahs:hits,sustain warm-pad:sustain voice-oohs:sustain",
        leads=(
            "saxophone:call,sparse*2 trumpet:call,sparse*2 vibraphone:sparse,hook*2 flute:call,hook "
            "brass-section:horns fm-bell:sparse"
        ),
        percussion="perc-hand", textures="vinyl-noise*5", swing=(0.25, 0.75), human=0.3, energy=(0.4, 0.75),
        families="drums*2.5 piano*1.5 groove*2", moods="gritty dusty raw head-nod old-school",
        drive=(0.15, 0.5), lofi=(0.2, 0.7), reverb=(0.05, 0.3), width=(0.1, 0.5), odd=0.15,
    ),
    Genre(
        "lo-fi",
        (68, 80, 92),
        "major-soul*4 minor-deep*3 jazz-major*2 haze*2", kits="kit-lofi*6 kit-jazz kit-606",
        grooves="lofi*6 boombap",
        bass="sub-bass:lofi*2 upright-bass:lofi*2 finger-bass:lofi*2 saw-bass:lofi",
        keys="rhodes:lofi,neo*4 electric-piano:lofi,neo*3 grand-piano:lofi,broken,ballad*4",
        guitar="nylon-guitar:arp,pick,lofi*3 clean-guitar:arp,lofi*3 karplus-guitar:arp",
        strings="slow-strings:sustain violin:sparse cello:sparse",
        pads="warm-pad:sustain,swell*3 noise-pad:swell voice-oohs:sustain glass-pad:sustain",
        leads=(
            "vibraphone:sparse,melody*2 flute:sparse*2 saxophone:sparse music-box:sparse "
            "kalimba:sparse,melody pluck:sparse fm-bell:sparse sine-lead:sparse"
        ),
        percussion="perc-hand", textures="vinyl-noise*6 wind-noise*2", swing=(0.25, 0.8), human=0.45,
        energy=(0.15, 0.45), families="piano*2.5 guitar*1.5 drums*1.5 groove*2",
        moods="chill dusty mellow sleepy nostalgic cozy", drive=(0.1, 0.4), lofi=(0.45, 0.95),
        reverb=(0.2, 0.5), width=(0.2, 0.6), odd=0.3,
    ),
    Genre(
        "downtempo",
        (78, 92, 106),
        "minor-deep*3 haze*2 dorian*2 minor-pop", kits="kit-breaks*2 kit-lofi*2 kit-electro kit-acoustic",
        grooves="downtempo*4 break*2",
        bass="sub-bass:dub,boombap*2 finger-bass:boombap,dub*2 upright-bass:boombap fm-bass:lofi",
        keys="rhodes:neo,lofi*3 electric-piano:neo,lofi*2 grand-piano:broken,lofi drawbar-organ:sustain",
        guitar="clean-guitar:arp*2 nylon-guitar:arp*2 karplus-guitar:arp",
        strings="slow-strings:sustain*2 string-ensemble:swell cello:sparse harp:arp",
        pads=(
            "warm-pad:sustain,swell*3 noise-pad:swell*2 choir-aahs:sustain voice-oohs:sustain "
            "glass-pad:sustain"
        ),
        leads=(
            "vibraphone:sparse,hook flute:sparse,call*2 kalimba:ostinato trumpet:sparse saxophone:sparse "
            "pluck:ostinato sitar:sparse"
        ),
        percussion="perc-hand perc-latin", textures="vinyl-noise*2 wind-noise*2", swing=(0.0, 0.5),
        human=0.25, energy=(0.2, 0.5), moods="smoky hazy mellow deep moody", lofi=(0.0, 0.4),
        reverb=(0.3, 0.7), odd=0.6,
    ),
)
# fmt: on
"""Grammars of the genres above."""
