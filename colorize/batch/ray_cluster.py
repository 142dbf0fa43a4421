"""Workers on one machine or many, by Ray: the only module that imports it.

A worker is an actor (``PhotoWorker``) that loads the weights once. What ends its process, or keeps it busy beyond the
limit, is found by elimination: the files of its batch that had not ended are tried once more, each alone, and one that
does it again is set aside.
"""

# pyright: reportMissingImports=false
# Ray is an extra that the environment of the checks need not have.
from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from colorize.base import VideoError, available_cpus
from colorize.batch.jobs import Job, Outcome
from colorize.batch.journaled_run import Finished, Workforce, hash_weights
from colorize.batch.machine_check import ClusterError, check_address, check_machine, machine_probe
from colorize.batch.names import reference_beside
from colorize.batch.options import FileOptions, RunOptions
from colorize.batch.photo_batches import Attempt, ComingPhotos
from colorize.batch.photo_worker import PhotoWorker, Place
from colorize.batch.worker_guard import STOP_NAME
from colorize.engine import Colorizer, ColorSettings, RuntimeSettings
from colorize.film import SceneRange, names_frames
from colorize.network import name_foreign_graph

BATCHES_A_WORKER = 2  # one at work, one that waits
MAX_TRIES = 2
START_SECONDS = 300.0  # within which the first worker is ready
POLL_SECONDS = 1.0
STOP_SECONDS = 20.0  # that workers have to finish what they write
NODE_SECONDS = 3.0  # in which Ray learns that a machine is gone
MAX_FAILED_STARTS = 3  # of workers, before one is ready
LOCAL, AUTO = "local", "auto"
WORKERS = "workers-"  # begins the name of a run's folder beside its journal


@dataclass(eq=False)
class Batch:
    """Files that are with a worker.

    Attributes:
        results: Ray's generator of what becomes of them, in order.
        attempts: Those that have not ended.
    """

    results: Any
    attempts: deque[Attempt]


@dataclass(eq=False)
class Worker:
    """A worker as the driver sees it.

    Attributes:
        actor: Ray's handle.
        ready: Ray's reference to its name and node, which are known once it has loaded the weights.
        name: Of its machine and process; empty: it is not ready.
        node: Ray's name of its machine.
        batches: What it has, the one at work first.
        since: When it last gave a sign of life, in seconds of ``time.monotonic``.
    """

    actor: Any
    ready: Any
    name: str = ""
    node: str = ""
    batches: deque[Batch] = field(default_factory=deque)
    since: float = 0.0


def check_ray() -> None:
    """Check that Ray is installed, without importing it.

    Raises:
        ImportError: It is not.
    """
    import importlib.util

    if importlib.util.find_spec("ray") is None:
        raise ImportError("--ray needs Ray: pip install 'colorize-photos[ray]'")


def _node_name() -> str:
    """Return Ray's name of the machine on which this is called."""
    import ray

    return ray.get_runtime_context().get_node_id()


def ray_workforce(
    runtime: RuntimeSettings,
    colors: ColorSettings,
    options: FileOptions,
    run: RunOptions,
    folder: Path,
    sample: Job | None,
) -> Workforce:
    """Return workers on a cluster, which is joined and found good.

    Args:
        runtime: What runs the network in each.
        colors: How they colour.
        options: Those of the files.
        run: Where they are, how many, and their limits.
        folder: That of the journal, which all machines see.
        sample: One of the files, which all machines see; None: there is none.

    Raises:
        ImportError: Ray is not installed.
        ClusterError: The cluster does not answer, or a machine of it cannot do the work.
    """
    _connect(run)
    try:
        _check_nodes(runtime, folder, sample)
        cluster = _Cluster(
            replace(runtime, threads=runtime.threads or run.cpus_per_worker), colors, options, run, folder
        )
    except BaseException:
        disconnect()
        raise
    return cluster.work


def disconnect() -> None:
    """Leave the cluster; a local one ends."""
    import ray

    ray.shutdown()


def _connect(run: RunOptions) -> None:
    """Start Ray on this machine, or join a cluster.

    Raises:
        ClusterError: It does not answer, or does not take us.
    """
    address = run.ray or LOCAL
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own 15 starves workers on a busy machine
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "(?s).*")  # else a machine that dies fills the driver's output
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray 2.60 warns about otherwise
    named = os.environ.get("RAY_ADDRESS") if address == AUTO else address
    if named and named not in (LOCAL, AUTO):
        check_address(address, named)
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    try:
        if address == LOCAL:
            processors = max(available_cpus(), (run.workers or 1) * run.cpus_per_worker)
            ray.init(address="local", num_cpus=processors, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except Exception as error:  # where its processes do not start in time, Ray raises just that
        line = " ".join(str(error).split())[:200]
        problem = "Ray did not start on this machine" if address == LOCAL else "no cluster that can be joined"
        raise ClusterError(f"--ray {address}: {problem} ({line}); try again, or leave --ray out") from error


def _check_nodes(runtime: RuntimeSettings, folder: Path, sample: Job | None) -> None:
    """Check on each machine what the work needs.

    Raises:
        ClusterError: One lacks it.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    weights = hash_weights(runtime.weights)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    token = folder / f"cluster-{uuid.uuid4().hex}"
    folder.mkdir(parents=True, exist_ok=True)
    token.write_bytes(b"")
    try:
        probe = ray.remote(num_cpus=0, max_retries=1)(machine_probe())
        absolute = None if sample is None else str(sample.source.absolute())
        pending = {}
        for node in nodes:
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            args = (runtime.weights, runtime.runtime, str(token.absolute()), absolute, os.getcwd())
            pending[probe.options(scheduling_strategy=where).remote(*args)] = node["NodeManagerAddress"]
        for reference, address in pending.items():
            try:
                found = ray.get(reference, timeout=START_SECONDS)
            except ray.exceptions.RayError as error:
                raise ClusterError(f"{address}: cannot be asked ({' '.join(str(error).split())[:200]})") from error
            check_machine(address, found, weights, runtime, folder, sample)
        name_foreign_graph(runtime.weights, runtime.runtime, runtime.device)  # what workers say is not heard here
    finally:
        for path in folder.glob(f"{token.name}*"):
            path.unlink(missing_ok=True)


class _Cluster:
    """The workers of a run, and what each of them has to do."""

    def __init__(
        self, runtime: RuntimeSettings, colors: ColorSettings, options: FileOptions, run: RunOptions, folder: Path
    ) -> None:
        """Start workers; they load the weights while the driver goes on.

        Args:
            runtime: What runs the network in each.
            colors: How they colour.
            options: Those of the files.
            run: How many workers there are, and their limits.
            folder: That of the journal.
        """
        import ray

        self._ray = ray
        self._run = run
        for former in folder.glob(f"{WORKERS}*"):  # of drivers that were killed
            shutil.rmtree(former, ignore_errors=True)
        self._place = Place(Path.cwd(), folder.absolute() / f"{WORKERS}{uuid.uuid4().hex[:12]}")
        self._place.folder.mkdir(parents=True)
        self._runtime, self._colors, self._options = runtime, colors, options
        self._colorizer: Colorizer | None = None  # which finds the scenes of films
        self._arguments = runtime, colors, replace(options, progress=None, cancel=None), run, self._place
        gpus = int(runtime.device == "cuda")
        # pyright does not see what Ray makes of a class
        actors: Any = ray.remote(num_cpus=run.cpus_per_worker, num_gpus=gpus, max_restarts=0)(PhotoWorker)
        self._actors = actors
        self._workers: list[Worker] = []
        self._again: deque[Attempt] = deque()  # to be tried alone
        self._returned: deque[Attempt] = deque()  # of workers that were lost before they began them
        self._set_aside: deque[Finished] = deque()
        self._failed_starts = 0
        for _ in range(run.workers or self._room(gpus)):
            self._start_worker()

    def _room(self, gpus: int) -> int:
        """Return how many workers the machines that are there have room for."""
        there = self._ray.cluster_resources()
        rooms = [there.get("CPU", 0) // self._run.cpus_per_worker]
        if gpus:
            rooms.append(there.get("GPU", 0))
        if not (count := int(min(rooms))):
            what = (
                "no graphics card" if gpus and rooms[0] else f"no machine with {self._run.cpus_per_worker} processors"
            )
            raise ClusterError(f"--ray: the cluster has {what} free for a worker; give --workers to wait for one")
        return count

    def work(self, jobs: Iterator[Job]) -> Generator[Finished, None, None]:
        """Colour jobs; see ``Workforce``."""
        coming = ComingPhotos(jobs, self._options)
        try:
            while True:
                try:
                    self._hand_out(coming)
                    while self._set_aside:
                        yield self._set_aside.popleft()
                    if any(worker.batches for worker in self._workers) or self._again or self._returned or coming:
                        yield from self._collect()
                    elif coming.films:
                        yield self._color_film(coming.films.popleft())
                    elif not self._set_aside:
                        return
                except KeyboardInterrupt:
                    yield from self._stop()
                    raise
        finally:
            (self._place.folder / STOP_NAME).touch()
            for worker in self._workers:
                self._ray.kill(worker.actor)
            shutil.rmtree(self._place.folder, ignore_errors=True)
            disconnect()

    def _start_worker(self) -> None:
        actor = self._actors.remote(*self._arguments)
        self._workers.append(Worker(actor, actor.identify.remote(_node_name)))

    def _hand_out(self, coming: ComingPhotos) -> None:
        """Give workers that are ready what they have room for: first each one batch, then each another."""
        for count in range(BATCHES_A_WORKER):
            for worker in self._workers:
                if worker.name and len(worker.batches) <= count and (attempts := self._next_batch(coming)):
                    jobs = [attempt.job for attempt in attempts]
                    results = worker.actor.color.options(num_returns="streaming").remote(jobs)
                    if not worker.batches:
                        worker.since = time.monotonic()
                    worker.batches.append(Batch(results, deque(attempts)))

    def _next_batch(self, coming: ComingPhotos) -> list[Attempt]:
        """Return the next files for a worker; none: there are none."""
        if self._again:
            return [self._again.popleft().clear()]
        if self._returned:
            return [self._returned.popleft().clear()]
        return coming.batch()

    def _collect(self) -> Iterator[Finished]:
        """Wait for the next sign of life, yield what has ended, and look after workers that are lost or hang."""
        waiting: dict[Any, Worker] = {worker.batches[0].results: worker for worker in self._workers if worker.batches}
        starting: dict[Any, Worker] = {worker.ready: worker for worker in self._workers if not worker.name}
        ready, _ = self._ray.wait([*waiting, *starting], num_returns=1, timeout=POLL_SECONDS, fetch_local=True)
        for reference in ready:
            if reference in starting:
                self._accept(starting[reference])
            else:
                yield from self._take_result(waiting[reference])
        now = time.monotonic()
        for worker in [worker for worker in self._workers if worker.batches]:
            if now - worker.since > self._run.time_limit:
                self._lose(worker, f"took more than {self._run.time_limit:g} seconds (--time-limit)")

    def _accept(self, worker: Worker) -> None:
        """Take up a worker that is ready, or replace one that cannot start."""
        try:
            worker.name, worker.node = self._ray.get(worker.ready)
            self._failed_starts = 0
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                line = " ".join(str(error).split())[-300:]
                raise ClusterError(f"--ray: workers cannot start ({line})") from error
            self._workers.remove(worker)
            self._start_worker()

    def _take_result(self, worker: Worker) -> Iterator[Finished]:
        """Yield the file that a worker has ended, or look after it where it has ended itself."""
        batch = worker.batches[0]
        try:
            outcome, seconds = self._ray.get(next(batch.results))
        except StopIteration:
            worker.batches.popleft()
            worker.since = time.monotonic()
            self._returned.extend(batch.attempts)  # of a worker that was told to stop
        except self._ray.exceptions.RayTaskError as error:
            worker.batches.popleft()
            self._suspect(batch, f"ended with {' '.join(str(error.cause).split())[:200]}", worker.name)
        except self._ray.exceptions.RayError:
            over_memory = self._place.folder / worker.name
            reason = "ended its worker's process"
            if over_memory.exists():
                reason = "took more memory than a worker may (--memory-limit)"
            self._lose(worker, reason)
        else:
            worker.since = time.monotonic()
            yield Finished(batch.attempts.popleft().job, outcome, seconds, worker.name)

    def _lose(self, worker: Worker, reason: str) -> None:
        """Let go of a worker, and start another one; whoever was not at work is no suspect, nor is a dead machine's."""
        self._replace(worker)
        at_work, *others = worker.batches
        for batch in others:
            self._returned.extend(batch.attempts)
        if self._is_alive(worker.node):
            self._suspect(at_work, reason, worker.name)
        else:
            self._returned.extend(at_work.attempts)

    def _is_alive(self, node: str) -> bool:
        """Return whether a machine is there; it is asked for some seconds, for Ray learns it late."""
        end = time.monotonic() + NODE_SECONDS
        while time.monotonic() < end:
            if not any(each["Alive"] for each in self._ray.nodes() if each["NodeID"] == node):
                return False
            time.sleep(NODE_SECONDS / 10)
        return True

    def _suspect(self, batch: Batch, reason: str, name: str) -> None:
        """Try the files of a batch that have not ended once more, each alone, or set aside what did it again."""
        for attempt in batch.attempts:
            attempt.tries += 1
            if attempt.tries < MAX_TRIES:
                self._again.append(attempt)
                continue
            source = attempt.job.source
            line = f"{source}: set aside: {reason}, twice"
            self._set_aside.append(Finished(attempt.job, Outcome(source, "failed", line), 0.0, name))

    def _color_film(self, job: Job) -> Finished:
        """Colour a film on all workers, scene by scene."""
        from colorize.batch.video_job import color_video  # brings PyAV, which photographs do without

        if self._colorizer is None:
            self._colorizer = Colorizer(
                self._runtime.weights, self._colors, device=self._runtime.device, runtime=self._runtime.runtime
            )
        begin = time.monotonic()
        outcome = color_video(self._colorizer, job, self._options, partial(self._spread, job))
        has_references = bool(self._options.video.references) or reference_beside(job.source) is not None
        if (names_frames(job.source) or has_references) and outcome.status == "done":  # a row of a list, or of a folder
            what = "films with references" if has_references else "numbered frames"
            line = f"{job.source}: {what} are not spread, so the driver coloured it by itself"
            outcome = replace(outcome, notes=(*outcome.notes, line))
        return Finished(job, outcome, time.monotonic() - begin)

    def _spread(self, job: Job, scenes: Sequence[SceneRange]) -> Iterator[SceneRange]:
        """Let workers colour the scenes of a film, the longest first, and yield them as they are done.

        Raises:
            VideoError: A scene cannot be coloured, or has ended its worker twice.
        """
        waiting = deque((scene, 0) for scene in sorted(scenes, key=lambda scene: scene.first - scene.end))
        busy: dict[Any, tuple[Worker, SceneRange, int]] = {}
        cancel = self._options.cancel
        while busy or waiting:
            if cancel is not None and cancel.is_set():
                (self._place.folder / STOP_NAME).touch()
                waiting.clear()
            taken = [worker for worker, _, _ in busy.values()]
            for worker in self._workers:
                if worker.name and worker not in taken and waiting:
                    scene, tries = waiting.popleft()
                    busy[worker.actor.color_scene.remote(job, scene)] = worker, scene, tries
            starting = {worker.ready: worker for worker in self._workers if not worker.name}
            ready, _ = self._ray.wait([*busy, *starting], num_returns=1, timeout=POLL_SECONDS)
            for reference in ready:
                if reference in starting:
                    self._accept(starting[reference])
                    continue
                worker, scene, tries = busy.pop(reference)
                try:
                    if self._ray.get(reference):
                        yield scene
                except self._ray.exceptions.RayTaskError as error:
                    raise VideoError(f"{job.source}: {' '.join(str(error.cause).split())}") from error
                except self._ray.exceptions.RayError as error:
                    self._replace(worker)
                    tries += self._is_alive(worker.node)
                    if tries >= MAX_TRIES:
                        where = f"the scene from frame {scene.first} on"
                        raise VideoError(f"{job.source}: {where} has ended its worker's process twice") from error
                    waiting.append((scene, tries))

    def _replace(self, worker: Worker) -> None:
        """Start another worker in place of one that is lost."""
        self._ray.kill(worker.actor)
        self._workers.remove(worker)
        self._start_worker()

    def _stop(self) -> Iterator[Finished]:
        """Tell the workers to stop, and yield what they still bring to an end."""
        (self._place.folder / STOP_NAME).touch()
        end = time.monotonic() + STOP_SECONDS
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C
            while any(worker.batches for worker in self._workers) and time.monotonic() < end:
                yield from self._collect()
