"""The options of a film's colouring, its progress and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from colorize.base import (
    CODECS,
    COMMAND_ONLY,
    CONTAINERS,
    DEFAULT_VIDEO_SUFFIX,
    NOT_ON_PAGE,
    SettingError,
    parse_time,
    repeated,
    setting,
    value_text,
)
from colorize.engine import ReferenceOptions, ResultOptions, RuntimeSettings
from colorize.motion import TemporalOptions

if TYPE_CHECKING:
    from colorize.film.timed_hints import TimedHint
    from colorize.film.video import Span

MAX_SECONDS = 10_000_000  # of a time in a film
PROPAGATE, MAX_PROPAGATE = 96, 200  # frames of a scene for which one serves, where nothing else is said, and at most


CURVES = {
    "video": "as a screen shows it",
    "log": "a film scanner's densities (Cineon: 95 black, 685 white of 1023)",
    "linear": "light itself",
}
"""Name of a curve, as ``curve`` takes it -> what values stand for."""


def parse_rate(text: str) -> float:
    """Return the frames per second of a number or fraction such as ``24000/1001``.

    Raises:
        ValueError: It is neither.
    """
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{text} is no number of frames a second, such as 18 or 24000/1001") from error


def parse_timed_hint(text: str) -> TimedHint:
    """Return the hint of ``12.5s:x,y,#rrggbb[,radius]`` or of ``300f:...``; see ``TimedHint.parse``."""
    from colorize.film.timed_hints import TimedHint  # heavy, where options are to be light

    return TimedHint.parse(text)


def _default_codecs() -> str:
    """Return the codec that a film gets by itself, and those of the containers that get another one."""
    default = CONTAINERS[DEFAULT_VIDEO_SUFFIX].codecs[0]
    others = [(suffix[1:], each.codecs[0]) for suffix, each in CONTAINERS.items() if each.codecs[0] != default]
    return "; ".join([default, *(f"{container}: {codec}" for container, codec in others)])


_CRFS = {name: codec for name, codec in CODECS.items() if codec.crf is not None}
_DEPTHS = ("auto", "8", "10")
_CHROMAS = ("auto", "420", "422", "444")
_PRESETS = {name: codec for name, codec in CODECS.items() if codec.preset is not None}


@dataclass(frozen=True)
class VideoOptions(TemporalOptions, ReferenceOptions, ResultOptions):
    """The options of a film's colouring, those of its steady colours included.

    Attributes:
        codec: A name of ``CODECS``; None: the container's default.
        crf: Quality of the encoded frames (constant rate factor), lower is better; None: the codec's default.
        bit_depth: Bits of a sample, ``8`` or ``10``; ``auto``: as many as the film has, as far as the codec can.
        chroma: ``420``, ``422`` or ``444``: colours at half the width and height, at half the width, or in full size;
            ``auto``: the least, but in codecs for further work the film's own.
        preset: Speed of the encoder against file size, in the encoder's own words; None: the codec's default.
        start: Seconds from the film's beginning at which the coloured part begins.
        end: Seconds from the film's beginning at which the coloured part ends; None: at the film's end.
        fps: Frames per second of numbered frames; None: as the first one states.
        curve: How the values of numbered frames stand for light, a name of ``CURVES``; None: as each states.
        hold_missing: Let the frame before stand in for a numbered one that is missing or damaged.
        keyframes: Folder of key frames, whose colours their scenes take; None: there are none.
        hints: The colours of places in frames, which are followed through their scenes; ``TimedHint.parse`` of
            ``colorize.film`` makes one of a text such as ``12.5s:420,310,#7a1f1f``.
        propagate: Of so many frames of a scene, at most, the network's own answer to one serves as a key frame; None:
            it does not.
        keep_segments: Leave the finished segments beside the result, so that changed key frames and hints colour their
            scenes alone anew.
        batch_size: Frames that pass through the network together.
        threads: Threads of the encoder; None: a number that does not depend on the machine where its pictures would.

    Raises:
        SettingError: An option is unknown or out of range, or the end is not after the start.
    """

    codec: str | None = setting(
        None, "of the pictures", choices=tuple(CODECS), automatic=_default_codecs(), surfaces=NOT_ON_PAGE
    )
    crf: float | None = setting(
        None,
        f"quality, lower is better; {', '.join(f'{name} 0..{codec.max_crf:g}' for name, codec in _CRFS.items())}",
        low=0,
        high=max(codec.max_crf for codec in _CRFS.values()),
        automatic=", ".join(f"{name} {codec.crf:g}" for name, codec in _CRFS.items()),
        surfaces=NOT_ON_PAGE,
    )
    bit_depth: str = setting(
        "auto", "bits of a sample; auto: the film's, as far as the codec can", choices=_DEPTHS, surfaces=NOT_ON_PAGE
    )
    chroma: str = setting(
        "auto",
        "size of the colours; auto: 420, but 422 or 444 as the film in ffv1, prores and dnxhr",
        choices=_CHROMAS,
        surfaces=NOT_ON_PAGE,
    )
    preset: str | None = setting(
        None,
        "speed against size, in the encoder's words",
        automatic=", ".join(f"{name} {codec.preset}" for name, codec in _PRESETS.items()),
        metavar="NAME",
        surfaces=COMMAND_ONLY,
    )
    start: float = setting(
        0.0,
        "colour from here: seconds, m:ss or h:mm:ss",
        low=0,
        high=MAX_SECONDS,
        unit="seconds",
        automatic="the beginning",
        metavar="TIME",
        parse=parse_time,
        label="From",
    )
    end: float | None = setting(
        None,
        "colour up to here: seconds, m:ss or h:mm:ss",
        low=0,
        high=MAX_SECONDS,
        unit="seconds",
        automatic="the end",
        metavar="TIME",
        parse=parse_time,
        label="To",
    )
    fps: float | None = setting(
        None,
        "frames a second of numbered frames, such as 18 or 24000/1001",
        low=1,
        high=1000,
        automatic="as the first states",
        metavar="RATE",
        parse=parse_rate,
        surfaces=COMMAND_ONLY,
    )
    curve: str | None = setting(
        None,
        "how numbered frames store light",
        choices=CURVES,
        automatic="as the frames state; EXR: linear, else: video",
        surfaces=COMMAND_ONLY,
    )
    hold_missing: bool = setting(
        False, "let the frame before stand in for a numbered one that is missing or damaged", surfaces=COMMAND_ONLY
    )
    keyframes: Path | None = setting(
        None,
        "a folder of painted frames, named by number or time, whose colours are carried through their scenes",
        metavar="DIR",
        parse=Path,
        surfaces=COMMAND_ONLY,
    )
    hints: Sequence[TimedHint] = setting(
        (),
        "the colour of a place of one frame, which is followed through its scene; may be given several times",
        metavar="12.5s|300f:x,y,#rrggbb[,radius]",
        parse=parse_timed_hint,
        each="hint",
        surfaces=NOT_ON_PAGE,
    )
    propagate: int | None = setting(
        None,
        "let the network's own answer to one frame of each scene, or of N frames of it, serve as its key frame",
        low=2,
        high=MAX_PROPAGATE,
        unit="frames",
        metavar="N",
        bare=str(PROPAGATE),
        surfaces=NOT_ON_PAGE,
    )
    keep_segments: bool = setting(
        False,
        "keep the folder of segments, as large as the film, so that another key frame or hint costs its scene alone",
        surfaces=COMMAND_ONLY,
    )
    batch_size: int = setting(
        8,
        "pictures in the network at once",
        low=1,
        high=1024,
        automatic="photos 1, frames 8",
        surfaces=COMMAND_ONLY,
    )
    threads: int | None = repeated(RuntimeSettings, "threads", None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None and self.end <= self.start:
            times = {"start_time": value_text(self.start), "end_time": value_text(self.end)}
            raise SettingError("{0} {end_time} is not after {1} {start_time} (seconds)", "end", "start", **times)
        if self.hints:
            _check_hints(self.hints)

    @property
    def span(self) -> Span:
        """The part of the film that is coloured."""
        from colorize.film.video import Span  # heavy, where options are to be light

        exact = Fraction(self.start).limit_denominator(1_000_000)
        return Span(exact, None if self.end is None else Fraction(self.end).limit_denominator(1_000_000))


def _check_hints(hints: Sequence[Any]) -> None:
    """Raise a ``SettingError`` where one of the hints is something else, such as a photo's."""
    from colorize.film.timed_hints import FORM, TimedHint  # loaded already, by whoever made the hints

    for hint in hints:
        if not isinstance(hint, TimedHint):
            text = "{0}: {hint} does not say when in the film: {form}"
            raise SettingError(text, "hints", hint=hint, form=FORM)


class Progress(NamedTuple):
    """The progress of a film's colouring.

    Attributes:
        done: Frames that are coloured, those of earlier runs included.
        total: Frames that there will be; an estimate where the file does not state it.
        stage: ``colouring``, or ``joining`` the segments to the finished film.
        notes: Those of the result that are known when the colouring begins, such as why it starts afresh.
    """

    done: int
    total: int
    stage: Literal["colouring", "joining"] = "colouring"
    notes: tuple[str, ...] = ()


class VideoResult(NamedTuple):
    """The result of a film's colouring.

    Attributes:
        path: The film in colour.
        frames: How many frames it has.
        resumed: How many of them an earlier run had coloured.
        notes: Lines for the user: what was changed, left out or damaged.
        cut_off: A line for the user about a source that ends too early; None: the source is whole.
    """

    path: Path
    frames: int
    resumed: int = 0
    notes: tuple[str, ...] = ()
    cut_off: str | None = None


class VideoStopped(Exception):
    """The cancel flag stopped the work; the message says how to go on. Finished segments stay."""
