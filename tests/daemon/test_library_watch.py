"""The library is kept while the daemon runs, whatever happens to the files and to the database."""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from support_control import WAIT_S
from support_library import write_loop

from riffsidecar.daemon.library_watch import LibraryKeeper
from riffsidecar.render.library import Library, Wanted


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "loops", busy_s=0.05)
    made.folder.mkdir()
    return made


@pytest.fixture
def problems() -> queue.Queue[str]:
    return queue.Queue()


@pytest.fixture
def keeper(library: Library, problems: queue.Queue[str]) -> Iterator[LibraryKeeper]:
    made = LibraryKeeper(library, problems.put, settle_s=0.01, patience_s=0.0)
    yield made
    made.close()


def settled(keeper: LibraryKeeper, library: Library, wanted: set[str], *, missing: bool = False) -> None:
    """Wait until the library holds these names."""
    for _ in range(200):
        assert keeper.wait_until_idle(WAIT_S)
        if {entry.name for entry in library.find(Wanted(missing=missing))} == wanted:
            return
        keeper._closing.wait(0.05)
    raise AssertionError(f"the library never held {wanted}")


def test_what_lay_there_at_the_start_and_what_lands_moves_and_goes_is_noticed(
    keeper: LibraryKeeper, library: Library
) -> None:
    before = write_loop(library.folder / "before.wav", seed=1)
    keeper.start()
    settled(keeper, library, {"before"})
    write_loop(library.folder / "landed.wav", seed=2)
    settled(keeper, library, {"before", "landed"})
    (library.folder / "sub").mkdir()
    before.rename(library.folder / "sub" / "moved.wav")
    settled(keeper, library, {"moved", "landed"})
    (library.folder / "landed.wav").unlink()
    settled(keeper, library, {"moved"})
    (library.folder / "sub").rename(library.folder.parent / "away")
    settled(keeper, library, set())
    settled(keeper, library, {"moved", "landed"}, missing=True)
    assert list(library.folder.glob("*.wav")) == []


def test_a_noted_loop_is_taken_without_any_event_of_the_file_system(
    keeper: LibraryKeeper, library: Library
) -> None:
    keeper._observer.schedule = lambda *args, **kwargs: (_ for _ in ()).throw(OSError("no watches left"))  # type: ignore[method-assign]
    keeper.start()
    assert keeper.wait_until_idle(WAIT_S)
    keeper.note(write_loop(library.folder / "told.wav"))
    settled(keeper, library, {"told"})


def test_a_broken_database_is_made_again_and_the_keeper_lives(
    keeper: LibraryKeeper, library: Library
) -> None:
    write_loop(library.folder / "a.wav")
    library.store.path.write_bytes(b"no database" * 500)
    keeper.start()
    settled(keeper, library, {"a"})
    assert len(list(library.folder.glob(".riffsidecar-library.broken-*.db"))) == 1
    library.store.path.write_bytes(b"broken again" * 500)
    write_loop(library.folder / "b.wav", seed=2)
    settled(keeper, library, {"a", "b"})


def test_a_database_that_somebody_holds_for_ever_is_set_aside(
    keeper: LibraryKeeper, library: Library, problems: queue.Queue[str]
) -> None:
    write_loop(library.folder / "a.wav")
    library.open()
    holder = sqlite3.connect(library.store.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        keeper.start()
        assert "in use" in problems.get(timeout=WAIT_S)
        assert problems.get(timeout=WAIT_S) == ""
        settled(keeper, library, {"a"})
    finally:
        holder.close()


def test_it_closes_twice_and_without_a_start(library: Library) -> None:
    keeper = LibraryKeeper(library)
    keeper.close()
    keeper.close()
