"""A film in colour: decoded, painted, joined and encoded side by side, in parts that outlive a stop."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import torch
from torch import Tensor

import colorize
from colorize.colorizer import Colorizer
from colorize.containers import CODECS, CONTAINERS, Container
from colorize.encoder import EncoderSettings, PartEncoder, PictureFormat
from colorize.errors import FilmError
from colorize.faults import clock, fault_lines
from colorize.frames import read_luma
from colorize.luma import Luma, Plane, color_planes
from colorize.overlap import Line, ahead
from colorize.parts import Parts, Record
from colorize.streams import Plan, write_film
from colorize.temporal import TemporalOptions, TemporalPainter
from colorize.video import Film, Shot, Span, probe, read_shots
from colorize.weights import sha256

PART_SHARE = 60  # a part is this share of the film,
PART_SECONDS = 1, 10  # but at least and at most so long
FRAMES_AHEAD = 12  # decoded and waiting for the network
FRAMES_BEHIND = 8  # coloured and waiting for the encoder


@dataclass(frozen=True)
class FilmOptions:
    """How films are coloured.

    Attributes:
        codec: ``h264``, ``hevc``, ``av1``, ``vp9`` or ``ffv1``; None: the usual one of the container.
        crf: Quality of the pictures, lower is better; None: the codec's usual one.
        preset: Speed of the encoder against size, in its own words; None: the usual one.
        start: Seconds from the film's beginning.
        end: The same; None: to the end.
        temporal: How the colours are kept steady.
        batch_size: Frames that pass through the network together.
        threads: Of the encoder; None: as it likes.
        overwrite: Replace an existing result.
        mark: Say in the metadata that a network made the colours.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    start: float = 0
    end: float | None = None
    temporal: TemporalOptions = field(default_factory=TemporalOptions)
    batch_size: int = 8
    threads: int | None = None
    overwrite: bool = False
    mark: bool = True

    @property
    def span(self) -> Span:
        """The part of the film that is coloured."""
        exact = Fraction(self.start).limit_denominator(1_000_000)
        return Span(exact, None if self.end is None else Fraction(self.end).limit_denominator(1_000_000))


@dataclass(frozen=True)
class Progress:
    """How far a film is.

    Attributes:
        done: Frames that are coloured, with those of earlier runs.
        total: How many there will be, an estimate where the file does not say; None: unknown.
        stage: ``colouring``, or ``joining`` the parts.
    """

    done: int
    total: int | None
    stage: Literal["colouring", "joining"] = "colouring"


@dataclass(frozen=True)
class FilmResult:
    """What became of a film.

    Attributes:
        path: The film in colour.
        frames: How many it has.
        resumed: How many of them an earlier run had coloured.
        notes: Lines for the user: what was changed, left out, damaged.
        cut_off: A line about a source that ends too early; None: it is whole.
    """

    path: Path
    frames: int
    resumed: int = 0
    notes: tuple[str, ...] = ()
    cut_off: str | None = None


class FilmStopped(Exception):
    """The work was stopped by the cancel flag; the message says how to go on. What is finished stays."""


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
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise FilmError(f"{out}: films are written as {', '.join(CONTAINERS)}; choose one of these suffixes")
    codec = options.codec or container.codecs[0]
    if codec not in container.codecs:
        fitting = [suffix for suffix, other in CONTAINERS.items() if codec in other.codecs]
        raise FilmError(f"{out}: {out.suffix} does not hold {codec}; choose {' or '.join(fitting) or 'another codec'}")
    if out.exists() and path.exists() and os.path.samefile(path, out):
        raise FilmError(f"{path}: the result would replace the film itself; give another -o")
    if out.exists() and not options.overwrite:
        raise FileExistsError(f"{out}: exists already; --overwrite replaces it")
    if options.end is not None and options.end <= options.start:
        raise FilmError(f"{path}: the end at {options.end:g} s is not after the start at {options.start:g} s")
    settings = EncoderSettings(codec, options.crf, options.preset, options.threads)
    settings.check()
    return container, settings


@dataclass(eq=False)
class _Item:
    """A frame on its way: what the network sees of it, and what its colours are joined to."""

    shot: Shot
    luma: Luma
    look: Tensor
    resized: bool


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
        self._notes: list[str] = []
        self._format = self._picture_format()
        self._part_frames = self._frames_per_part()
        self._threads = ThreadPoolExecutor(torch.get_num_threads(), "colorize-join")

    def color(self, progress: Callable[[Progress], None], cancel: threading.Event) -> FilmResult:
        """Colour what is missing and join it; see ``colorize_video``."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        changed = self._parts.begin(self._manifest())
        if changed:
            self._notes.append(f"{self._film.path}: earlier parts were made with {changed}; starting afresh")
        done = sum(len(record.ticks) for record in self._parts.records)
        total = self._total()
        progress(Progress(done, total))
        try:
            if not self._is_complete():
                self._color_parts(progress, cancel, total)
        finally:
            self._threads.shutdown(wait=True, cancel_futures=True)
            if not self._parts.records:
                self._parts.remove()  # nothing to go on from
        frames = sum(len(record.ticks) for record in self._parts.records)
        progress(Progress(frames, frames, "joining"))
        cut_off = self._join()
        self._notes += fault_lines(self._film, self._options.span, self._parts.records)
        self._parts.remove()
        return FilmResult(self._out, frames, done, tuple(self._notes), cut_off)

    # --- before the work

    def _picture_format(self) -> PictureFormat:
        film, codec = self._film, CODECS[self._settings.codec]
        height, width = film.upright_size
        size = (height + height % 2, width + width % 2) if codec.even else (height, width)
        if size != (height, width):
            added = " and ".join(text for text, odd in (("a row", height % 2), ("a column", width % 2)) if odd)
            self._notes.append(
                f"{film.path}: {width} x {height} is odd; {added}, copied from the edge, made it {size[1]} x {size[0]}"
            )
        if min(size) < codec.smallest:
            raise FilmError(
                f"{film.path}: {width} x {height} is too small for {self._settings.codec} (at least "
                f"{codec.smallest} x {codec.smallest}); choose --codec h264"
            )
        fields = film.fields
        if fields and (self._settings.codec != "h264" or size[0] % 4 or film.turn.transpose):
            self._notes.append(f"{film.path}: is interlaced; {self._settings.codec} is written as whole pictures here")
            fields = None
        return PictureFormat(size, film.time_base, film.rate, film.upright_aspect, fields, film.steady)

    def _frames_per_part(self) -> int:
        least, most = PART_SECONDS
        seconds = min(most, max(least, (self._film.duration or most * PART_SHARE) / PART_SHARE))
        return max(1, round(self._film.rate * Fraction(seconds)))

    def _total(self) -> int | None:
        span, frames = self._options.span, self._film.frames
        if frames is None or (not span.start and span.end is None):
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

    def _is_complete(self) -> bool:
        return bool(self._parts.records) and self._parts.records[-1].last

    # --- the work

    def _color_parts(self, progress: Callable[[Progress], None], cancel: threading.Event, total: int | None) -> None:
        painter = TemporalPainter(self._colorizer, self._options.temporal, self._options.batch_size)
        records = self._parts.records
        done = sum(len(record.ticks) for record in records)
        if records:
            painter.restore(records[-1].state)
        after = (done - 1, records[-1].ticks[-1]) if records else None
        items = ahead(self._items(after), FRAMES_AHEAD)
        line = Line(FRAMES_BEHIND, "colorize-encode")
        writer = _PartWriter(self._parts, self._format, self._settings, lambda count: progress(Progress(count, total)))
        writer.done = done
        try:
            following = next(items, None)
            if following is None and not records:
                raise FilmError(self._nothing())
            while following is not None:
                if cancel.is_set():
                    line.finish()
                    raise FilmStopped(self._how_to_go_on())
                part = chain([following], islice(items, self._part_frames - 1))
                line.add(writer.begin)
                for item, ab in _painted(painter, part):
                    line.add(writer.write, self._threads.submit(self._planes, item, ab), item)
                state = painter.state()
                following = next(items, None)
                line.add(writer.finish, state, following is None)
            line.finish()
        finally:
            line.close()
            writer.abandon()
            items.close()  # type: ignore[attr-defined]

    def _items(self, after: tuple[int, int] | None) -> Iterator[_Item]:
        keep_tone = self._colorizer.strength < 1
        for shot in read_shots(self._film, self._options.span, after=after):
            luma = read_luma(self._film, shot.frame, keep_tone)
            resized = (shot.frame.height, shot.frame.width) != self._film.size
            yield _Item(shot, luma, self._colorizer.look(luma.picture()), resized)

    def _planes(self, item: _Item, ab: np.ndarray) -> tuple[Plane, Plane, Plane]:
        return color_planes(item.luma, ab, self._colorizer.strength)

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
            f"{self._film.path}: cut off: it ends at {clock(report.ended)} of {clock(self._film.duration or 0)}; "
            f"what there is, is in {self._out}; get the film anew"
        )

    def _nothing(self) -> str:
        start, duration = self._options.start, self._film.duration
        lasts = f"; the film lasts {clock(duration)}" if duration else ""
        return f"{self._film.path}: no frame between the start at {clock(start)} and the end{lasts}"

    def _how_to_go_on(self) -> str:
        done = sum(len(record.ticks) for record in self._parts.records)
        total = self._total()
        of = f" of {total}" if total else ""
        return f"{self._film.path}: stopped after {done}{of} frames; the same command goes on from there"


class _PartWriter:
    """Encodes parts; its methods are called in order, in one thread."""

    def __init__(
        self, parts: Parts, format: PictureFormat, settings: EncoderSettings, tell: Callable[[int], None]
    ) -> None:
        self.done = 0
        self._parts = parts
        self._format = format
        self._settings = settings
        self._tell = tell
        self._encoder: PartEncoder | None = None
        self._record = Record()

    def begin(self) -> None:
        path = self._parts.unfinished(len(self._parts.records))
        self._encoder = PartEncoder(path, self._format, self._settings)
        self._record = Record()

    def write(self, planes: Future[tuple[Plane, Plane, Plane]], item: _Item) -> None:
        assert self._encoder is not None
        shot = item.shot
        self._encoder.write(planes.result(), shot.ticks, shot.duration)
        self._record.ticks.append(shot.ticks)
        self._record.durations.append(shot.duration)
        for fault in (shot.fault, "resized" if item.resized else None):
            if fault:
                self._record.faults[fault].append(shot.index)
        self.done += 1
        self._tell(self.done)

    def finish(self, state: dict[str, np.ndarray], last: bool) -> None:
        assert self._encoder is not None
        self._record.delay = self._encoder.close()
        self._record.state, self._record.last = state, last
        self._encoder = None
        self._parts.add(self._record)

    def abandon(self) -> None:
        """Give up the part that is not finished."""
        if self._encoder is not None:
            self._encoder.abandon()
            self._encoder = None


def _painted(painter: TemporalPainter, items: Iterator[_Item]) -> Iterator[tuple[_Item, np.ndarray]]:
    """Yield frames with their ab; those that the painter looks ahead at are held meanwhile."""
    held: deque[_Item] = deque()

    def looks() -> Iterator[Tensor]:
        for item in items:
            held.append(item)
            yield item.look

    for ab in painter.paint(looks()):
        yield held.popleft(), ab
