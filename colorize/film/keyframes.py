"""Key frames: frames of a film whose colours somebody knows, from pictures named by number or time, and from hints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf
from pathlib import Path
from typing import TypeVar

import numpy as np

from colorize.base import PHOTO_FORMATS, READ_ONLY_SUFFIXES, VideoError, format_time, sha256
from colorize.color import L_HALF, Floats, Picture, rgb_to_lab, shrink
from colorize.engine import Colorizer, Hint, draw_hints, spread_hints
from colorize.film.clock import is_set_back
from colorize.film.film_references import PART, FilmReferences, read_references
from colorize.film.options import VideoOptions
from colorize.film.sources import FileSource, Source
from colorize.film.timed_hints import check_hint, hints_by_frame
from colorize.film.video import WHOLE_VIDEO, Span
from colorize.motion import (
    MAX_BACKWARD,
    MAX_FORWARD,
    ChosenKeys,
    Grey,
    KeyColors,
    KeyLayer,
    KnownKeys,
    OwnAnswer,
    grey_input,
)
from colorize.photo import Photo, read_photo

T = TypeVar("T")

NAME = re.compile(r"(?P<number>\d+)(?:[_ ]|$)|(?P<h>\d+)-(?P<m>\d\d)-(?P<s>\d\d(?:\.\d+)?)(?=\D|$)")
"""How a key frame's name without its suffix begins: with the number of its frame, or with the time of that."""
LIST = "keyframes.json"
MAX_ASPECT_ERROR = 0.02  # of a key frame's aspect
MIN_CHROMA = 3.0  # of a key frame's most coloured half per cent; less is grey, with a codec's noise
TIME_ROUNDING = 0.001  # seconds to which names state times
CUT_MARGIN = (
    24  # frames before the first wanted one from which on cuts are sought, so that they are those of a whole run
)


@dataclass(frozen=True)
class KeyFrames:
    """What is known beforehand of the colours of a span of a film.

    Where several of it say something of a place, the key frame wins, then the hint, then the reference, then the
    network's own key frame.

    Attributes:
        size: (height, width) of the film's upright frames.
        paths: Index of a frame in the span, rising -> its picture, a key frame.
        hints: Index of a frame in the span, rising -> its hints.
        references: Photographs whose colours scenes take; None: there are none.
        propagate: Of how many frames of a scene, at most, the network's own answer to one is carried to the others;
            None: of none.
    """

    size: tuple[int, int]
    paths: dict[int, Path] = field(default_factory=dict)
    hints: dict[int, tuple[Hint, ...]] = field(default_factory=dict)
    references: FilmReferences | None = None
    propagate: int | None = None

    def layers(self, colorizer: Colorizer) -> list[KeyLayer]:
        """Return the layers that ``guide_frames`` takes; empty: nothing is known."""

        def of_picture(index: int, grey: Grey) -> KeyColors:
            return colors_of(read_photo(self.paths[index]), grey)

        def of_hints(index: int, grey: Grey) -> KeyColors:
            return _hinted(colorizer, grey, self.hints[index], self.size)

        def predict(greys: Sequence[Grey]) -> Sequence[Floats]:
            return colorizer.predict_ab([grey_input(grey) for grey in greys])

        layers: list[KeyLayer] = []
        if self.paths:
            layers.append(KnownKeys(tuple(self.paths), of_picture))
        if self.hints:
            layers.append(KnownKeys(tuple(self.hints), of_hints, advises_network=False))
        if self.references is not None:
            layers.append(ChosenKeys(PART, self.references.choose, advises_network=False))
        if self.propagate is not None:
            layers.append(ChosenKeys(self.propagate, OwnAnswer(predict), frozenset(self.paths)))
        return layers

    def fingerprint(self) -> dict[str, str]:
        """Return what each frame's colours are known by, by its index: its picture's SHA-256, its hints."""
        known = {index: sha256(path) for index, path in self.paths.items()}
        for index, hints in self.hints.items():
            known[index] = " ".join([*filter(None, [known.get(index)]), *map(str, hints)])
        return {str(index): known[index] for index in sorted(known)}

    def first_needed(self, first: int, scene: int) -> int:
        """Return the index of the frame from which on the motion has to be followed, to colour from ``first`` on.

        Args:
            first: The index of that frame.
            scene: That of a frame at or before it with which a scene begins.
        """
        needed = [_first_needed(known, first) for known in (self.paths, self.hints) if known]
        chooses = self.propagate is not None or self.references is not None
        return min([*needed, *([scene] if chooses else ())])


def _first_needed(known: Mapping[int, object], first: int) -> int:
    """Return the index of the frame from which on the motion to some key frames has to be followed."""
    if any(0 <= first - index <= MAX_FORWARD for index in known):
        begin = max(index for index in known if index <= first)
    else:
        begin = max(first, min((index for index in known if index > first), default=first) - MAX_BACKWARD)
    return max(0, begin - CUT_MARGIN)


def _hinted(colorizer: Colorizer, grey: Grey, hints: Sequence[Hint], size: tuple[int, int]) -> KeyColors:
    """Return the colours of a frame (h, w) that hints say, as far as they say it.

    Args:
        colorizer: Paints what lies near the hints.
        grey: The frame.
        hints: In pixels of the film's frames.
        size: (height, width) of those.
    """
    height, width = grey.shape
    hint_map = draw_hints(hints, size, (height, width))
    network_input = grey_input(grey)
    plain, hinted = colorizer.predict_ab([network_input] * 2, [None, hint_map[None]])
    lightness = (network_input[0, 0] + 1) * np.float32(L_HALF)
    return KeyColors(*spread_hints(lightness, hint_map, plain, hinted, colorizer.settings.saturation))


def read_known_colors(source: Source, options: VideoOptions, colorizer: Colorizer) -> KeyFrames | None:
    """Return what the options say of a film's colours, all of it checked; None: they say nothing.

    Args:
        source: The film.
        options: Its key frames, hints, references and span.
        colorizer: Has to take hints, if there are some.

    Raises:
        FileNotFoundError: There is no such folder of key frames.
        VideoError: The folder is empty, a picture is no key frame of this film, a hint lies outside of it, or a
            reference is none.
        ImageError: A picture cannot be read.
    """
    video, span = source.video, options.span
    references = read_references(options, colorizer, video.path)
    if options.keyframes is None and not options.hints and references is None and options.propagate is None:
        return None
    if not source.is_repeatable:
        raise VideoError(
            f"{video.path}: key frames, hints and references need a film's file, which can be read twice; a pipe cannot"
        )
    if options.hints and not colorizer.takes_hints:
        raise VideoError(f"{video.path}: these weights take no colour hints; use others, or leave the hints out")
    height, width = video.upright_size
    size = int(height), int(width)
    if options.keyframes is None and not options.hints:
        return KeyFrames(size, references=references, propagate=options.propagate)
    clock = FrameClock(source)
    for hint in options.hints:
        check_hint(hint, clock, size, str(video.path))
    paths = {} if options.keyframes is None else read_key_frames(options.keyframes, source, clock)
    hints = hints_by_frame(options.hints, clock)
    first = clock.first_number(span)
    end: float = (clock.count or inf) if span.end is None else clock.first_number(Span(span.end))

    def within(known: dict[int, T]) -> dict[int, T]:
        return {number - first: value for number, value in known.items() if first <= number < end}

    return KeyFrames(size, within(paths), within(hints), references, options.propagate)


def read_key_frames(folder: Path, source: Source, clock: FrameClock) -> dict[int, Path]:
    """Return the number of each frame that has a key frame in a folder, rising -> that, checked.

    Args:
        folder: Their folder; pictures in its sub-folders, and files that are no pictures, are left alone.
        source: The film.
        clock: Its times.

    Raises:
        FileNotFoundError: There is no such folder.
        VideoError: The folder is empty, or a picture is no key frame of this film.
        ImageError: A picture cannot be read.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of key frames; --export-keyframes makes one")
    taken = {*PHOTO_FORMATS, *READ_ONLY_SUFFIXES}
    pictures = [
        path for path in sorted(folder.iterdir()) if path.suffix.lower() in taken and not path.name.startswith(".")
    ]
    if not pictures:
        raise VideoError(f"{folder}: holds no key frame, no picture; --export-keyframes writes some to paint in")
    numbers: dict[int, Path] = {}
    for path in pictures:
        number = _number_of(path, clock)
        if number in numbers:
            raise VideoError(f"{path}: is of frame {number}, as is {numbers[number].name}; take one of them out")
        _check_picture(path, source)
        numbers[number] = path
    return dict(sorted(numbers.items()))


def colors_of(photo: Photo, grey: Grey) -> KeyColors:
    """Return the colours of a picture of a frame, on the grid of that frame (h, w)."""
    grid = grey.shape[0], grey.shape[1]
    lab = rgb_to_lab(photo.picture, photo.space)
    ab = lab[..., 1:]
    if photo.alpha is None:
        colors = KeyColors(np.asarray(shrink(ab.copy(), grid), np.float32), np.ones(grid, np.float32))
    else:
        opaque = _opacity(photo)
        weight = np.asarray(shrink(opaque, grid), np.float32)
        colored = shrink(np.ascontiguousarray(ab * opaque[..., None]), grid)
        colors = KeyColors(np.asarray(colored / np.maximum(weight, 1e-6)[..., None], np.float32), weight)
    lightness = shrink(np.ascontiguousarray(lab[..., 0]), grid)
    return colors.tidied(np.asarray(lightness, np.float32), grey)


class FrameClock:
    """The times of a film's frames: of a constant rate as that says, else, or with a clock set back, read from it.

    Attributes:
        count: How many frames the film has, as far as its file states it.
    """

    def __init__(self, source: Source) -> None:
        video = source.video
        self._source, self._video = source, video
        self._times: list[float] | None = None
        first = next(source.decode(WHOLE_VIDEO), None)
        self._first = 0.0 if first is None else float(first.pts * video.time_base)
        self.count = video.frames
        if not video.is_cfr or (isinstance(source, FileSource) and is_set_back(video)):
            self._times = [float(frame.pts * video.time_base) for frame in source.decode(WHOLE_VIDEO)]
            self.count = len(self._times)

    def time(self, number: int) -> float:
        """Return the seconds from the film's beginning at which a frame is shown."""
        return self._first + number / float(self._video.rate) if self._times is None else self._times[number]

    def number_at(self, seconds: float) -> int:
        """Return the number of the frame that is shown at a time; that of the end is the number of frames."""
        if self._times is None:
            return max(0, int((seconds + TIME_ROUNDING - self._first) * float(self._video.rate)))
        shown = sum(time <= seconds + TIME_ROUNDING for time in self._times)
        ends = self._times[-1] + 1 / float(self._video.rate)
        return self.count if seconds >= ends else max(0, shown - 1)

    def first_number(self, span: Span) -> int:
        """Return the number of the first frame of a span."""
        if not span.start:
            return 0
        if (known := self._source.first_index(span)) is not None:
            return known
        # As the frames are decoded: by the time stamp to which the beginning is rounded.
        tick = float(self._video.time_base)
        begins = round(span.start / self._video.time_base) * tick - tick / 2
        number = max(0, self.number_at(begins) - 1)
        return next(each for each in count(number) if each >= self.count or self.time(each) >= begins)


def _number_of(path: Path, clock: FrameClock) -> int:
    """Return the number of the frame that a key frame's name says.

    Raises:
        VideoError: It says none, or one beyond the film.
    """
    match = NAME.match(path.stem)
    if match is None:
        raise VideoError(
            f"{path}: its name does not begin with a frame's number or time, such as 000123{path.suffix} or "
            f"00-00-05.125{path.suffix}; rename it, or take it out"
        )
    if match["number"] is not None:
        number = int(match["number"])
        what = f"frame {number}"
    else:
        seconds = int(match["h"]) * 3600 + int(match["m"]) * 60 + float(match["s"])
        number, what = clock.number_at(seconds), f"the time {format_time(seconds)}"
    if clock.count and number >= clock.count:
        raise VideoError(
            f"{path}: {what} is beyond the film, which has {clock.count} frames, 0 to {clock.count - 1}; take it out"
        )
    return number


def _check_picture(path: Path, source: Source) -> None:
    """Raise a ``VideoError`` where a picture is grey, or of another shape than a film's frames."""
    photo = read_photo(path)
    height, width = photo.picture.shape[:2]
    video_height, video_width = source.video.upright_size
    pixel = float(source.video.upright_aspect or 1)
    aspects = [video_width / video_height, video_width * pixel / video_height]
    if all(abs(width / height / aspect - 1) > MAX_ASPECT_ERROR + 1 / min(height, width) for aspect in aspects):
        turned = any(abs(height / width / aspect - 1) <= MAX_ASPECT_ERROR for aspect in aspects)
        why = "is turned" if turned else "has another shape"
        raise VideoError(
            f"{path}: {width} x {height} {why}; the film's frames are {video_width} x {video_height}; "
            "key frames may be larger or smaller, but not of another shape"
        )
    if _chroma(photo) < MIN_CHROMA:
        raise VideoError(f"{path}: is grey, and would make its scene grey; paint it, or take it out")


def _chroma(photo: Photo) -> float:
    """Return the chroma in Lab units of the most coloured half per cent of a picture, where it is opaque."""
    if photo.picture.ndim == 2:
        return 0.0
    small: Picture = shrink(photo.picture, (min(256, len(photo.picture)), min(256, photo.picture.shape[1])))
    ab = rgb_to_lab(small, photo.space)[..., 1:]
    chroma = np.hypot(ab[..., 0], ab[..., 1])
    if photo.alpha is not None:
        chroma = chroma[shrink(_opacity(photo), chroma.shape[:2]) > 0.5]
    return float(np.percentile(chroma, 99.5)) if chroma.size else 0.0


def _opacity(photo: Photo) -> Floats:
    """Return how opaque each pixel of a picture with alpha is, (H, W) float32, 0..1."""
    assert photo.alpha is not None
    return np.asarray(photo.alpha / np.iinfo(photo.alpha.dtype).max, np.float32)


def key_frame_name(number: int, seconds: float) -> str:
    """Return the name of the key frame of a frame: its number and time, such as ``000123_00-00-05.125.png``."""
    thousandths = round(seconds * 1000)
    hours, minutes, rest = thousandths // 3_600_000, thousandths // 60_000 % 60, thousandths % 60_000
    return f"{number:06d}_{hours:02d}-{minutes:02d}-{rest // 1000:02d}.{rest % 1000:03d}.png"
