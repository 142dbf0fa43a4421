"""The colouring service: weights that are loaded once, and the work that photos and films ask for. Everything goes through
``colorize_files``, the engine of the command line, so results and sentences are the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

from colorize.base import WeightsError
from colorize.batch import RESULT_SUFFIX, FileOptions, Job, Outcome, colorize_files, result_suffix
from colorize.engine import Colorizer
from colorize.film import Progress, probe
from colorize.network import read_manifest, weights_path
from colorize.web.jobs import CancelledJobError, Jobs, WebJob
from colorize.web.requests import ColorSettings, PhotoRequest, VideoRequest
from colorize.web.settings import WebSettings

WEIGHTS_AT_ONCE = 2  # kept loaded; the one that was not used longest makes room


class ColorizeService:
    """Loads weights once and works off the queue."""

    def __init__(self, settings: WebSettings, default: Colorizer | None = None) -> None:
        """Load the default weights.

        Args:
            settings: Of the process.
            default: Weights that are loaded already, in place of ``settings.weights``.

        Raises:
            WeightsError: They cannot be used.
        """
        self.settings = settings
        self.jobs = Jobs(settings.max_queue, settings.keep_minutes * 60)
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, Colorizer] = OrderedDict()
        try:
            self._loaded[settings.weights] = default or self._load(settings.weights)
        except BaseException:
            self.jobs.close()
            raise

    @property
    def weights(self) -> list[str]:
        """Names of the weights that clients may ask for, the default first: those that are on this machine."""
        names = [name for name, entry in read_manifest().items() if weights_path(entry).is_file()]
        return [self.settings.weights, *(name for name in names if name != self.settings.weights)]

    def colorizer(self, color_settings: ColorSettings) -> Colorizer:
        """Return a Colorizer of color settings.

        Raises:
            WeightsError: The weights are not among ``weights``; a client's word is never taken for a path.
            ValueError: A setting is out of range.
        """
        if color_settings.weights not in self.weights:
            raise WeightsError(f"{color_settings.weights}: no such weights here; choose {' or '.join(self.weights)}")
        with self._lock:
            if color_settings.weights not in self._loaded:
                while len(self._loaded) >= WEIGHTS_AT_ONCE:
                    self._loaded.popitem(last=False)
                self._loaded[color_settings.weights] = self._load(color_settings.weights)
            self._loaded.move_to_end(color_settings.weights)
            base = self._loaded[color_settings.weights]
        return base.adjusted(
            render_size=color_settings.render_size,
            square=color_settings.square,
            strength=color_settings.strength,
            saturation=color_settings.saturation,
        )

    def photo(self, job: WebJob, source: Path, request: PhotoRequest) -> None:
        """Put a photo into the queue; ``job.result`` will be its coloured file.

        Raises:
            QueueFullError: There is no room.
            ValueError: A color setting is wrong.
        """
        colorizer = self.colorizer(request.color_settings)
        target = job.folder / "out" / f"{source.stem}{RESULT_SUFFIX}{result_suffix(source, request.suffix)}"
        options = FileOptions(
            force=request.force,
            ai_label=request.ai_label,
            quality=request.quality,
            hints=request.hints,
            candidates=request.candidates,
            seed=request.seed,
        )

        def work(job: WebJob) -> Outcome:
            return self._color(job, colorizer, Job(source, target), options)

        self.jobs.submit(job, work)

    def video(self, job: WebJob, source: Path, request: VideoRequest) -> None:
        """Put a film, or its contact sheet, into the queue; ``job.result`` will be the file.

        Raises:
            QueueFullError: There is no room.
            ValueError: A color setting is wrong.
        """
        colorizer = self.colorizer(request.color_settings)
        suffix = request.suffix if request.preview is None else ".jpg"
        target = job.folder / "out" / f"{source.stem}{RESULT_SUFFIX}{suffix}"
        options = FileOptions(force=request.force, video=request.options, preview=request.preview, cancel=job.cancel)

        def follow(path: Path, progress: Progress) -> None:
            job.progress = progress
            self.jobs.give_way(job)

        def work(job: WebJob) -> Outcome:
            fault = self._too_large(source)
            if fault:
                return Outcome(source, "failed", fault, ValueError(fault))
            return self._color(job, colorizer, Job(source, target), replace(options, progress=follow))

        self.jobs.submit(job, work)

    def close(self) -> None:
        """Cancel what is at work and delete every folder."""
        self.jobs.close()

    def _color(self, job: WebJob, colorizer: Colorizer, entry: Job, options: FileOptions) -> Outcome:
        outcome = next(colorize_files(colorizer, [entry], options), None)
        if outcome is None:  # it was cancelled before it began
            raise CancelledJobError
        if entry.target.exists():
            job.result = entry.target
        notes = tuple(job.words(note) for note in outcome.notes)
        return replace(outcome, message=job.words(outcome.message), notes=notes)

    def _too_large(self, source: Path) -> str:
        """Return why a film is refused whose frames are larger than photos may be; empty: it is not."""
        try:
            height, width = probe(source).size
        except (OSError, ValueError):
            return ""  # the work meets the same error, and reports it
        if height * width <= self.settings.max_megapixels * 1e6:
            return ""
        most = f"{self.settings.max_megapixels:g} megapixels"
        return f"{source.name}: frames of {width} x {height} pixels where at most {most} are taken; reduce it first"

    def _load(self, name: str) -> Colorizer:
        return Colorizer(name, device=self.settings.device, threads=self.settings.threads)
