"""The library follows the files, finds them again, and can always be made anew."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from support_library import loop_bytes, write_loop

from riffsidecar.errors import LibraryError, SessionError, UnknownNameError
from riffsidecar.render.library import Library, Scan, Wanted
from riffsidecar.render.library_export import export_loops
from riffsidecar.render.library_store import LIBRARY_NAME, SCHEMA_VERSION, LibraryLocked


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "loops", left_out=(tmp_path / "loops" / "seeds",), busy_s=0.1)
    made.folder.mkdir()
    return made


def names(library: Library, **wanted: object) -> list[str]:
    return sorted(entry.name for entry in library.find(Wanted(**wanted)))  # type: ignore[arg-type]


def broken_files(library: Library) -> list[Path]:
    return sorted(library.folder.glob(".riffsidecar-library.broken-*.db"))


def test_a_loop_is_indexed_with_all_that_its_file_tells(library: Library) -> None:
    path = write_loop(library.folder / "riff_a.wav", prompt="warm rhodes", bpm=87.5, bars=2, key="Am", seed=5)
    assert library.note(path) == "added" and library.note(path) == "unchanged"
    (entry,) = library.find(Wanted())
    assert (entry.name, entry.prompt, entry.bpm, entry.bars_text, entry.key, entry.seed) == (
        "riff_a", "warm rhodes", 87.5, "2", "Am", 5,
    )  # fmt: skip
    assert entry.lufs is not None and -40 < entry.lufs < 0 and len(entry.fingerprint) > 100
    assert json.loads(entry.recipe)["prompt"] == "warm rhodes"
    document = entry.document(library.folder)
    assert document["path"] == str(path) and json.dumps(document)


def test_a_file_too_long_to_be_held_is_indexed_by_its_beginning(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riffsidecar.render.library_files.MAX_WAV_BYTES", 300_000)
    monkeypatch.setattr("riffsidecar.render.library_files._HEARD_BYTES", 200_001)
    path = write_loop(library.folder / "hours.wav", prompt="ambient pad", bpm=120, bars=2)
    content = path.read_bytes()
    assert library.note(path) == "added"
    (entry,) = library.find(Wanted())
    assert (entry.bars_text, round(entry.duration_s, 2), entry.lufs is None) == ("2", 4.0, False)
    assert entry.sha256 == hashlib.sha256(content).hexdigest()


def test_the_samples_of_what_is_not_ours_are_not_read(library: Library) -> None:
    foreign = library.folder / "foreign.wav"
    with foreign.open("wb") as file:
        file.write(
            b"RIFF" + (2**31).to_bytes(4, "little") + b"WAVEdata" + (2**31 - 100).to_bytes(4, "little")
        )
        file.truncate(2**31)
    assert peak_bytes(lambda: library.note(foreign)) < 2**20


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_no_loop_of_ours_is_no_part_of_it(library: Library, tmp_path: Path) -> None:
    write_loop(library.folder / "mine.wav")
    write_loop(library.folder / "seeds" / "seed.wav", seed=1)
    write_loop(library.folder / ".hidden" / "x.wav", seed=2)
    (library.folder / "foreign.wav").write_bytes(b"RIFF0000WAVE")
    (library.folder / "torn.wav").write_bytes(loop_bytes(seed=3)[:-100])
    scan = library.rescan()
    assert (scan.added, scan.unreadable) == (1, 1) and names(library) == ["mine"]
    for path in (library.folder / "seeds" / "seed.wav", tmp_path / "elsewhere.wav", library.folder / "a.txt"):
        assert library.note(path) == "elsewhere"


def test_a_moved_file_is_known_again_and_a_deleted_one_is_never_put_back(library: Library) -> None:
    first = write_loop(library.folder / "a.wav", seed=1)
    second = write_loop(library.folder / "b.wav", seed=2)
    library.rescan()
    library.star([library.named("a")], True)
    created = library.named("a").created
    moved = library.folder / "kept" / "renamed.wav"
    moved.parent.mkdir()
    first.rename(moved)
    second.unlink()
    scan = library.rescan()
    assert (scan.moved, scan.missing, scan.added) == (1, 1, 0)
    entry = library.named("renamed")
    assert (entry.path, entry.starred, entry.created) == ("kept/renamed.wav", True, created)
    assert names(library) == ["renamed"] and names(library, missing=True) == ["b", "renamed"]
    assert sorted(path.name for path in library.folder.rglob("*.wav")) == ["renamed.wav"]
    shutil.copy2(moved, library.folder / "copy.wav")
    assert library.rescan().added == 1 and names(library, starred=True) == ["copy", "renamed"]


def test_notes_of_a_move_one_by_one_are_a_move(library: Library) -> None:
    path = write_loop(library.folder / "a.wav")
    library.note(path)
    library.star([library.named("a")], True)
    target = library.folder / "z.wav"
    path.rename(target)
    assert (library.note(path), library.note(target)) == ("missing", "moved")
    assert names(library, starred=True, missing=True) == ["z"]


def test_another_content_under_a_name_takes_its_place(library: Library) -> None:
    path = write_loop(library.folder / "a.wav", prompt="drums")
    library.note(path)
    write_loop(path, prompt="strings", bars=2)
    assert library.note(path) == "changed"
    assert [entry.prompt for entry in library.find(Wanted(missing=True))] == ["strings"]


@pytest.mark.parametrize("with_fts", [True, False])
def test_loops_are_found_by_words_tempo_key_bars_and_star(library: Library, with_fts: bool) -> None:
    write_loop(library.folder / "riff_124_keys.wav", prompt="warm rhodes chords", bpm=124, key="Am", bars=2)
    write_loop(library.folder / "riff_118_drums.wav", prompt="dusty boom-bap drums", bpm=118, bars=1)
    write_loop(library.folder / "riff_90_bass.wav", prompt="100% deep_bass", bpm=90, key="F#m", bars=1)
    library.open()
    if not with_fts:
        library.store.write(lambda db: db.execute("DROP TABLE words"))
    library.rescan()
    keys, drums, bass = "riff_124_keys", "riff_118_drums", "riff_90_bass"
    assert names(library, words="rhod warm") == [keys]
    assert names(library, words="drums") == [drums] and names(library, words="riff") == sorted(
        [keys, drums, bass]
    )
    assert names(library, words="nothing here") == []
    assert names(library, words='" OR 1=1 --') == []
    assert names(library, words="%") == names(library) and names(library, words="deep_bass") == [bass]
    assert names(library, bpm=(118, 124)) == sorted([drums, keys])
    assert names(library, key="am") == [keys] and names(library, bars=1.0) == sorted([bass, drums])
    library.star([library.named(bass)], True)
    assert names(library, starred=True) == [bass]
    library.star([library.named(bass)], False)
    assert names(library, starred=True) == []
    assert len(library.find(Wanted(limit=2))) == 2


def test_the_most_alike_comes_first(library: Library) -> None:
    write_loop(library.folder / "tone.wav", hz=440.0)
    write_loop(library.folder / "tone-too.wav", hz=441.0)
    write_loop(library.folder / "noise.wav")
    library.rescan()
    found = library.similar(library.named("tone"), 5)
    assert [entry.name for entry, _ in found] == ["tone-too", "noise"] and found[0][1] > found[1][1]


def test_a_name_that_is_not_clear_is_refused(library: Library) -> None:
    for number in (1, 2):
        write_loop(library.folder / f"riff_{number}.wav", seed=number)
    library.rescan()
    with pytest.raises(UnknownNameError, match="2 loops"):
        library.named("riff_")
    with pytest.raises(UnknownNameError, match="did you mean 'riff_1'"):
        library.named("rif_1")
    assert library.named(str(library.folder / "riff_2.wav")).name == "riff_2"
    with pytest.raises(SessionError, match="must rise"):
        Wanted(bpm=(124, 118))


@pytest.mark.parametrize("damage", ["garbage", "truncated", "pages", "no tables"])
def test_a_broken_database_is_set_aside_and_made_again_from_the_files(library: Library, damage: str) -> None:
    for number in range(3):
        write_loop(library.folder / f"{number}.wav", seed=number)
    library.rescan()
    library.star([library.named("1")], True)
    database = library.store.path
    for side in ("-wal", "-shm"):
        Path(f"{database}{side}").unlink(missing_ok=True)
    content = database.read_bytes()
    if damage == "garbage":
        database.write_bytes(b"this is no database at all" * 100)
    elif damage == "truncated":
        database.write_bytes(content[: len(content) // 2])
    elif damage == "pages":
        database.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    else:
        connection = sqlite3.connect(database)
        connection.execute("DROP TABLE loops")
        connection.close()
    again = Library(library.folder, left_out=(library.folder / "seeds",), busy_s=0.1)
    try:
        begun = again.open()
        again.rescan()
        if not begun and not again.open():
            pytest.skip("SQLite read past the damage")
    finally:
        scan = again.rescan()
    assert scan == Scan(unchanged=3) and names(again) == ["0", "1", "2"]
    assert len(broken_files(again)) == 1
    if damage == "no tables":
        assert names(again, starred=True) == ["1"]


def test_a_database_of_a_newer_version_is_left_alone(library: Library) -> None:
    library.open()
    connection = sqlite3.connect(library.store.path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(LibraryError, match=f"version {SCHEMA_VERSION + 1}"):
        library.open()
    assert broken_files(library) == []


def test_a_locked_database_is_reported_and_kept(library: Library) -> None:
    path = write_loop(library.folder / "a.wav")
    library.open()
    holder = sqlite3.connect(library.store.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(LibraryLocked, match="in use"):
            library.note(path)
    finally:
        holder.rollback()
        holder.close()
    assert library.note(path) == "added" and broken_files(library) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="--out"):
        Library(tmp_path / "gone").open()


def test_several_processes_and_threads_write_at_once(library: Library) -> None:
    for number in range(6):
        write_loop(library.folder / f"{number}.wav", seed=number)
    script = (
        "import sys; from pathlib import Path; from riffsidecar.render.library import Library\n"
        "Library(Path(sys.argv[1])).rescan()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(library.folder)], env=environment)
        for _ in range(2)
    ]
    patient = Library(library.folder, busy_s=20.0)
    threads = [threading.Thread(target=patient.rescan) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    assert len(names(library)) == 6 == len(library.find(Wanted(missing=True)))
    assert broken_files(library) == []


def test_an_export_copies_with_a_manifest_and_replaces_nothing(library: Library, tmp_path: Path) -> None:
    write_loop(library.folder / "a.wav", prompt="=2+5 drums", key="Am")
    write_loop(library.folder / "sub" / "a.wav", seed=9)
    library.rescan()
    entries = library.find(Wanted())
    target = tmp_path / "out"
    target.mkdir()
    (target / "a.wav").write_text("somebody else's")
    done = export_loops(entries, library.folder, target)
    assert sorted(path.name for path in done.copied) == ["a-2.wav", "a-3.wav"] and done.present == ()
    assert (target / "a.wav").read_text() == "somebody else's"
    again = export_loops(entries, library.folder, target)
    assert again.copied == () and len(again.present) == 2 and again.manifest == done.manifest
    manifest = json.loads(done.manifest.read_text(encoding="utf-8"))
    assert {loop["path"] for loop in manifest["loops"]} == {"a-2.wav", "a-3.wav"}
    with (target / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["key"] for row in rows} == {"Am", ""} and "'=2+5 drums" in {row["prompt"] for row in rows}
    export_loops(entries[:1], library.folder, target)
    assert (target / "manifest-2.json").is_file()
    assert not list(target.glob("*.part"))


def test_an_export_of_a_loop_that_has_gone_says_so(library: Library, tmp_path: Path) -> None:
    path = write_loop(library.folder / "a.wav")
    library.rescan()
    entries = library.find(Wanted())
    path.unlink()
    with pytest.raises(LibraryError, match="rescan"):
        export_loops(entries, library.folder, tmp_path / "out")


def test_the_database_lies_hidden_in_the_drop_folder(library: Library) -> None:
    library.open()
    assert library.store.path == library.folder / LIBRARY_NAME and LIBRARY_NAME.startswith(".")
