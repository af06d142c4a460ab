"""Packs through Ray: on a cluster of their own, and on a head that is reached over its port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support_packs import SETTINGS, InlinePool, made, recipe, tree

from riffsidecar.errors import WorkerError
from riffsidecar.render.pack_ray import RayPool, ray_address
from riffsidecar.render.pack_store import PackStore
from riffsidecar.render.packs import PackMade, PackProgress, make_pack, pack_path


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PackMade]:
    """A pack that was made in this process."""
    folder = tmp_path_factory.mktemp("alone")
    done, _ = made(folder, InlinePool())
    return folder, done


@pytest.mark.parametrize("written", ["10.0.0.1", "ray://", "http://x", "ray://a b"])
def test_an_address_that_is_none_is_told_what_one_is(written: str) -> None:
    with pytest.raises(WorkerError, match="ray://HOST:PORT"):
        ray_address(written)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(WorkerError, match=r"riffsidecar\[ray\]"):
        RayPool("ray://local", SETTINGS, 1)


def ray_is_wanted() -> bool:
    if os.environ.get("RIFFSIDECAR_REQUIRE_CLIENTS"):
        return True
    from importlib.util import find_spec

    return find_spec("ray") is not None


needs_ray = pytest.mark.skipif(
    not ray_is_wanted(), reason="Ray is not installed; pip install 'riffsidecar[ray]'"
)


@pytest.fixture
def quiet_ray(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let workers of a cluster find the double, and ask nobody for a token."""
    tests, root = Path(__file__).parent.parent, Path(__file__).parent.parent.parent
    monkeypatch.setenv("PYTHONPATH", f"{tests}{os.pathsep}{root}")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RIFF_TEST_DIED", str(tmp_path / "died"))


@pytest.fixture
def head(quiet_ray: None) -> Iterator[str]:
    """A Ray head of its own process group that other machines could reach; gives its address."""
    gcs, client = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        # Ray's sockets need a short path, and its own ports lie from 10002 to 19999.
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
                *("--port", str(gcs), "--ray-client-server-port", str(client), "--num-cpus", "2"),
                *("--include-dashboard=false", "--disable-usage-stats", "--temp-dir", folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield f"ray://127.0.0.1:{client}"
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    """Return a port beyond those that Ray gives to its workers."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port > 20_000:
            return port


@needs_ray
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("quiet_ray")
def test_a_ray_cluster_makes_the_same_pack_and_a_lost_actor_costs_only_its_loop(
    alone: tuple[Path, PackMade], tmp_path: Path
) -> None:
    check_cluster("ray://local", alone, tmp_path)


@needs_ray
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("quiet_ray")
def test_a_cluster_without_room_for_every_worker_is_used_as_far_as_it_goes(
    alone: tuple[Path, PackMade], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a lost actor, for whose successor there is no room, hold up the others."""
    monkeypatch.setattr(
        "riffsidecar.render.pack_ray._of_its_own",
        lambda address: {"include_dashboard": False, "num_cpus": 2},
    )
    check_cluster("ray://local", alone, tmp_path, workers=3)


@needs_ray
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_a_ray_head_that_is_reached_over_its_port_makes_the_same_pack(
    head: str, alone: tuple[Path, PackMade], tmp_path: Path
) -> None:
    """Starts a whole cluster: a minute and a half on two cores."""
    check_cluster(head, alone, tmp_path)


@needs_ray
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("quiet_ray")
def test_a_head_that_is_not_there_is_told_with_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.util.client.worker.INITIAL_TIMEOUT_SEC", 1)
    monkeypatch.setattr("ray.util.client.worker.CONNECT_RETRIES", 1, raising=False)
    with pytest.raises(WorkerError, match=r"127\.0\.0\.1:1 cannot be reached.*--ray-client-server-port"):
        RayPool("ray://127.0.0.1:1", SETTINGS, 1)


@pytest.mark.parametrize("failures", [2, 3])
def test_a_server_that_dies_as_the_head_forks_it_is_asked_for_again(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [ConnectionAbortedError("Starting Ray client server failed.")] * failures

    def init(**_: object) -> None:
        if left:
            raise left.pop()

    monkeypatch.setattr("riffsidecar.render.pack_ray._load_ray", lambda: SimpleNamespace(init=init))
    if failures < 3:
        assert RayPool("ray://10.0.0.1:10001", SETTINGS, 1).size == 1
    else:
        with pytest.raises(WorkerError, match="server failed"):
            RayPool("ray://10.0.0.1:10001", SETTINGS, 1)
    assert not left


def check_cluster(address: str, alone: tuple[Path, PackMade], folder: Path, workers: int = 2) -> None:
    """Make the pack on a cluster, kill one of its actors meanwhile, and compare every byte."""
    pool = RayPool(address, SETTINGS, workers)
    what = recipe()
    place = pack_path(what, folder)
    killed: list[object] = []

    def kill_one(progress: PackProgress) -> None:
        if progress.made == 3 and not killed:
            actor = next(iter(pool._running.values()))[2]
            killed.append(actor)
            pool._ray.kill(actor)

    try:
        ready = pool.start()
        done = make_pack(what, PackStore(place), place, pool, ready, on_progress=kill_one)
    finally:
        pool.close()
    assert killed and done.loops == what.size
    assert done.made == alone[1].made, "what the lost actor had made before it was lost stays"
    assert tree(done.folder) == tree(alone[1].folder)
