"""A worker's part of a run: a process that has loaded the weights, and colours the batches and scenes it is given."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from colorize.batch.files import colorize_files
from colorize.batch.jobs import Job, Outcome
from colorize.batch.options import FileOptions, RunOptions
from colorize.batch.process import configure_process
from colorize.batch.worker_guard import memory_share, start_guard, worker_name
from colorize.engine import Colorizer, ColorSettings, RuntimeSettings
from colorize.film import SceneRange, color_scene


@dataclass(frozen=True)
class Place:
    """Where a run is at home.

    Attributes:
        current: The driver's current folder, at which relative paths begin.
        folder: For what driver and workers tell each other.
    """

    current: Path
    folder: Path


class PhotoWorker:
    """A process that has loaded the weights; Ray makes actors of it."""

    def __init__(
        self, runtime: RuntimeSettings, colors: ColorSettings, options: FileOptions, run: RunOptions, place: Place
    ) -> None:
        """Load the weights.

        Args:
            runtime: What runs the network.
            colors: How it colours.
            options: Those of the files.
            run: Its limits.
            place: Where the run is at home.
        """
        with contextlib.suppress(OSError):  # then all paths are absolute, or the check of the machines had failed
            os.chdir(place.current)
        configure_process(runtime)
        cancel = threading.Event()
        start_guard(place.folder, run.memory_limit or memory_share(run.cpus_per_worker), cancel)
        self._options = replace(options, cancel=cancel)
        self._colorizer = Colorizer(
            runtime.weights, colors, device=runtime.device, threads=runtime.threads, runtime=runtime.runtime
        )

    def identify(self, node: Callable[[], str]) -> tuple[str, str]:
        """Return the worker's name and that of its node, as a function says it there."""
        return worker_name(), node()

    def color_scene(self, job: Job, scene: SceneRange) -> bool:
        """Colour a scene of a film into its own segment store; return whether it is whole."""
        video = self._options.video
        return color_scene(job.source, job.target, scene, self._colorizer, video, self._options.cancel)

    def color(self, jobs: list[Job]) -> Iterator[tuple[Outcome, float]]:
        """Colour files, and yield the outcome of each, in order, with the seconds since the one before."""
        former = time.monotonic()
        for outcome in colorize_files(self._colorizer, jobs, self._options):
            now = time.monotonic()
            yield outcome.portable(), now - former
            former = now
