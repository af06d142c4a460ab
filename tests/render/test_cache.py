"""What the cache promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from riffsidecar.errors import RenderError
from riffsidecar.render.cache import DiskCache, LoopCache, PublishedFile, cache_key
from riffsidecar.render.messages import RenderedLoop


def loop(fill: int, size: int = 100) -> RenderedLoop:
    return RenderedLoop(
        wav=bytes([fill]) * size,
        stem=f"riff_{fill}",
        num_samples=size,
        sample_rate=44100,
        lufs=-14.0,
        seam={"jump": 0.5},
        timings={"denoise": 1.0},
        environment={"torch": "2"},
    )


def test_the_key_changes_with_the_request_the_checkpoint_and_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {cache_key("a", "c"), cache_key("b", "c"), cache_key("a", "d")}
    monkeypatch.setattr("riffsidecar.render.cache.__version__", "999")
    keys.add(cache_key("a", "c"))
    assert len(keys) == 4


def test_memory_stays_within_its_bytes_and_lets_the_least_recently_used_go() -> None:
    cache = LoopCache(250)
    cache.put("a", loop(1))
    cache.put("b", loop(2))
    assert cache.get("a") is not None
    cache.put("c", loop(3))
    assert cache.get("b") is None
    assert cache.get("a") is not None and cache.get("c") is not None
    assert cache.num_bytes == 200


def test_a_loop_larger_than_the_cache_is_not_kept() -> None:
    cache = LoopCache(50)
    cache.put("a", loop(1))
    assert cache.get("a") is None and cache.num_bytes == 0


def test_putting_a_key_again_counts_it_once() -> None:
    cache = LoopCache(1000)
    cache.put("a", loop(1))
    cache.put("a", loop(2, 50))
    assert cache.num_bytes == 50 and len(cache) == 1


def test_a_published_file_counts_only_while_it_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"one")
    published = PublishedFile.of(path)
    assert published is not None and published.is_unchanged()
    path.write_bytes(b"other")
    assert not published.is_unchanged()
    path.unlink()
    assert not published.is_unchanged()
    assert PublishedFile.of(path) is None


def test_the_disk_cache_returns_the_same_loop_after_a_restart(tmp_path: Path) -> None:
    DiskCache(tmp_path, 10_000).put("a", loop(7))
    cache = LoopCache(10_000, DiskCache(tmp_path, 10_000))
    entry = cache.get("a")
    assert entry is not None and entry.loop == loop(7)
    assert entry.published is None


def test_the_disk_cache_stays_within_its_bytes(tmp_path: Path) -> None:
    disk = DiskCache(tmp_path, 2000)
    for fill in range(10):
        disk.put(f"k{fill}", loop(fill, 400))
    assert disk.num_bytes <= 2000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == disk.num_bytes
    assert disk.get("k9") is not None and disk.get("k0") is None
    smaller = DiskCache(tmp_path, 700)
    assert smaller.num_bytes <= 700


@pytest.mark.parametrize("damage", [b"", b"no header", b"{}\nwav", b'{"wav": 1}\n', b"[1]\nx", b'"x"\nx'])
def test_a_damaged_entry_counts_as_missing_and_is_removed(tmp_path: Path, damage: bytes) -> None:
    disk = DiskCache(tmp_path, 10_000)
    disk.put("a", loop(7))
    (tmp_path / "a.loop").write_bytes(damage)
    assert disk.get("a") is None
    assert list(tmp_path.iterdir()) == []


def test_a_changed_wav_is_noticed(tmp_path: Path) -> None:
    disk = DiskCache(tmp_path, 10_000)
    disk.put("a", loop(7))
    path = tmp_path / "a.loop"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert disk.get("a") is None


def test_a_cache_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RenderError, match="cache_folder"):
        DiskCache(tmp_path / "file" / "cache", 100)


def test_a_vanished_cache_folder_costs_no_loop(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    disk = DiskCache(folder, 10_000)
    folder.rmdir()
    disk.put("a", loop(1))
    assert disk.get("a") is None


def test_a_cache_folder_that_has_become_a_file_costs_no_loop(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    disk = DiskCache(folder, 10_000)
    folder.rmdir()
    folder.write_text("in the way")
    disk.put("a", loop(1))
    assert disk.get("a") is None


def test_what_a_killed_daemon_was_writing_is_swept_at_start(tmp_path: Path) -> None:
    (tmp_path / "a.4711.part").write_bytes(b"half a loop")
    DiskCache(tmp_path, 10_000)
    assert list(tmp_path.iterdir()) == []
