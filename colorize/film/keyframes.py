"""Key frames: pictures of some frames of a film in the colours that somebody knows, named by number or time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from colorize.base import PHOTO_FORMATS, READ_ONLY_SUFFIXES, VideoError, format_time, sha256
from colorize.color import Floats, Picture, rgb_to_lab, shrink
from colorize.film.sources import Source
from colorize.film.video import WHOLE_VIDEO, Span
from colorize.motion import MAX_BACKWARD, MAX_FORWARD, Grey, KeyColors
from colorize.photo import Photo, read_photo

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
    """The key frames of a span of a film.

    Attributes:
        paths: Index of a frame in the span, rising -> its picture.
    """

    paths: dict[int, Path]

    def colors(self, index: int, grey: Grey) -> KeyColors:
        """Return the colours of a key frame on the grid of a grey frame (h, w).

        Raises:
            ImageError: Its picture cannot be read any more.
        """
        return colors_of(read_photo(self.paths[index]), grey.shape)

    def fingerprint(self) -> dict[str, str]:
        """Return the SHA-256 of each picture by the index of its frame."""
        return {str(index): sha256(path) for index, path in self.paths.items()}

    def first_needed(self, first: int) -> int:
        """Return the index of the frame from which on the motion has to be followed, to colour from ``first`` on."""
        if any(0 <= first - index <= MAX_FORWARD for index in self.paths):
            begin = max(index for index in self.paths if index <= first)
        else:
            begin = max(first, min((index for index in self.paths if index > first), default=first) - MAX_BACKWARD)
        return max(0, begin - CUT_MARGIN)


def read_key_frames(folder: Path, source: Source, span: Span) -> KeyFrames:
    """Return the key frames that lie in a folder, each checked.

    Args:
        folder: Their folder; pictures in its sub-folders, and files that are no pictures, are left alone.
        source: The film.
        span: The part of it that is coloured; key frames outside are checked and left out.

    Raises:
        FileNotFoundError: There is no such folder.
        VideoError: The folder is empty, or a picture is no key frame of this film.
        ImageError: A picture cannot be read.
    """
    video = source.video
    if not source.is_repeatable:
        raise VideoError(f"{video.path}: key frames need a film's file, which can be read twice; a pipe cannot")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of key frames; --export-keyframes makes one")
    taken = {*PHOTO_FORMATS, *READ_ONLY_SUFFIXES}
    pictures = [
        path for path in sorted(folder.iterdir()) if path.suffix.lower() in taken and not path.name.startswith(".")
    ]
    if not pictures:
        raise VideoError(f"{folder}: holds no key frame, no picture; --export-keyframes writes some to paint in")
    clock = FrameClock(source)
    numbers: dict[int, Path] = {}
    for path in pictures:
        number = _number_of(path, clock)
        if number in numbers:
            raise VideoError(f"{path}: is of frame {number}, as is {numbers[number].name}; take one of them out")
        _check_picture(path, source)
        numbers[number] = path
    offset = clock.first_number(span)
    end = clock.count if span.end is None else clock.first_number(Span(span.end))
    return KeyFrames({number - offset: numbers[number] for number in sorted(numbers) if offset <= number < end})


def colors_of(photo: Photo, size: tuple[int, ...]) -> KeyColors:
    """Return the colours of a picture of a frame, on a grid of (height, width)."""
    grid = size[0], size[1]
    ab = rgb_to_lab(photo.picture, photo.space)[..., 1:]
    if photo.alpha is None:
        return KeyColors(np.asarray(shrink(ab.copy(), grid), np.float32), np.ones(grid, np.float32))
    opaque = _opacity(photo)
    weight = np.asarray(shrink(opaque, grid), np.float32)
    colored = shrink(np.ascontiguousarray(ab * opaque[..., None]), grid)
    return KeyColors(np.asarray(colored / np.maximum(weight, 1e-6)[..., None], np.float32), weight)


class FrameClock:
    """The times of a film's frames: of a constant rate as that says, else read from the film.

    Attributes:
        count: How many frames the film has, as far as its file states it.
    """

    def __init__(self, source: Source) -> None:
        video = source.video
        self._video = video
        self._times: list[float] | None = None
        first = next(source.decode(WHOLE_VIDEO), None)
        self._first = 0.0 if first is None else float(first.pts * video.time_base)
        self.count = video.frames
        if not video.is_cfr:
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
