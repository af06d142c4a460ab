from __future__ import annotations

import errno
import logging
import os
import random
import re
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from riffsidecar.audio import LoopTags, Waveform, decode_wav, encode_wav, is_safe_stem
from riffsidecar.errors import DropError, WavError
from riffsidecar.music import Meter
from riffsidecar.render import drop, used_ids
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.used_ids import LOG_NAME, UsedIds

DATA = bytes(range(256)) * 40
DEAD_PID = 2**31 - 1


def wavs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.wav"))


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def parts(folder: Path) -> list[Path]:
    return [folder / name for name in listing(folder) if name.endswith(".part")]


def test_a_published_file_is_whole_and_named_by_stem_and_id(tmp_path: Path) -> None:
    path = DropFolder(tmp_path).publish("riff_120_drums_4b", DATA)
    assert path.parent == tmp_path
    assert re.fullmatch(r"riff_120_drums_4b_[bcdfghjklmnpqrstvwxz]{5}\.wav", path.name)
    assert path.read_bytes() == DATA
    assert len(path.name) <= 100
    assert listing(tmp_path) == sorted([LOG_NAME, path.name])


def test_the_file_is_synced_before_it_has_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        order.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def noted_link(*args: Any, **kwargs: Any) -> None:
        order.append("name")
        link(*args, **kwargs)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    DropFolder(tmp_path).publish("x", DATA)
    assert order == ["sync file", "name", "sync folder"]


def test_the_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert DropFolder(folder).publish("x", DATA).parent == folder


def test_a_link_to_a_folder_is_resolved_once(tmp_path: Path) -> None:
    first, second, link = tmp_path / "first", tmp_path / "second", tmp_path / "link"
    first.mkdir()
    second.mkdir()
    link.symlink_to(first)
    folder = DropFolder(link)
    link.unlink()
    link.symlink_to(second)
    folder.publish("x", DATA)
    assert len(wavs(first)) == 1 and not wavs(second)


def test_equal_loops_get_different_names(tmp_path: Path) -> None:
    folder = DropFolder(tmp_path)
    assert len({folder.publish("x", DATA) for _ in range(50)}) == 50


def test_a_name_never_returns_even_when_files_are_deleted_and_the_daemon_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With two letters there are 32 ids of five, so chance alone would repeat at once.
    monkeypatch.setattr(used_ids, "_LETTERS", "bc")
    seen = set()
    for _ in range(10):
        folder = DropFolder(tmp_path)
        for _ in range(10):
            path = folder.publish("x", DATA)
            assert path.name not in seen
            seen.add(path.name)
            path.unlink()
    assert len(seen) == 100


def test_ten_thousand_ids_are_all_different_across_two_processes_and_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(used_ids, "_LETTERS", "bcdfgh")
    seen: list[str] = []
    for _ in range(5):
        one, other = UsedIds(tmp_path), UsedIds(tmp_path)
        for _ in range(1_000):
            seen += [one.take(), other.take()]
    assert len(seen) == len(set(seen)) == 10_000


def test_a_torn_line_or_a_deleted_log_does_not_bring_an_id_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(used_ids, "_LETTERS", "bc")
    ids = UsedIds(tmp_path)
    seen = {ids.take() for _ in range(10)}
    log = tmp_path / LOG_NAME
    log.write_bytes(log.read_bytes() + b"\nbc\xff")
    seen |= {UsedIds(tmp_path).take() for _ in range(10)}
    seen |= {ids.take()}
    log.unlink()
    seen |= {ids.take() for _ in range(10)}
    assert len(seen) == 31


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="needs O_NOFOLLOW")
def test_the_log_is_not_written_through_a_planted_link(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_text("mine")
    folder.mkdir()
    (folder / LOG_NAME).symlink_to(victim)
    with pytest.raises(DropError):
        DropFolder(folder).publish("x", DATA)
    assert victim.read_text() == "mine"
    assert not wavs(folder) and not parts(folder)


def ids_in_order(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    given: Iterator[str] = iter(names)
    monkeypatch.setattr(UsedIds, "take", lambda self: next(given))


def test_a_foreign_file_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DropFolder(tmp_path)
    foreign = tmp_path / "x_taken.wav"
    foreign.write_bytes(b"somebody else's")
    dangling = tmp_path / "x_link.wav"
    dangling.symlink_to(tmp_path / "nowhere")
    ids_in_order(monkeypatch, "taken", "link", "fresh")
    assert folder.publish("x", DATA).name == "x_fresh.wav"
    assert foreign.read_bytes() == b"somebody else's"
    assert dangling.is_symlink() and not (tmp_path / "nowhere").exists()
    assert not parts(tmp_path)


def test_when_every_name_is_taken_it_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DropFolder(tmp_path)
    (tmp_path / "x_taken.wav").write_bytes(b"theirs")
    ids_in_order(monkeypatch, *["taken"] * 100)
    with pytest.raises(DropError, match="fresh names were all taken"):
        folder.publish("x", DATA)
    assert not parts(tmp_path)


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES])
def test_a_file_system_without_hard_links_still_takes_loops_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    folder = DropFolder(tmp_path)
    (tmp_path / "x_taken.wav").write_bytes(b"theirs")
    ids_in_order(monkeypatch, "taken", "fresh")
    monkeypatch.setattr(os, "link", refuse)
    path = folder.publish("x", DATA)
    assert path.name == "x_fresh.wav" and path.read_bytes() == DATA
    assert (tmp_path / "x_taken.wav").read_bytes() == b"theirs"
    assert not parts(tmp_path)


@pytest.mark.parametrize("stem", ["", "..", "../x", "a/b", "a\\b", "C:x", "CON", "x\0", "x.wav", "x" * 101])
def test_a_hostile_stem_writes_nothing_anywhere(tmp_path: Path, stem: str) -> None:
    folder = tmp_path / "drop"
    drop_folder = DropFolder(folder)
    with pytest.raises(DropError, match="file name"):
        drop_folder.publish(stem, DATA)
    assert not is_safe_stem(stem)
    assert listing(tmp_path) == ["drop"] and listing(folder) == []


def test_a_vanished_folder_is_made_again_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = DropFolder(tmp_path / "loops")
    (tmp_path / "loops").rmdir()
    with caplog.at_level(logging.WARNING):
        assert folder.publish("x", DATA).read_bytes() == DATA
    assert "vanished" in caplog.text


def test_a_vanished_parent_is_an_error_until_it_is_back(tmp_path: Path) -> None:
    folder = DropFolder(tmp_path / "drive" / "loops")
    (tmp_path / "drive" / "loops").rmdir()
    (tmp_path / "drive").rmdir()
    with pytest.raises(DropError, match="plug its drive in"):
        folder.publish("x", DATA)
    assert not (tmp_path / "drive").exists()
    (tmp_path / "drive").mkdir()
    assert folder.publish("x", DATA).exists()


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loops").write_text("not a folder")
    with pytest.raises(DropError, match="choose another"):
        DropFolder(tmp_path / "loops")
    folder = DropFolder(tmp_path / "other")
    (tmp_path / "other").rmdir()
    (tmp_path / "other").write_text("not a folder")
    with pytest.raises(DropError, match="choose another"):
        folder.publish("x", DATA)


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    folder, published = DropFolder(tmp_path), []

    def publish() -> None:
        published.extend(folder.publish("x", DATA) for _ in range(10))

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(published)) == 80 == len(wavs(tmp_path))


# --- faults at the k-th call, as SQLite tests itself ---

OS_CALLS = ["open", "write", "read", "lseek", "fsync", "close", "link", "unlink", "rename", "mkdir", "stat"]


@contextmanager
def failing_call(nth: int, error: BaseException, calls: list[str]) -> Iterator[None]:
    """Let the nth operating-system call fail, counted from 0.

    A failed close closes all the same, and what cannot be found to unlink is gone.
    """
    real = {name: getattr(os, name) for name in OS_CALLS}

    def faulty(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            if len(calls) - 1 == nth:
                if name == "close" or (name == "unlink" and getattr(error, "errno", 0) == errno.ENOENT):
                    real[name](*args)
                if name == "write":  # half of it is written, as on a disk that has just become full
                    real["write"](args[0], bytes(args[1])[: len(args[1]) // 2])
                raise error
            return real[name](*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in OS_CALLS:
            patch.setattr(os, name, faulty(name))
        yield


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.ENOENT, errno.EPERM])
def test_whichever_call_fails_no_bad_file_shows_and_the_next_loop_is_published(
    tmp_path: Path, code: int
) -> None:
    failures = successes = 0
    for nth in range(100):
        home = tmp_path / str(nth)
        folder = DropFolder(home)
        calls: list[str] = []
        try:
            with failing_call(nth, OSError(code, os.strerror(code)), calls):
                path = folder.publish("x", DATA)
        except DropError as error:
            failures += 1
            assert os.strerror(code) in str(error) and "choose" in str(error)
            assert not wavs(home), calls
        else:
            successes += 1
            assert path.read_bytes() == DATA
        assert not parts(home), calls
        assert folder.publish("x", DATA).read_bytes() == DATA
        if len(calls) <= nth:
            break
    else:
        pytest.fail("publishing never ended")
    assert failures >= 8 and successes >= 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.ENOENT])
def test_whichever_call_fails_at_start_the_error_is_a_drop_error(tmp_path: Path, code: int) -> None:
    for nth in range(100):
        calls: list[str] = []
        try:
            with failing_call(nth, OSError(code, os.strerror(code)), calls):
                DropFolder(tmp_path / str(nth) / "loops")
        except DropError:
            pass
        if len(calls) <= nth:
            return
    pytest.fail("starting never ended")


def test_an_interrupt_at_any_call_shows_no_part_of_a_file(tmp_path: Path) -> None:
    for nth in range(100):
        home = tmp_path / str(nth)
        folder = DropFolder(home)
        calls: list[str] = []
        try:
            with failing_call(nth, KeyboardInterrupt(), calls):
                folder.publish("x", DATA)
        except KeyboardInterrupt:
            pass
        # Once the file has its name, an interrupt may leave the temporary one to the next start's sweep.
        assert not parts(home) or wavs(home), calls
        assert all(path.read_bytes() == DATA for path in wavs(home))
        assert folder.publish("x", DATA).exists()
        if len(calls) <= nth:
            return
    pytest.fail("publishing never ended")


def test_writes_that_take_only_a_part_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:1000])))
    assert DropFolder(tmp_path).publish("x", DATA).read_bytes() == DATA


def test_a_log_that_takes_only_a_part_of_a_line_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DropFolder(tmp_path)
    real = os.write

    def short(descriptor: int, data: bytes) -> int:
        return real(descriptor, data if len(data) == len(DATA) else data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(DropError, match="disk is full"):
            folder.publish("x", DATA)
    assert not wavs(tmp_path) and not parts(tmp_path)
    assert folder.publish("x", DATA).exists()


def test_a_file_that_is_whole_counts_as_published_though_syncing_the_folder_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = DropFolder(tmp_path)
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert folder.publish("x", DATA).read_bytes() == DATA
    assert "syncing" in caplog.text


# --- Windows, simulated ---


class WindowsOs:
    """What drop.py sees of os on Windows; pathlib goes on with the real one."""

    name = "nt"

    def __getattr__(self, attribute: str) -> Any:
        if attribute in ("kill", "link"):
            raise AssertionError(f"os.{attribute} does something else on Windows")
        return getattr(os, attribute)


class WindowsRename:
    """Rename as Windows does: taken names are refused, and the first ``failures`` calls fail."""

    def __init__(self, failures: int, winerror: int) -> None:
        self.failures = failures
        self.winerror = winerror

    def __call__(self, source: Path, target: Path) -> Path:
        if self.failures:
            self.failures -= 1
            error = PermissionError(errno.EACCES, "the file is in use")
            error.winerror = self.winerror  # type: ignore[attr-defined]
            raise error
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "taken", str(target))
        os.link(source, target)
        source.unlink()
        return target


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    def become(failures: int, winerror: int) -> None:
        rename = WindowsRename(failures, winerror)
        monkeypatch.setattr(drop, "os", WindowsOs())
        monkeypatch.setattr(Path, "rename", lambda source, target: rename(source, target))

    return become


@pytest.mark.parametrize("winerror", [5, 32, 33])
@pytest.mark.parametrize("failures", range(7))
def test_on_windows_a_file_held_for_a_moment_is_published_within_two_and_a_half_seconds(
    tmp_path: Path, windows: Callable[[int, int], None], failures: int, winerror: int
) -> None:
    windows(failures, winerror)
    naps: list[float] = []
    path = DropFolder(tmp_path, sleep=naps.append).publish("x", DATA)
    assert path.read_bytes() == DATA
    assert len(naps) == failures and sum(naps) <= 2.56
    assert naps == sorted(naps)


def test_on_windows_a_file_held_for_ever_is_a_clean_error(
    tmp_path: Path, windows: Callable[[int, int], None]
) -> None:
    windows(1_000, 32)
    naps: list[float] = []
    with pytest.raises(DropError, match="the file is in use"):
        DropFolder(tmp_path, sleep=naps.append).publish("x", DATA)
    assert sum(naps) <= 2.56
    assert not wavs(tmp_path) and not parts(tmp_path)


def test_on_windows_other_errors_are_not_waited_for(
    tmp_path: Path, windows: Callable[[int, int], None]
) -> None:
    windows(1, 112)
    naps: list[float] = []
    with pytest.raises(DropError):
        DropFolder(tmp_path, sleep=naps.append).publish("x", DATA)
    assert naps == []


def test_on_windows_a_taken_name_is_left_alone(
    tmp_path: Path, windows: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows(0, 0)
    (tmp_path / "x_taken.wav").write_bytes(b"theirs")
    ids_in_order(monkeypatch, "taken", "fresh")
    assert DropFolder(tmp_path).publish("x", DATA).name == "x_fresh.wav"
    assert (tmp_path / "x_taken.wav").read_bytes() == b"theirs"


def test_on_windows_orphans_are_known_by_their_age(
    tmp_path: Path, windows: Callable[[int, int], None]
) -> None:
    windows(0, 0)
    old = orphan(tmp_path, DEAD_PID, age_s=700)
    young = orphan(tmp_path, DEAD_PID, age_s=10)
    DropFolder(tmp_path)
    assert not old.exists() and young.exists()


# --- orphans ---


def orphan(folder: Path, pid: int, life: str = "0badcafe", age_s: float = 0.0) -> Path:
    path = folder / f".riffsidecar-{pid}-{life}-{random.randrange(2**32):08x}.part"
    path.write_bytes(b"RIFF")
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_orphans_of_dead_processes_are_swept_at_start(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    swept = [orphan(tmp_path, dead.pid), orphan(tmp_path, 2**31 - 1), orphan(tmp_path, 10**9)]
    swept += [orphan(tmp_path, 9_999_999_999), orphan(tmp_path, 0)]
    DropFolder(tmp_path)
    assert not any(path.exists() for path in swept)


def test_an_orphan_of_an_earlier_life_with_our_own_number_is_swept(tmp_path: Path) -> None:
    # In a container the daemon is process 1 every time.
    path = orphan(tmp_path, os.getpid())
    DropFolder(tmp_path)
    assert not path.exists()


def test_a_number_that_lives_again_protects_an_orphan_for_a_day_only(tmp_path: Path) -> None:
    fresh = orphan(tmp_path, os.getppid(), age_s=3600)
    stale = orphan(tmp_path, os.getppid(), age_s=25 * 3600)
    DropFolder(tmp_path)
    assert fresh.exists() and not stale.exists()


def test_what_this_process_is_writing_is_not_swept(tmp_path: Path) -> None:
    path = orphan(tmp_path, os.getpid(), life=drop._LIFE)
    DropFolder(tmp_path)
    assert path.exists()


def test_nothing_of_anybody_elses_is_swept(tmp_path: Path) -> None:
    names = [
        "x.part", ".x.part", ".riffsidecar.part", f".riffsidecar-{DEAD_PID}-0badcafe-00000000.part.wav",
        f".riffsidecar-{DEAD_PID}-0badcafe-0.part", f"riffsidecar-{DEAD_PID}-0badcafe-00000000.part",
        ".riffsidecar-x-0badcafe-00000000.part", "a.wav", ".riffsidecar-names.bak",
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).write_bytes(b"theirs")
    DropFolder(tmp_path)
    assert listing(tmp_path) == sorted(names)


def test_an_orphan_that_cannot_be_removed_does_not_stop_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f".riffsidecar-{DEAD_PID}-0badcafe-00000000.part"
    path.mkdir()
    assert DropFolder(tmp_path).publish("x", DATA).exists()
    assert "could not remove" in caplog.text


# --- kill -9 ---

WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from riffsidecar.render.drop import DropFolder

    data = Path(sys.argv[2]).read_bytes()
    folder = DropFolder(Path(sys.argv[1]))
    print("ready", flush=True)
    while True:
        folder.publish("riff_120_kill_4b", data)
""")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_half_written_loop_is_never_visible_through_twenty_kills(tmp_path: Path) -> None:
    folder, source = tmp_path / "loops", tmp_path / "source.wav"
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 200_000)).astype(np.float32)
    tags = LoopTags(title="kill", bpm=120, beats=16, meter=Meter(4, 4))
    source.write_bytes(encode_wav(Waveform(noise, 44_100), "24", tags))
    whole = source.read_bytes()
    chance = random.Random(9)
    seen: set[str] = set()
    looks = 0

    def look() -> int:
        count = 0
        for path in folder.glob("*.wav"):
            data = path.read_bytes()
            assert data == whole, f"{path.name} has {len(data)} of {len(whole)} bytes"
            seen.add(path.name)
            path.unlink()
            count += 1
        return count

    for _ in range(20):
        command = [sys.executable, "-c", WRITER, str(folder), str(source)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            until = time.monotonic() + chance.uniform(0.01, 0.08)
            while time.monotonic() < until:
                looks += look()
            writer.send_signal(signal.SIGKILL)
        # One killed writer leaves one temporary file at most, because the next one swept the last.
        assert len(parts(folder)) <= 1
        looks += look()
    assert looks == len(seen) > 0
    decode_wav(whole)
    DropFolder(folder)
    assert parts(folder) == []
    with pytest.raises(WavError):
        decode_wav(whole[:-1])
