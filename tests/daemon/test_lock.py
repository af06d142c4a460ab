"""What the lock of a drop folder promises."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from riffsidecar.daemon.lock import LOCK_NAME, FolderLock
from riffsidecar.errors import DropError


def test_a_second_daemon_is_refused_and_told_whose_the_folder_is(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(DropError, match=f"process {os.getpid()}"):
        FolderLock(tmp_path).acquire()


def test_the_lock_is_free_again_after_release_and_leaves_no_file(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    with FolderLock(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"


def test_a_killed_daemon_leaves_no_lock_behind(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from riffsidecar.daemon.lock import FolderLock\n"
        "FolderLock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False, timeout=60)
    assert (tmp_path / LOCK_NAME).exists()
    with FolderLock(tmp_path):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DropError, match="cannot be locked"):
        FolderLock(tmp_path / "gone").acquire()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed by this system")
def test_a_planted_link_is_refused_and_what_it_points_to_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / LOCK_NAME).symlink_to(precious)
    with pytest.raises(DropError, match="cannot be locked"):
        FolderLock(tmp_path).acquire()
    assert precious.read_text() == "keep me"


def test_a_disk_that_knows_no_locks_is_not_taken_for_another_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("riffsidecar.daemon.lock._try_lock", unsupported)
    with pytest.raises(DropError, match="cannot be locked: No locks available"):
        FolderLock(tmp_path).acquire()
