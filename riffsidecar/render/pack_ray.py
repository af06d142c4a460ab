"""Make the loops of a pack on many machines through Ray (Apache-2.0), which is loaded only here.

Each Ray actor owns a worker process as the local pool does, so that what decides the samples is the same: the
threads, the environment, the build. An actor that is lost with its machine costs the loop that it was making.
Actors come to work as the cluster finds room for them; nobody waits for one while another is there.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from riffsidecar.errors import RiffError, WorkerError
from riffsidecar.render.messages import Ready, RenderedLoop, error_from_code
from riffsidecar.render.pack_ledger import Job
from riffsidecar.render.pack_pool import MAX_ATTEMPTS, Done, check_same
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.requests import LoopRequest

__all__ = ["RayPool", "RemoteWorker", "ray_address"]

logger = logging.getLogger(__name__)

_SCHEME: Final = "ray://"
_PATIENCE_S: Final = 30.0
"""How long no worker may be there before that is told."""

_CONNECT_ATTEMPTS: Final = 3
_INSTALL: Final = "install it with: pip install 'riffsidecar[ray]'"


def ray_address(written: str) -> str:
    """Return the address that Ray is given.

    Raises:
        WorkerError: it is none.

    >>> ray_address("ray://10.0.0.1:10001"), ray_address("ray://auto"), ray_address("ray://local")
    ('ray://10.0.0.1:10001', 'auto', 'local')
    """
    host = written.removeprefix(_SCHEME)
    if not written.startswith(_SCHEME) or not host or any(letter.isspace() for letter in host):
        raise WorkerError(
            f"--on is {written[:64]!r}, but must be ray://HOST:PORT, ray://auto for the cluster of this "
            "machine, or ray://local for one of its own"
        )
    return host if host in ("auto", "local") else written


class RemoteWorker:
    """Own a worker process on whatever machine Ray puts this on; errors go back as values."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Prepare the worker."""
        self._worker = RenderWorker(settings)

    def start(self) -> Ready | tuple[str, str]:
        """Load the model; an error comes back as its code and its text."""
        try:
            return self._worker.start()
        except RiffError as error:
            return error.code, str(error)

    def render(self, job_id: int, request: LoopRequest) -> RenderedLoop | tuple[str, str]:
        """Make a loop; an error comes back as its code and its text."""
        try:
            self._worker.start()
            return self._worker.render(job_id, request)
        except RiffError as error:
            return error.code, str(error)

    def close(self) -> None:
        """End the worker process."""
        self._worker.close()


class RayPool:
    """Run workers as actors of a Ray cluster."""

    def __init__(self, address: str, settings: WorkerSettings, workers: int) -> None:
        """Connect to the cluster at ``address``, as `ray_address` reads it.

        Raises:
            WorkerError: Ray is not installed, or there is no cluster.
        """
        self._address = ray_address(address)
        self._ray = _load_ray()
        # Ray has its workers wait behind others already.
        self._settings, self._size = replace(settings, nice=0), workers
        self._actors: list[Any] = []
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._waiting: list[tuple[Job, int]] = []
        self._running: dict[Any, tuple[Job, int, Any]] = {}
        self._ready: Ready | None = None
        self._connect(address)

    def _connect(self, address: str) -> None:
        for attempt in range(1, _CONNECT_ATTEMPTS + 1):
            try:
                self._ray.init(address=self._address, log_to_driver=False, **_of_its_own(self._address))
                return
            except Exception as error:
                # The head forks a server for each client while its other threads call gRPC, and such a
                # fork now and then dies at once; the head itself is well, and the next one lives.
                if isinstance(error, ConnectionAbortedError) and attempt < _CONNECT_ATTEMPTS:
                    logger.warning("the Ray cluster at %s gave no server, asking again: %s", address, error)
                    continue
                raise WorkerError(
                    f"the Ray cluster at {address} cannot be reached: {type(error).__name__}: {error}; start "
                    "it with 'ray start --head --ray-client-server-port PORT', and use the same versions of "
                    "Python and Ray on both sides"
                ) from error

    @property
    def size(self) -> int:
        """How many loops are made at a time."""
        return self._size

    def start(self) -> Ready:
        """Start the actors, and wait for the first; each that follows has to be of the same build.

        Raises:
            RiffError: none can load the model, or one differs from the others.
        """
        for _ in range(self._size):
            self._start_one()
        while self._ready is None:
            self._join(self._next_ended())
        return self._ready

    def submit(self, job: Job) -> None:
        """Ask for a loop."""
        self._waiting.append((job, 1))
        self._dispatch()

    def next_done(self) -> Done:
        """Wait for the next job that has ended; a lost actor gets a successor, its loop the next.

        Raises:
            RiffError: no worker is left, or one differs from the others.
        """
        while True:
            self._dispatch()
            ended = self._next_ended()
            if ended in self._starting:
                self._join(ended)
                continue
            job, attempt, actor = self._running.pop(ended)
            try:
                answer = self._ray.get(ended)
            except self._ray.exceptions.RayError as error:
                logger.warning("an actor was lost with cell %d, try %d: %s", job.cell, job.number, error)
                if attempt >= MAX_ATTEMPTS:
                    return Done(job, None, WorkerError(f"a worker of the Ray cluster was lost: {error}"))
                self._actors.remove(actor)
                self._start_one()
                self._waiting.insert(0, (job, attempt + 1))
                continue
            self._idle.append(actor)
            if isinstance(answer, RenderedLoop):
                return Done(job, answer)
            problem = error_from_code(*answer)
            if isinstance(problem, WorkerError) and attempt < MAX_ATTEMPTS:
                self._waiting.insert(0, (job, attempt + 1))
                continue
            return Done(job, None, problem)

    def close(self) -> None:
        """End the actors and leave the cluster; closing twice is closing once."""
        actors, self._actors = self._actors, []
        for actor in actors:
            # Its worker process ends by itself when it sees that its owner is gone.
            self._ray.kill(actor)
        self._ray.shutdown()

    def _new_actor(self) -> Any:
        remote = self._ray.remote(num_cpus=self._settings.resolved_threads)(RemoteWorker)
        return remote.remote(self._settings)

    def _start_one(self) -> None:
        actor = self._new_actor()
        self._actors.append(actor)
        self._starting[actor.start.remote()] = actor

    def _next_ended(self) -> Any:
        """Wait for a loop that is made, or an actor that has started."""
        while True:
            ended, _ = self._ray.wait([*self._running, *self._starting], num_returns=1, timeout=_PATIENCE_S)
            if ended:
                return ended[0]
            if not self._running:
                logger.warning(
                    "the Ray cluster has no worker yet; each takes %d of its CPUs",
                    self._settings.resolved_threads,
                )

    def _join(self, started: Any) -> None:
        """Take an actor that has started to work; one that cannot is left out while there are others."""
        actor = self._starting.pop(started)
        try:
            told = self._ray.get(started)
        except self._ray.exceptions.RayError as error:
            problem: RiffError = WorkerError(f"a worker of the Ray cluster cannot be started: {error}")
        else:
            if isinstance(told, Ready):
                self._ready = self._ready or told
                check_same(self._ready, told, "Ray")
                self._idle.append(actor)
                return
            problem = error_from_code(*told)
        self._actors.remove(actor)
        if not self._actors:
            raise problem
        logger.warning("a worker of the Ray cluster is left out: %s", problem)

    def _dispatch(self) -> None:
        while self._idle and self._waiting:
            actor, (job, attempt) = self._idle.pop(0), self._waiting.pop(0)
            self._running[actor.render.remote(job.cell, job.request)] = (job, attempt, actor)


def _of_its_own(address: str) -> dict[str, Any]:
    """Return how a cluster is started for one run: without web pages, and not behind everything else."""
    if address != "local":
        return {}
    return {"include_dashboard": False, "_system_config": {"worker_niceness": 0}}


def _load_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise WorkerError(
            f"--on ray://... needs Ray, which cannot be loaded ({error}); {_INSTALL}"
        ) from error
    return ray
