"""What a file is, apart from what it carries of others."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.audio import LoopTags, Waveform, decode_wav, encode_wav
from riffsidecar.audio.content import content_digest, without_source
from riffsidecar.music import Meter


def loop_wav(source: bytes | None) -> bytes:
    tags = LoopTags(
        title="x",
        bpm=Fraction(120),
        beats=Fraction(1),
        meter=Meter(4, 4),
        latents=np.zeros((1, 2, 3), np.float16),
        source=source,
    )
    return encode_wav(Waveform(np.zeros((2, 50), np.float32), 44100), "24", tags)


def test_the_digest_of_a_loop_does_not_depend_on_the_seed_that_it_carries() -> None:
    bare = loop_wav(None)
    assert content_digest(bare) == hashlib.sha256(bare).hexdigest()
    assert content_digest(loop_wav(b"kick")) == content_digest(loop_wav(bare)) == content_digest(bare)
    assert without_source(loop_wav(b"kick")) == bare


def test_a_loop_without_its_seed_is_still_that_loop() -> None:
    stripped = decode_wav(without_source(loop_wav(b"kick")))
    assert stripped.source is None and stripped.latents is not None and stripped.tags is not None


@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_other_bytes_are_their_own_content(junk: bytes, cut: int) -> None:
    assert without_source(junk) == junk
    damaged = loop_wav(b"kick")[:cut] + junk
    assert content_digest(damaged) == hashlib.sha256(without_source(damaged)).hexdigest()
