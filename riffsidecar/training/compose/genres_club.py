"""Hold the grammars of club and synthesizer genres."""

from __future__ import annotations

from riffsidecar.training.compose.genres import Genre

__all__ = ["CLUB"]

# fmt: off
CLUB = (
    Genre(
        "house",
        (118, 124, 130),
        "minor-pop*2 minor-deep*2 dorian major-soul major-pop", kits="kit-909*5 kit-808 kit-electro",
        grooves="house*5 disco",
        bass="saw-bass:offbeat,octaves*3 pluck-bass:offbeat fm-bass:garage,offbeat*2 sub-bass:offbeat",
        keys=(
            "grand-piano:house,stabs*4 bright-piano:house electric-piano:house,deep*2 "
            "drawbar-organ:house,stabs*2 rhodes:deep"
        ),
        guitar="muted-guitar:funk*2 clean-guitar:funk,strum16",
        strings="string-ensemble:sustain,stabs*2 synth-strings:sustain,swell*2",
        pads="warm-pad:sustain,swell*3 supersaw-pad:sustain,gate choir-aahs:sustain,hits noise-pad:swell",
        leads=(
            "pluck:arp16,hook*3 saw-lead:hook,riff*2 fm-bell:hook wavetable-lead:riff supersaw-lead:hook "
            "brass-section:call"
        ),
        percussion="perc-hand*2 perc-latin", textures="riser vinyl-noise*0.5", swing=(0.0, 0.3), human=0.08,
        energy=(0.55, 0.9), families="drums*3 bass*2 groove*3 piano*1.5",
        moods="uplifting groovy warm driving", sidechain=(0.2, 0.8), drive=(0.05, 0.35), odd=0.1,
    ),
    Genre(
        "deep house",
        (116, 121, 125),
        "minor-deep*5 dorian haze*2", kits="kit-909*3 kit-808*2 kit-lofi kit-606",
        grooves="deep-house*4 house",
        bass="sub-bass:offbeat,minimal*2 pluck-bass:garage,offbeat*2 fm-bass:offbeat",
        keys="electric-piano:deep,neo*3 rhodes:deep,neo*3 drawbar-organ:stabs,deep grand-piano:deep",
        strings="synth-strings:sustain,swell slow-strings:sustain",
        pads="warm-pad:sustain,swell*4 noise-pad:swell*2 dark-pad:sustain glass-pad:sustain",
        leads=(
            "pluck:sparse,ostinato*2 vibraphone:sparse saxophone:call,sparse flute:sparse fm-bell:sparse "
            "wavetable-lead:sparse"
        ),
        percussion="perc-hand*2 perc-latin", textures="vinyl-noise wind-noise", swing=(0.1, 0.4), human=0.12,
        energy=(0.35, 0.7), families="bass*1.5 piano*1.5 choir-pad*1.5 groove*1.5",
        moods="deep smooth late-night warm", sidechain=(0.2, 0.6), reverb=(0.3, 0.7), odd=0.1,
    ),
    Genre(
        "techno",
        (126, 133, 145),
        "minor-dark*4 phrygian*3 whole", kits="kit-909*6 kit-606 kit-electro", grooves="techno*6 minimal",
        bass=(
            "saw-bass:rumble,techno*2 acid-bass:acid*3 sub-bass:rumble,rolling*2 fm-bass:techno "
            "reese-bass:reese"
        ),
        keys="drawbar-organ:stabs,minimal electric-piano:dub,minimal", strings="synth-strings:sustain,swell",
        pads="dark-pad:sustain,drone*3 noise-pad:swell*2 glass-pad:drone choir-aahs:drone supersaw-pad:gate",
        leads=(
            "wavetable-lead:riff,ostinato*3 saw-lead:riff,arp16*2 square-lead:ostinato*2 "
            "pluck:arp-dotted,ostinato*2 fm-bell:ostinato acid-bass:acid*2"
        ),
        percussion="perc-hand", textures="riser wind-noise*2", human=0.02, energy=(0.65, 1.0),
        families="drums*3.5 bass*2.5 lead-arp*2 groove*2", moods="dark hypnotic driving raw industrial",
        drive=(0.2, 0.7), sidechain=(0.3, 0.9), reverb=(0.2, 0.7), odd=0.1,
    ),
    Genre(
        "minimal",
        (120, 126, 131),
        "minor-dark*2 dorian pent-minor", kits="kit-606*2 kit-909*2 kit-808 kit-electro*2",
        grooves="minimal*5 techno",
        bass="sub-bass:minimal*3 pluck-bass:minimal*2 fm-bass:minimal saw-bass:minimal",
        keys="electric-piano:minimal drawbar-organ:minimal rhodes:minimal",
        pads="noise-pad:swell dark-pad:sustain warm-pad:swell",
        leads=(
            "pluck:ostinato,arp-dotted*2 fm-bell:ostinato marimba:ostinato*2 wavetable-lead:riff "
            "kalimba:ostinato sine-lead:ostinato"
        ),
        percussion="perc-hand perc-latin", textures="vinyl-noise wind-noise", swing=(0.0, 0.35), human=0.05,
        energy=(0.3, 0.6), moods="minimal hypnotic dry clicky", sidechain=(0.0, 0.3), reverb=(0.05, 0.35),
        odd=0.2,
    ),
    Genre(
        "electro",
        (110, 126, 135),
        "minor-dark*2 dorian phrygian", kits="kit-808*3 kit-electro*4", grooves="electro*5 break",
        bass="saw-bass:funk,techno*2 fm-bass:funk acid-bass:acid*2 808-bass:minimal",
        keys="electric-piano:stabs clavinet:clav",
        pads="dark-pad:sustain supersaw-pad:sustain choir-aahs:hits",
        strings="synth-strings:stabs,sustain*2",
        leads=(
            "square-lead:riff,arp16*2 saw-lead:riff,arp16*2 wavetable-lead:ostinato pluck:arp16 "
            "chip-lead:riff"
        ),
        percussion="perc-hand", textures="riser", human=0.02, energy=(0.5, 0.85), families="drums*1.5",
        moods="robotic retro funky cold", drive=(0.1, 0.5), odd=0.2,
    ),
    Genre(
        "trance",
        (132, 138, 145),
        "trance*5 minor-pop", kits="kit-909*5", grooves="trance*5",
        bass="saw-bass:rolling,offbeat*5 acid-bass:acid sub-bass:rolling reese-bass:rolling",
        keys="grand-piano:broken,house,ripple*2", strings="synth-strings:sustain*2 string-ensemble:sustain",
        pads=(
            "supersaw-pad:sustain,gate*5 warm-pad:sustain glass-pad:sustain choir-aahs:sustain*2 "
            "noise-pad:swell"
        ),
        leads=(
            "supersaw-lead:hook,melody,arp16*5 pluck:arp16,ostinato,arp-dotted*4 saw-lead:arp16,fast*2 "
            "wavetable-lead:arp16,arp-triplet"
        ),
        textures="riser*3", human=0.01, energy=(0.65, 1.0), families="lead-arp*3 choir-pad*1.5 bass*1.3",
        moods="uplifting euphoric soaring hypnotic", sidechain=(0.4, 0.9), reverb=(0.4, 0.8),
        width=(0.6, 1.0), odd=0.1,
    ),
    Genre(
        "synthwave",
        (84, 104, 122),
        "synthwave*5 minor-pop*2", kits="kit-electro*5 kit-808", grooves="synthwave*5",
        bass="saw-bass:synthwave,octaves*5 fm-bass:synthwave reese-bass:pump",
        keys="electric-piano:block,broken drawbar-organ:block",
        guitar="overdriven-guitar:power,arp clean-guitar:arp distorted-guitar:power",
        strings="synth-strings:sustain,swell,stabs*3",
        pads="warm-pad:sustain*3 supersaw-pad:sustain*3 glass-pad:sustain choir-aahs:sustain",
        leads=(
            "saw-lead:melody,hook,arp16*4 square-lead:melody,arp16*2 pluck:arp16,arp-triplet*2 "
            "fm-bell:arp8,sparse supersaw-lead:melody saxophone:melody"
        ),
        textures="riser*0.5", human=0.03, energy=(0.45, 0.8), families="lead-arp*2.5 bass*1.5 choir-pad*1.5",
        moods="retro nostalgic neon dreamy eighties", sidechain=(0.1, 0.5), reverb=(0.4, 0.8), odd=0.2,
    ),
    Genre(
        "chiptune",
        (112, 140, 172),
        "chip*3 minor-pop*2 major-pop*2", kits="kit-electro*3 kit-606 kit-808", grooves="chip*5",
        bass="saw-bass:chip fm-bass:chip*2 pluck-bass:chip*2",
        leads="chip-lead:arp16,fast,melody,hook*8 square-lead:arp16,fast,melody*3", human=0.0,
        energy=(0.5, 0.9), families="lead-arp*4 drums*0.5 bass*0.6", moods="playful retro bouncy nostalgic",
        reverb=(0.0, 0.15), width=(0.1, 0.5), odd=0.8,
    ),
    Genre(
        "amapiano",
        (108, 112, 116),
        "minor-deep*4 major-soul*2", kits="kit-909 kit-electro kit-808", grooves="amapiano*5",
        bass="pluck-bass:logdrum*4 fm-bass:logdrum*3 808-bass:logdrum",
        keys="grand-piano:neo,stabs,house*3 electric-piano:neo*2 rhodes:neo,deep*2 drawbar-organ:stabs",
        pads="warm-pad:sustain*2 voice-oohs:sustain noise-pad:swell",
        strings="synth-strings:sustain slow-strings:sustain",
        leads="flute:call marimba:ostinato*2 pluck:hook kalimba:ostinato saxophone:call",
        percussion="perc-hand*2 perc-latin", swing=(0.1, 0.35), human=0.12, energy=(0.4, 0.7),
        families="bass*0.9 drums*0.9", moods="groovy soulful laid-back deep", odd=0.0,
    ),
)
# fmt: on
"""Grammars of the genres above."""
