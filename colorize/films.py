"""A film in colour: its parts that outlive a stop, and their joining."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import torch

import colorize
from colorize.colorizer import Colorizer
from colorize.containers import Container
from colorize.encoder import EncoderSettings
from colorize.errors import FilmError
from colorize.faults import clock, fault_lines
from colorize.film_options import FilmOptions, FilmResult, FilmStopped, Progress
from colorize.joiner import write_film
from colorize.parts import Parts
from colorize.pipeline import Work, color_parts
from colorize.streams import Plan
from colorize.target import container_of, picture_format
from colorize.temporal import TemporalPainter
from colorize.video import Film, probe
from colorize.weights import sha256

PART_SHARE = 60  # a part is this share of the film,
PART_SECONDS = 1, 10  # but at least and at most so long


def colorize_video(
    path: Path | str,
    out: Path | str,
    *,
    colorizer: Colorizer | None = None,
    options: FilmOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> FilmResult:
    """Colour a film; all its other streams are copied.

    The work is done in parts, which lie in a folder beside the result until it is whole: after a stop, however hard,
    the same call goes on where it was, with the same result.

    Args:
        path: The film.
        out: The result; its suffix chooses the container.
        colorizer: None: with the released weights.
        options: How.
        progress: Called from another thread after each frame.
        cancel: When set, the part at work is finished and ``FilmStopped`` raised.

    Raises:
        FileNotFoundError: There is no such film.
        FileExistsError: There is such a result, and ``overwrite`` is off.
        FilmError: The film cannot be read, or not be written in this way.
        FilmStopped: ``cancel`` was set.
        OSError: The disk is full or refuses.
    """
    path, out = Path(path), Path(out)
    options = options or FilmOptions()
    container, settings = _check(path, out, options)
    film = probe(path)
    run = _Run(film, out, container, settings, colorizer or Colorizer(), options)
    return run.color(progress or (lambda _: None), cancel or threading.Event())


def _check(path: Path, out: Path, options: FilmOptions) -> tuple[Container, EncoderSettings]:
    """Check what can be told before any work is done."""
    container, codec = container_of(out, options.codec)
    if out.exists() and path.exists() and os.path.samefile(path, out):
        raise FilmError(f"{path}: the result would replace the film itself; give another -o")
    if out.exists() and not options.overwrite:
        raise FileExistsError(f"{out}: exists already; --overwrite replaces it")
    if options.end is not None and options.end <= options.start:
        raise FilmError(f"{path}: the end at {options.end:g} s is not after the start at {options.start:g} s")
    settings = EncoderSettings(codec, options.crf, options.preset, options.threads)
    settings.check()
    return container, settings


class _Run:
    """One film's way from file to file."""

    def __init__(
        self,
        film: Film,
        out: Path,
        container: Container,
        settings: EncoderSettings,
        colorizer: Colorizer,
        options: FilmOptions,
    ) -> None:
        self._film = film
        self._out = out
        self._container = container
        self._settings = settings
        self._colorizer = colorizer
        self._options = options
        self._parts = Parts(out)
        self._format, self._notes = picture_format(film, settings.codec)
        self._part_frames = self._frames_per_part()

    def color(self, progress: Callable[[Progress], None], cancel: threading.Event) -> FilmResult:
        """Colour what is missing and join it; see ``colorize_video``."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        changed = self._parts.begin(self._manifest())
        if changed:
            self._notes.append(f"{self._film.path}: earlier parts were made with {changed}; starting afresh")
        done = self._frames_done()
        total = self._total()
        progress(Progress(done, total))
        self._color_parts(lambda count: progress(Progress(count, total)), cancel)
        frames = self._frames_done()
        progress(Progress(frames, frames, "joining"))
        cut_off = self._join()
        self._notes += fault_lines(self._film, self._options.span, self._parts.records)
        self._parts.remove()
        return FilmResult(self._out, frames, done, tuple(self._notes), cut_off)

    # --- before the work

    def _frames_per_part(self) -> int:
        least, most = PART_SECONDS
        seconds = min(most, max(least, self._film.duration / PART_SHARE))
        return max(1, round(self._film.rate * Fraction(seconds)))

    def _total(self) -> int:
        span, frames = self._options.span, self._film.frames
        if not span.start and span.end is None:
            return frames
        begin = min(frames, round(span.start * self._film.rate))
        end = frames if span.end is None else min(frames, round(span.end * self._film.rate))
        return max(0, end - begin)

    def _manifest(self) -> dict[str, Any]:
        colorizer, options = self._colorizer, self._options
        return {
            "version": colorize.__version__,
            "film": {"bytes": self._film.path.stat().st_size, "sha256": sha256(self._film.path)},
            "weights": colorizer.fingerprint(),
            "settings": {
                "encoder": asdict(self._settings),
                "span": [str(options.span.start), str(options.span.end)],
                "temporal": asdict(options.temporal),
                "batch_size": options.batch_size,
                "render_size": colorizer.render_size,
                "square": colorizer.square,
                "strength": colorizer.strength,
                "saturation": colorizer.saturation,
                "device": str(colorizer.device),
                "precision": str(colorizer.precision),
                "part_frames": self._part_frames,
            },
            "libraries": {"torch": torch.__version__, "av": av.__version__},
        }

    # --- the work

    def _color_parts(self, tell: Callable[[int], None], cancel: threading.Event) -> None:
        if self._parts.records and self._parts.records[-1].last:
            return  # a joining was interrupted
        work = Work(self._film, self._options.span, self._format, self._settings, self._part_frames)
        painter = TemporalPainter(self._colorizer, self._options.temporal, self._options.batch_size)
        try:
            whole = color_parts(work, self._parts, self._colorizer, painter, tell, cancel)
        finally:
            if not self._parts.records:
                self._parts.remove()  # nothing to go on from
        if not whole:
            raise FilmStopped(self._how_to_go_on())
        if not self._parts.records:
            raise FilmError(self._nothing())

    # --- after it

    def _join(self) -> str | None:
        plan = Plan(self._film, self._options.span, self._format, self._container, self._options.mark)
        unfinished = self._parts.folder / "film.unfinished"
        report = write_film(unfinished, plan, self._parts)
        os.replace(unfinished, self._out)
        self._notes += report.lines
        if report.ended is None:
            return None
        return (
            f"{self._film.path}: cut off: it ends at {clock(report.ended)} of {clock(self._film.duration)}; "
            f"what there is, is in {self._out}; get the film anew"
        )

    def _nothing(self) -> str:
        start, duration = clock(self._options.start), clock(self._film.duration)
        return f"{self._film.path}: no frame between the start at {start} and the end; the film lasts {duration}"

    def _how_to_go_on(self) -> str:
        done = f"{self._frames_done()} of {self._total()} frames"
        return f"{self._film.path}: stopped after {done}; the same command goes on from there"

    def _frames_done(self) -> int:
        return sum(len(record.ticks) for record in self._parts.records)
