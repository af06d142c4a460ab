"""Tie the words musicians type to attributes of loops: genre, instrument, family, mood, tempo, stem.

Each row of the table names a kind and a target; the terms after the colon mean it. About one term in nine
is held
out: it is never written in a training caption, so that the evaluation can ask with slang that was not taught.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["KINDS", "LEXICON", "Meaning", "is_held_out", "terms_for", "understand"]

KINDS = ("genre", "instrument", "family", "mood", "tempo", "stem")
"""What a term can tell about a loop."""

_TABLE = """
genre house: house, chicago house, jackin house, classic house, four on the floor, 4 to the floor, four to
  the floor, tech house, funky house, club house, filter house, french touch
genre deep house: deep house, deep tech, soulful house, organic house, late night house, deep and soulful
  house, lounge house, jazzy house
genre techno: techno, detroit techno, berlin techno, warehouse techno, peak time techno, hard techno,
  industrial techno, rave techno, hypnotic techno, berghain, schranz
genre minimal: minimal, minimal techno, microhouse, rominimal, minimal tech, clicks and cuts, stripped
  techno, tool techno
genre electro: electro, electro funk, detroit electro, breakdance electro, old school electro, planet rock,
  drexciyan, robot funk
genre drum and bass: drum and bass, dnb, d&b, drum n bass, drum'n'bass, liquid dnb, neurofunk, rollers, jump
  up, techstep, liquid drum and bass, dancefloor dnb
genre jungle: jungle, ragga jungle, old school jungle, junglist, breakbeat hardcore, darkside jungle, 94
  jungle
genre uk garage: uk garage, ukg, 2-step, two step, 2step garage, speed garage, future garage, garage, 4x4
  garage
genre dubstep: dubstep, brostep, riddim, 140, deep dubstep, wub wub, wobble, croydon dubstep
genre trap: trap, atlanta trap, trap beat, type beat, dark trap, southern hip hop, rage trap, melodic trap,
  memphis trap, plugg, phonk, cloud rap
genre drill: drill, uk drill, ny drill, chicago drill, brooklyn drill, drill beat, jersey drill, opp pack
genre boom bap: boom bap, 90s hip hop, golden era hip hop, east coast hip hop, hip hop, old school rap, ny
  boom bap, head-nod hip hop, jazz rap, underground hip hop, crate digger
genre lo-fi: lo-fi, lofi, lo-fi hip hop, lofi beats, chillhop, study beats, beats to relax to, bedroom
  producer, jazzhop, sleepy beats, rainy day
genre funk: funk, p-funk, 70s funk, funky, jb funk, new orleans funk, g-funk, minneapolis funk, afro funk
genre soul: soul, neo soul, neo-soul, r&b, rnb, motown, 60s soul, slow jam, quiet storm, smooth r&b, rare
  groove
genre disco: disco, nu disco, nu-disco, 70s disco, italo disco, boogie, studio 54, cosmic disco, philly
  disco
genre reggae: reggae, roots reggae, one drop, ska, rocksteady, dancehall, jamaican, steppers, lovers rock,
  skank
genre dub: dub, dub reggae, space dub, king tubby style, dubwise, echo dub, sound system dub, dub techno
genre afrobeat: afrobeat, afrobeats, highlife, afropop, fela style, lagos groove, soukous, west african,
  naija
genre amapiano: amapiano, yano, south african house, yanos, gqom, afro house, kwaito
genre latin: latin, latin pop, reggaeton, dembow, cumbia, merengue, latin house, perreo, bachata, flamenco,
  mambo groove
genre salsa: salsa, salsa dura, mambo, son cubano, guaguanco, timba, nuyorican, cha cha
genre bossa nova: bossa nova, bossa, samba, brazilian, jobim style, samba jazz, rio cafe, mpb
genre jazz: jazz, swing jazz, bebop, hard bop, cool jazz, jazz trio, smoky jazz, big band, swing, jazz club,
  modal jazz
genre blues: blues, chicago blues, delta blues, slow blues, shuffle blues, electric blues, 12 bar blues,
  juke joint, texas shuffle
genre rock: rock, classic rock, indie rock, hard rock, garage rock, alternative rock, stadium rock, arena
  rock, 70s rock, grunge, britpop
genre punk: punk, punk rock, pop punk, hardcore punk, skate punk, three chord punk, 77 punk, d-beat
genre metal: metal, heavy metal, thrash, death metal, metalcore, djent, thrash metal, doom metal, nu metal
genre folk: folk, acoustic folk, celtic, irish folk, singer-songwriter, campfire, americana, indie folk,
  celtic jig, bluegrass folk
genre country: country, bluegrass, honky tonk, nashville, outlaw country, western swing, hoedown, country
  western
genre classical: classical, baroque, chamber music, romantic era, mozart style, classical era, bach style,
  salon music, conservatory, vivaldi
genre choir: choral, gospel, church music, sacred, hymn, gregorian, sunday service, cathedral
genre indian: indian, raga, bollywood, hindustani, carnatic, desi, bhangra, classical indian, eastern
genre synthwave: synthwave, retrowave, outrun, 80s synth, vaporwave, darksynth, 80s pop, miami nights,
  dreamwave, new wave
genre chiptune: chiptune, 8-bit, 8bit, video game music, nes, game boy, retro game, bitpop, c64, arcade
genre trance: trance, uplifting trance, psytrance, progressive trance, goa, eurodance, hands up, big room,
  90s trance
genre ambient: ambient, drone ambient, new age, soundscape, meditation music, space music, eno style, sleep
  music, dark ambient, post-rock ambient
genre cinematic: cinematic, film score, trailer music, soundtrack, epic orchestral, hans zimmer style, movie
  score, game soundtrack, hybrid trailer, score, underscore
genre experimental: experimental, glitch, idm, leftfield, avant-garde, braindance, abstract electronica,
  deconstructed club, noise music, musique concrete
genre downtempo: downtempo, trip hop, trip-hop, chillout, bristol sound, lounge, chill out, nu jazz,
  balearic, smokers delight
instrument kit-808: 808 beat, eight-oh-eight, rhythm composer, classic 808 pattern
instrument kit-909: 909 beat, house drum machine, nine-oh-nine, club drums
instrument kit-606: 606 beat, tiny analog drums, tinny drum machine
instrument kit-trap: trap hats, triplet hats, rolling hats, hi-hat rolls, metro style drums
instrument kit-lofi: dusty drums, sp1200, mpc60, vinyl drums, bitcrushed drums, swung mpc drums
instrument kit-breaks: amen, think break, funky drummer, sampled drums, chopped up break, break loop, apache
  break
instrument kit-electro: drum machine, machine drums, linn drum, dmx, gated drums, simmons drums
instrument kit-acoustic: acoustic kit, studio drums, drummer, live kit, natural drums, dry studio kit
instrument kit-jazz: brushes, brushed drums, swing drums, ride pattern, bop drums
instrument kit-rock: rock kit, stadium drums, loud drums, bonham drums, big room drums
instrument kit-orchestral: timpani hits, taiko, war drums, trailer drums, marching drums, concert bass drum
instrument perc-latin: conga loop, bongos and congas, clave, timbales and cowbell, tumbao percussion
instrument perc-hand: shaker loop, tambourine loop, hand drum loop, percs, shakers and tambourine
instrument sub-bass: low sub, pure sub, subby bass, sub line
instrument 808-bass: sliding 808, 808 slides, long 808s, booming 808, trap bass
instrument acid-bass: acid, acid squelch, 303 line, squelch, resonant acid, silver box
instrument reese-bass: neuro bass, reece, wobbly bass, wub bass, dark reese
instrument fm-bass: yamaha bass, organ bass, metallic bass, donk, korg m1 bass
instrument saw-bass: analogue bass, juno bass, minimoog, fat synth bass, mono synth bass, rolling bass
instrument pluck-bass: bouncing bass, log drum bass, staccato bass, rubbery bass
instrument finger-bass: p-bass, jazz bass guitar, bass gtr, fender bass, fingerstyle bass
instrument slap-bass: slap, slap and pop, slappin bass, larry graham bass
instrument upright-bass: standup bass, walking bass, double-bass, jazz upright
instrument grand-piano: keys, steinway, pno, upright piano, felt piano, ivories, concert piano
instrument rhodes: fender rhodes keys, suitcase piano, mellow rhodes, electric keys
instrument electric-piano: e piano, dx7 keys, wurlitzer, wurli, epiano, 80s electric piano
instrument harpsichord: clavecin, spinet, baroque harpsichord
instrument clavinet: clavi, d6 clav, superstition clav
instrument church-organ: organ pipes, big organ, bach organ
instrument drawbar-organ: hammond b3, leslie organ, gospel organ, rock organ, jazz organ
instrument nylon-guitar: gut string, flamenco guitar, bossa guitar, nylon strings, classical gtr,
  fingerpicked guitar
instrument steel-guitar: acoustic gtr, strummed acoustic, dreadnought, acoustic strumming, fingerstyle
  acoustic
instrument clean-guitar: strat, telecaster, clean gtr, jangly guitar, chorused guitar, jazz guitar
instrument muted-guitar: scratch guitar, wah guitar, skank guitar, nile rodgers guitar, muted strums
instrument distorted-guitar: overdrive guitar, metal guitar, chugging guitar, riffing guitar, power chord
  guitar, les paul
instrument karplus-guitar: plucked string, harp guitar, lute, banjo-like pluck, string plucks
instrument string-ensemble: orchestra strings, full strings, violins, string orchestra, section strings,
  symphonic strings
instrument slow-strings: legato strings, gentle strings, warm strings, sustained strings
instrument violin: violin solo, country fiddle, bowed violin, folk fiddle
instrument cello: cello solo, bowed cello, deep cello
instrument pizzicato: pizz strings, plucked orchestra, short plucked strings
instrument harp: harp glissando, celtic harp, orchestral harp
instrument synth-strings: string synth, solina, vp-330, disco strings, 70s string machine
instrument flute: flute melody, pan flute, bamboo flute, bansuri
instrument saxophone: saxophone solo, tenor sax, smooth sax, sax riff, sexy sax
instrument clarinet: clarinet melody, woodwinds, klezmer clarinet
instrument trumpet: muted trumpet, trumpet solo, miles style trumpet, brass lead
instrument trombone: bone, trombone slide, ska trombone
instrument brass-section: brass hits, horn riff, horns section, big band brass, trumpets and trombones,
  tower of power horns
instrument choir-aahs: aahs, choir pad, cathedral choir, vocal aahs, angelic choir, a cappella choir, gospel
  choir, mellotron choir, monks
instrument voice-oohs: oohs, soft voices, vocal pad, hummed choir, wordless vocals
instrument warm-pad: juno strings, soft synth pad, lush pad, analog synth pad, cosy pad
instrument dark-pad: sinister pad, drone pad, low drone, horror pad, murky pad
instrument noise-pad: breath pad, washed out pad, misty pad, air pad
instrument supersaw-pad: jp-8000 pad, trancey pad, stacked saws, supersaw chords
instrument saw-lead: sawtooth lead, synth solo, screaming lead, moog lead, mono lead
instrument square-lead: squarewave, pulse lead, nasal lead, hollow synth
instrument supersaw-lead: big supersaw, anthem lead, edm lead, festival supersaw, hypersaw
instrument wavetable-lead: digital synth, modern synth lead, gritty synth, growly lead
instrument pluck: pluck synth, short synth, pluck arp, plucky melody, plucks
instrument fm-bell: bell, tubular bells, dx7 bells, icy bells, bell melody, glockenspiel
instrument chip-lead: 8-bit arp, pulse wave, nintendo lead, c64 lead, arcade bleeps, blips
instrument vibraphone: jazz vibes, vibe, milt jackson vibes
instrument marimba: marimba pattern, xylophone, wooden bars, tropical marimba
instrument music-box: toy box, celeste, lullaby bells, wind-up music box
instrument kalimba: thumb harp, likembe, african thumb piano
instrument steel-drum: steel drums, caribbean pans, steel pans
instrument sitar: indian sitar, sitar drone, sitar lick
instrument vinyl-noise: record noise, vinyl hiss, needle noise, surface noise
instrument riser: build up, sweep, whoosh, build-up fx
instrument wind-noise: ambience, background noise, wind ambience, hiss
family drums: drums, drum loop, beat, drum groove, drum pattern, drum beat, rhythm, percussion loop, riddim
  drums
family bass: bass, bassline, bass line, bass loop, low end, bass riff, bass groove
family piano: keys loop, keyboard, keys part, keyboard chords, piano-style keys, keyboard loop
family guitar: guitar, guitar loop, guitar part, gtr, guitar line, six string
family strings: strings loop, string part, string section loop, strings part, bowed strings, orchestra
family choir-pad: pad, pads, atmosphere, texture, pad loop, atmos, sustained chords, bed
family lead-arp: lead, melody, arp, lead loop, synth line, topline, sequence, arpeggio, melodic loop, hook
family groove: groove, full groove, full loop, full beat, whole band, jam, full track, backing track,
  instrumental, full mix, band loop, complete beat, full band, whole track, full arrangement
mood energetic: energetic, high energy, hype, powerful, intense, banging, slamming, full on, peak time,
  lively, pumped up
mood calm: calm, chill, mellow, relaxed, soft, gentle, laid back, chilled, soothing, low key, quiet,
  easygoing
mood busy: busy, dense, intricate, complex, hectic, lots of notes, packed, full
mood sparse: sparse, minimalistic, empty, stripped back, few notes, bare, spacious and sparse, simple
mood bright: bright, crisp, sparkling, shiny, airy, brilliant, sparkly, glossy, open
mood muffled: muffled, warm and dull, underwater, low-passed, filtered, mellow sounding, dampened, behind a
  wall
mood dark: dark, moody, brooding, shadowy, gloomy, ominous, murky, evil, noir, sinister, haunting, black
mood happy: happy, cheerful, joyful, feel-good, positive, upbeat mood, sweet, major key, smiling, carefree
mood sad: sad, melancholic, emotional, melancholy, wistful, bittersweet, heartbroken, in my feelings,
  tearful, minor key, longing
mood spacious: spacious, reverb drenched, big room, roomy, washed, wet, huge space, cavernous, reverby
mood dry: dry, close, tight and dry, upfront, no reverb, intimate, in your face
mood distorted: distorted, saturated, overdriven, crunchy, dirty, fuzzy, driven, blown out, clipped
mood dusty: dusty, crackly, tape saturated, worn, old record, grainy, warped, vintage, cassette, wow and
  flutter
mood pumping: pumping, sidechained, ducking, breathing, side-chained, compressed
mood swung: swung, swinging, shuffled, with swing, loose, off-grid, drunk, mpc swing, dilla
mood wide: wide, stereo, huge, panoramic, wide stereo
mood uplifting: uplifting, euphoric, hopeful, inspiring, feelgood
mood groovy: groovy, bouncing, head nodding, infectious, in the pocket
mood warm: warm, cozy, toasty, rounded, analog
mood driving: driving, relentless, propulsive, pushing, chugging along
mood deep: deep, submerged, profound, bottom heavy
mood smooth: smooth, silky, slick, polished, buttery
mood hypnotic: hypnotic, trancey, mesmerising, repetitive, looping, trippy
mood raw: raw, rough, unpolished, basement, lo-res
mood heavy: heavy, weighty, hard hitting, thick, crushing, fat, phat
mood aggressive: aggressive, angry, brutal, vicious, nasty, filthy, disgusting
mood menacing: menacing, threatening, scary, creepy, spooky
mood nostalgic: nostalgic, retro, old school, throwback, vintage sounding, 80s, analog warmth
mood dreamy: dreamy, floaty, floating, hazy, blissful, woozy, ethereal
mood playful: playful, quirky, cute, fun, goofy, cheeky
mood epic: epic, huge sounding, massive, heroic, larger than life, majestic
mood tense: tense, suspenseful, nervous, edgy, anxious, thriller
mood romantic: romantic, sensual, sexy, intimate mood, tender, lovely
mood gritty: gritty, grimy, street, grainy and raw, hard-nosed
mood funky: funky sounding, funked up, stanky, greasy, tight and funky
mood weird: weird, strange, odd, wonky, alien, psychedelic, bizarre
mood soulful: soulful, heartfelt, churchy, full of soul
mood sunny: sunny, summery, beachy, tropical, holiday, breezy
mood elegant: elegant, graceful, refined, classy, stately
tempo very slow: very slow, super slow, crawling, slowest, glacial
tempo slow: slow, slow tempo, downtempo pace, half time, slow burning, unhurried
tempo mid-tempo: mid-tempo, medium tempo, mid tempo, moderate, walking pace, steady
tempo upbeat: upbeat, up-tempo, uptempo, dance tempo, brisk, moving
tempo fast: fast, quick, fast tempo, high tempo, rapid, speedy
tempo very fast: very fast, super fast, breakneck, frantic tempo, frenetic, lightning fast
stem drums only: drums only, just drums, only drums, isolated drums, solo drums, drum stem
stem drums and percussion: drums and percussion, drums plus percussion, drums with percs
stem top loop: top loop, tops, no kick, drum tops, hats and percussion only
stem percussion: percussion only, perc loop, just percussion, percussion stem
stem kick and snare: kick and snare only, just kick and snare, kick snare loop, skeleton beat
stem hats: hi-hats only, just hats, hat loop, hihat loop, cymbals only
stem bassline: bassline only, just bass, bass stem, solo bass, isolated bass
stem solo: solo, unaccompanied, on its own, by itself, alone, isolated
stem no drums: no drums, without drums, drumless, no percussion, beatless
stem drums and bass: drums plus bass, rhythm section, bass and drums, drums with bass
"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Hold what a term says: a kind of `KINDS` and the attribute's value."""

    kind: str
    target: str


def _build() -> tuple[dict[str, tuple[Meaning, ...]], dict[tuple[str, str], tuple[str, ...]]]:
    rows: dict[tuple[str, str], list[str]] = {}
    for line in _TABLE.strip().replace("\n  ", " ").split("\n"):
        head, _, listed = line.partition(": ")
        kind, _, target = head.partition(" ")
        rows[(kind, target)] = [term.strip() for term in listed.split(", ")]
    for name, instrument in INSTRUMENTS.items():
        known = rows.get(("instrument", name), [])
        rows[("instrument", name)] = list(dict.fromkeys([*instrument.words, *known]))
    lexicon: dict[str, list[Meaning]] = {}
    for (kind, target), terms in rows.items():
        for term in terms:
            lexicon.setdefault(term, []).append(Meaning(kind, target))
    return (
        {term: tuple(meanings) for term, meanings in lexicon.items()},
        {row: tuple(terms) for row, terms in rows.items()},
    )


LEXICON, _ROWS = _build()
"""Every term with what it means."""

_PLAIN = {terms[0] for terms in _ROWS.values()}
_LONGEST_TERM_WORDS = max(len(term.split()) for term in LEXICON)


@lru_cache(maxsize=4096)
def is_held_out(term: str) -> bool:
    """Say whether a term is kept for the evaluation; the plainest term of a row never is.

    >>> is_held_out("house")
    False
    """
    return term in LEXICON and term not in _PLAIN and zlib.crc32(term.encode()) % 9 == 0


@lru_cache(maxsize=4096)
def terms_for(kind: str, target: str, split: str = "train") -> tuple[str, ...]:
    """Give the terms that mean a target, the plainest first, of the training split or the held-out one.

    The held-out split falls back on the training terms where a row keeps none back.

    >>> terms_for("tempo", "slow")[0]
    'slow'
    """
    terms = _ROWS.get((kind, target), (target,))
    held = tuple(term for term in terms if is_held_out(term))
    return held or terms if split == "held-out" else tuple(term for term in terms if not is_held_out(term))


def understand(prompt: str) -> tuple[Meaning, ...]:
    """Find the terms of the lexicon in a prompt, longest first, and say what they mean.

    >>> understand("dusty boom bap, walking bass")[1]
    Meaning(kind='genre', target='boom bap')
    """
    words = re.findall(r"[a-z0-9&'+-]+", prompt.lower())
    found: list[Meaning] = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST_TERM_WORDS, len(words) - place), 0, -1):
            meanings = LEXICON.get(" ".join(words[place : place + length]))
            if meanings:
                found.extend(meanings)
                place += length
                break
        else:
            place += 1
    return tuple(dict.fromkeys(found))
