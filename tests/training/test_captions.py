"""Captions: they name what plays, vary, and keep the held-out wordings for the evaluation."""

from __future__ import annotations

import re

import numpy as np
import pytest

from riffsidecar.errors import TrainingError
from riffsidecar.training.caption_words import DRUMLESS_BANDS, ENSEMBLE_TEMPLATES
from riffsidecar.training.captions import (
    HELD_OUT_TEMPLATES,
    TRAIN_TEMPLATES,
    captions,
    eval_prompts,
    negative_words,
)
from riffsidecar.training.compose import GENRES, compose
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.lexicon import KINDS, LEXICON, Meaning, is_held_out, terms_for, understand
from riffsidecar.training.score import FAMILIES

FAMILY_WORDS = re.compile(
    r"drum|beat|groove|rhythm|perc|hats?\b|tops\b|kick|bass|low end|piano|key|organ|clav|harpsi|guitar|gtr"
    r"|six string|string|orchestra|choir|voice|vocal|pad|atmos|texture|bed\b"
    r"|sustained chords|lead|melod|arp|line"
    r"|sequence|topline|hook|loop|band|jam|track|song|tune|instrumental|mix|arrangement|singers|choral"
)


SOLO_WORDS = {word for name in INSTRUMENTS for word in terms_for("instrument", name, "train")}


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def words_of(score, instruments: list[str] | None = None) -> set[str]:
    return {
        word
        for name in instruments or [part.instrument for part in score.parts]
        for split in ("train", "held-out")
        for word in terms_for("instrument", name, split)
    }


def test_captions_are_the_same_for_the_same_seed_and_many_otherwise():
    score = compose(3)
    once = captions(score, np.random.default_rng(1), 8)
    assert once == captions(score, np.random.default_rng(1), 8)
    assert once != captions(score, np.random.default_rng(2), 8)
    many = {line for seed in range(40) for line in captions(score, np.random.default_rng(seed), 8)}
    assert len(many) > 200


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_every_caption_names_the_family_or_an_instrument(split: str):
    for seed in range(400):
        score = compose(seed)
        instruments = words_of(score)
        for line in captions(score, np.random.default_rng(seed), 6, split, typos=False):
            assert line.strip() == line and line
            assert "{" not in line
            assert FAMILY_WORDS.search(line) or any(word in line for word in instruments), line


def test_held_out_phrasings_never_serve_training():
    assert not set(HELD_OUT_TEMPLATES) & set(TRAIN_TEMPLATES)
    shapes = [
        re.compile("^" + re.sub(r"\\\{[A-Z]2?\\\}", ".+", re.escape(template)) + "$", re.IGNORECASE)
        for template in HELD_OUT_TEMPLATES
        if not template.startswith("{")
    ]
    for seed in range(300):
        for line in captions(compose(seed), np.random.default_rng(seed), 8, typos=False):
            assert not any(shape.match(line) for shape in shapes), line


def test_held_out_slang_never_serves_training():
    held = [term for term in LEXICON if is_held_out(term)]
    assert 60 < len(held) < len(LEXICON) / 6
    for kind in KINDS:
        for meanings in LEXICON.values():
            for meaning in meanings:
                if meaning.kind == kind:
                    train = terms_for(kind, meaning.target)
                    assert train and not any(is_held_out(term) for term in train)


def test_templates_always_name_the_family_or_an_instrument():
    for template in (*TRAIN_TEMPLATES, *HELD_OUT_TEMPLATES):
        assert "{F}" in template or "{I}" in template


def test_a_whole_band_is_never_called_by_one_of_its_instruments_alone():
    whole = re.compile(r"\{F\}|\{I2\}|\{A\}|\b(full|complete|whole|entire|all of|band|everything)\b")
    assert all(whole.search(template) for template in ENSEMBLE_TEMPLATES)
    alone = {template for template in TRAIN_TEMPLATES if not whole.search(template)}
    assert len(alone) > 20
    lines = {line for seed in range(80) for line in captions(compose(seed, family="groove"), rng(seed), 12)}
    bare = re.compile("|".join(sorted(f"^{re.escape(word)}( loop)?$" for word in SOLO_WORDS)))
    assert not [line for line in lines if bare.match(line.lower())]


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_what_is_said_of_a_band_tells_whether_drums_play(split: str):
    bands = {term for either in ("train", "held-out") for term in terms_for("family", "groove", either)}
    bands -= {"jam", "groove"}  # a slow jam is a genre, and a bass may play a groove
    drumless = re.compile("|".join(map(re.escape, DRUMLESS_BANDS["train"] + DRUMLESS_BANDS["held-out"])))
    named = re.compile(r"\b(" + "|".join(map(re.escape, sorted(bands))) + r")\b")
    whole = re.compile(
        r"\b(jam|groove|full|complete|whole|entire|all of|band|everything|together|beat|track|song)\b"
    )
    seen = set()
    for seed in range(300):
        score = compose(seed, family="groove")
        seen.add(score.attributes.drums)
        struck = [p.instrument for p in score.parts if p.role in ("drums", "percussion") and p.gain_db > -12]
        words = {"drums", "percussion", *words_of(score, struck)}
        for line in captions(score, np.random.default_rng(seed), 8, split, typos=False):
            if not score.attributes.drums:
                assert not named.search(drumless.sub("", line)), line
                heard = {"bass", *words_of(score)}
                assert drumless.search(line) or any(word in line for word in heard), line
            elif struck and not named.search(line) and not whole.search(line):
                assert any(word in line for word in words), line
    assert seen == {True, False}


def test_every_score_has_phrasings_in_both_splits():
    for seed in range(200):
        score = compose(seed)
        for split in ("train", "held-out"):
            lines = captions(score, np.random.default_rng(seed), 12, split)
            assert len(lines) == 12 and all(lines)


def test_figures_in_captions_are_those_of_the_score():
    for seed in range(200):
        score = compose(seed)
        for line in captions(score, np.random.default_rng(seed), 8, typos=False):
            for figure in re.findall(r"(\d+) ?bpm", line):
                assert abs(int(figure) - float(score.tempo)) <= 0.5


def test_drums_are_promised_only_where_they_play():
    for seed in range(300):
        score = compose(seed)
        lines = " / ".join(captions(score, np.random.default_rng(seed), 8, typos=False))
        if score.attributes.drums:
            assert not re.search(r"\b(no drums|without drums|drumless|beatless)\b", lines)
        else:
            assert not re.search(r"\b(drums only|just drums|drum stem)\b", lines)


def test_typos_are_occasional():
    score = compose(11)
    clean = rough = 0
    for seed in range(300):
        plain = captions(score, np.random.default_rng(seed), 1, typos=False)[0]
        typed = captions(score, np.random.default_rng(seed), 1)[0]
        clean += plain == typed
        rough += plain != typed
    assert clean > rough > 20


def test_an_unknown_split_or_family_is_refused():
    with pytest.raises(TrainingError, match="held-out"):
        captions(compose(1), np.random.default_rng(1), 1, "test")
    with pytest.raises(TrainingError, match="drums, bass"):
        eval_prompts("kazoo")


def test_negative_words_name_only_what_is_absent():
    for seed in range(200):
        score = compose(seed)
        absent = negative_words(score)
        assert absent
        assert ("drums" in absent) == (not score.attributes.drums)
        playing = {INSTRUMENTS[part.instrument].family for part in score.parts}
        assert ("bass" in absent) == ("bass" not in playing)
        assert not set(absent) & set(score.attributes.mood)


@pytest.mark.parametrize("family", FAMILIES)
def test_evaluation_prompts_are_many_distinct_and_in_no_training_phrasing(family: str):
    prompts = eval_prompts(family)
    assert len(set(prompts)) == len(prompts) >= 20
    written = {
        line
        for seed in range(60)
        for line in captions(compose(seed, family=family), np.random.default_rng(seed), 8, typos=False)
    }
    assert not written & set(prompts)


def test_the_lexicon_is_large_and_covers_every_genre_and_instrument():
    assert len(LEXICON) > 1000
    for genre in GENRES:
        assert len(terms_for("genre", genre)) >= 4
    for name in INSTRUMENTS:
        assert len(terms_for("instrument", name)) >= 2
    assert all(meaning.kind in KINDS for meanings in LEXICON.values() for meaning in meanings)


def test_a_prompt_is_understood_by_its_longest_terms():
    assert understand("Drum and bass, walking bass") == (
        Meaning("genre", "drum and bass"),
        Meaning("instrument", "upright-bass"),
    )
    assert understand("zzz") == ()
