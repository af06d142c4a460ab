"""The ledger of a pack: what is taken does not depend on the order in which workers finish."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio.fingerprint import FINGERPRINT_SIZE
from riffsidecar.errors import RenderError
from riffsidecar.render.pack_facts import LoopFacts
from riffsidecar.render.pack_ledger import Ledger
from riffsidecar.session.pack_file import parse_pack
from riffsidecar.session.requests import LoopRequest

TRIES, KINDS = 4, 5


def recipe(cells: int) -> tuple:  # type: ignore[type-arg]
    return parse_pack(f"bpm = 120\nbars = 1\nseeds = {cells}\nprompts = ['pad']", "a.toml", "a").cells()


def facts(asked: LoopRequest, world: int) -> LoopFacts:
    """Return what this world measures of a loop: one of a few sounds, or a fault."""
    rng = random.Random(f"{world}/{asked.digest}")
    features = np.zeros(FINGERPRINT_SIZE, "<f2")
    features[rng.randrange(KINDS)] = 1.0
    fault = rng.choice(["", "", "", "silence", "seam"])
    return LoopFacts(asked.digest, "b", "s", fault, -23.0, 0.0, 0.0, 1.0, 0.0, 1, features.tobytes())


def run(world: int, order: int, workers: int, cells: int) -> tuple[list[object], int]:
    ledger = Ledger(recipe(cells), TRIES, 0.9)
    rng, in_work, made = random.Random(order), {}, 0
    while not ledger.is_complete:
        for job in ledger.missing(set(in_work)):
            if len(in_work) >= workers:
                break
            in_work[job.cell, job.number] = job
        key = rng.choice(sorted(in_work))
        job = in_work.pop(key)
        made += 1
        ledger.learn(job.cell, job.number, facts(job.request, world))
    return [(each.cell.index, each.number, each.refused) for each in ledger.settled], made


@settings(max_examples=12, deadline=None)
@given(world=st.integers(0, 10**6), order=st.integers(0, 10**6), workers=st.integers(1, 8))
def test_any_order_of_any_number_of_workers_gives_the_same_pack(world: int, order: int, workers: int) -> None:
    alone, _ = run(world, 0, 1, 7)
    together, _ = run(world, order, workers, 7)
    assert together == alone


@settings(max_examples=12, deadline=None)
@given(world=st.integers(0, 10**6))
def test_no_two_that_are_taken_are_alike_and_none_has_a_fault(world: int) -> None:
    ledger = Ledger(recipe(6), TRIES, 0.9)
    while not ledger.is_complete:
        job = next(ledger.missing(set()))
        ledger.learn(job.cell, job.number, facts(job.request, world))
    taken = [each for each in ledger.settled if each.facts is not None]
    kinds = [int(np.argmax(each.facts.features)) for each in taken if each.facts is not None]
    assert len(kinds) == len(set(kinds)) <= KINDS
    assert all(each.facts is not None and not each.facts.fault for each in taken)
    lost = [each for each in ledger.settled if each.facts is None]
    assert all(len(each.refused) == TRIES for each in lost)


def test_a_duplicate_names_the_cell_that_it_is_like() -> None:
    cells = recipe(2)
    ledger = Ledger(cells, TRIES, 0.9)
    same = np.ones(FINGERPRINT_SIZE, "<f2").tobytes()
    for cell in (1, 0):
        asked = cells[cell].request
        ledger.learn(cell, 0, LoopFacts(asked.digest, "b", "s", "", -23, 0, 0, 1, 0, 1, same))
    assert ledger.num_settled == 1
    assert next(ledger.missing(set())).number == 1, "the later of two alike is made again"
    other = np.zeros(FINGERPRINT_SIZE, "<f2")
    other[0] = 1.0
    asked = cells[1].asked(1)
    (settled,) = ledger.learn(
        1, 1, LoopFacts(asked.digest, "b", "s", "", -23, 0, 0, 1, 0, 1, other.tobytes())
    )
    assert [(refused.fault, refused.like) for refused in settled.refused] == [("duplicate", 0)]


def test_facts_of_another_loop_are_refused() -> None:
    cells = recipe(2)
    with pytest.raises(RenderError, match="another loop"):
        Ledger(cells, TRIES, 0.9).learn(0, 0, facts(cells[1].request, 0))


def test_facts_survive_the_journal() -> None:
    made = facts(recipe(1)[0].request, 3)
    assert LoopFacts.from_line(made.to_line()) == made
    with pytest.raises(RenderError, match="journal"):
        LoopFacts.from_line({"asked": "x"})
