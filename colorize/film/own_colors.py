"""Which scenes of a film are in colour already and keep their own colours: the others are grey or toned.

Frames are judged as photographs are (``colorize.color.measure_color``): sepia, tints, fading, a tape's colour noise and
a channel's sign leave a frame grey. A scene is judged by some frames of its first second. It changes inside only where
the contrary is clear and lasts, as after a dissolve; then the colours change from one kind to the other by degrees.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from typing import Generic, NamedTuple, Protocol, TypeVar

import av
import numpy as np

from colorize.base import InColorError
from colorize.color import ColorMeasure, Picture, measure_color
from colorize.film.names import is_pipe
from colorize.film.pixels import has_colors, small_picture
from colorize.film.sources import Source
from colorize.film.video import WHOLE_VIDEO, Span, Video

SAMPLES = 12  # frames by which a film is judged
SHORT_SIDE = 96  # of the pictures that are judged, in pixels; more would be reduced
MIN_CONTRAST = 6.0  # standard deviation, in 8-bit levels, of a frame that may be in colour; a fade's end has less
MIN_GREY_CONTRAST = 16.0  # ... of one that may be grey; skies, fog and walls in colour have less
DARK_SHARE = 75, 40  # per cent of a frame that are darker than so many 8-bit levels; then it is not called grey
MAX_STILL = 0.5  # mean difference, in 8-bit levels, of pictures of something that stands still, such as a title
MIN_SIGN = 0.002  # share of a frame from which a sign is worth a line, as of photographs
MIN_NOISE = 1.0  # ab: of a tape; with less, what Y alone says of lightness is no different

STEP = 6  # frames from one that is judged at a scene's beginning to the next
CHECK_STEP = 12  # ... and inside the scene
LOOKAHEAD = 24  # frames after a frame that may be judged before it is decided
SURE_FACTOR = 2.0  # from the threshold: two frames that agree so far decide a scene
CHANGE_FACTOR = 1.5  # from the threshold, of all frames after which a scene changes inside
MIN_CONTRARY = 3  # as many at least
FADE_FRAMES = 12  # in which it does


@dataclass(frozen=True)
class FilmColors:
    """What samples of a film say of all of it.

    Attributes:
        threshold: Of ``ColorMeasure.ratio``, above which a frame of this film is in colour. In a film most of which is
            in colour even pale scenes are, in a grey one only those that clearly are.
        is_mostly_in_color: Whether more than half of what was sampled is in colour.
        is_in_color: Whether all that was sampled is in colour.
        is_noisy: Whether the grey frames' chroma is noise, so that Y alone is their lightness.
        has_sign: Whether most grey frames have a small coloured part, such as a channel's sign, which does not count.
    """

    threshold: float = 1.0
    is_mostly_in_color: bool = False
    is_in_color: bool = False
    is_noisy: bool = False
    has_sign: bool = False


def survey_colors(source: Source, span: Span = WHOLE_VIDEO) -> FilmColors:
    """Return what frames spread over a span of a film say of it.

    Where these are all in colour, its key frames are looked through for a grey part, be it short.
    """
    film = summarize(judge_frame(source.video, frame) for frame in source.sample(SAMPLES, span))
    if film.is_in_color and _has_grey_part(source, span, film.threshold):
        return replace(film, is_in_color=False)
    return film


def _has_grey_part(source: Source, span: Span, threshold: float) -> bool:
    """Tell whether a second of a film that begins with one of its key frames is grey, and is no title that stands."""
    for seconds, frame in source.look_through(span):
        sample = judge_frame(source.video, frame)
        if sample is not None and _is_clearly(sample.measure.ratio, False, threshold):
            begin = Fraction(max(0.0, seconds)).limit_denominator(1_000_000)
            frames = islice(source.decode(Span(begin, span.end)), 0, LOOKAHEAD, STEP)
            second = [judge_frame(source.video, each.image) for each in frames]
            told = [each for each in second if each is not None]
            if _are_clearly(told, False, threshold) and _moves(told):
                return True
    return False


def _moves(samples: Sequence[Sample]) -> bool:
    """Tell whether something of a picture changes, be it its grain."""
    pictures = [sample.picture.astype(np.int16) for sample in samples]
    return any(np.abs(after - before).mean() > MAX_STILL for before, after in pairwise(pictures))


class Sample(NamedTuple):
    """A frame that says whether it is in colour.

    Attributes:
        picture: (h, w, 3) uint8 RGB, small.
        measure: How far it is in colour.
    """

    picture: Picture
    measure: ColorMeasure


def judge_frame(video: Video, frame: av.VideoFrame) -> Sample | None:
    """Measure how far a frame is in colour; None: it says nothing, as it is nearly even or black."""
    picture = small_picture(video, frame, SHORT_SIDE)
    contrast = picture.std()
    if contrast <= MIN_CONTRAST:
        return None
    measure = measure_color(picture) if has_colors(frame) else ColorMeasure(0.0)
    share, level = DARK_SHARE
    is_plain = contrast <= MIN_GREY_CONTRAST or np.percentile(picture, share) < level
    return None if measure.is_grey and is_plain else Sample(picture, measure)


def summarize(samples: Iterable[Sample | None]) -> FilmColors:
    """Return what frames say of their film.

    Args:
        samples: Of each; None: it says nothing.
    """
    told = [sample for sample in samples if sample is not None]
    if not told:
        return FilmColors()
    share = sum(not sample.measure.is_grey for sample in told) / len(told)
    threshold = 2 ** (0.5 - share)
    in_color = [sample.measure.ratio > threshold for sample in told]
    grey = [sample for sample, is_own in zip(told, in_color, strict=True) if not is_own]
    signs = [sample for sample in grey if sample.measure.patch_share >= MIN_SIGN]
    # A sign stays in its place; a tape's noise, part of which may be of one colour too, does not.
    has_sign = len(signs) * 2 > len(grey) and measure_color(_mean_picture(signs)).patch_share >= MIN_SIGN
    toned = [sample.measure for sample in grey if sample.measure.ratio > 0]
    noisy = sum(measure.noise > max(MIN_NOISE, measure.tone) for measure in toned)
    return FilmColors(threshold, share > 0.5, all(in_color), noisy * 2 > len(toned), has_sign)


def mean_ratio(samples: Sequence[Sample]) -> float:
    """Return the ratio of the mean of a scene's pictures: noise, which changes from frame to frame, fades in it."""
    return measure_color(_mean_picture(samples)).ratio


def _mean_picture(samples: Sequence[Sample]) -> Picture:
    """Return the mean of the pictures that are as large as the first, at least one."""
    pictures = [sample.picture for sample in samples if sample.picture.shape == samples[0].picture.shape]
    return np.asarray(np.mean(pictures, axis=0).round(), np.uint8)


def _is_clearly(ratio: float, in_color: bool, threshold: float) -> bool:
    """Tell whether a ratio is clearly that of frames in colour, or that of grey ones."""
    return ratio > threshold * CHANGE_FACTOR if in_color else ratio * CHANGE_FACTOR < threshold


def _are_clearly(samples: Sequence[Sample], in_color: bool, threshold: float) -> bool:
    """Tell whether all of enough samples, and their mean, clearly are in colour, or are not."""
    ratios = (sample.measure.ratio for sample in samples)
    is_lasting = len(samples) >= MIN_CONTRARY and all(_is_clearly(ratio, in_color, threshold) for ratio in ratios)
    return is_lasting and _is_clearly(mean_ratio(samples), in_color, threshold)


@dataclass(frozen=True)
class ColorState:
    """What of a frame the colours of those after it depend on.

    Attributes:
        own_share: 0..1, how far the frame has its own colours.
        keeps_own: Whether its scene keeps them, which ``own_share`` goes towards; None: no frame has told yet.
    """

    own_share: float = 0.0
    keeps_own: bool | None = None

    def at_cut(self, keeps_own: bool | None) -> ColorState:
        """Return the state of a scene's first frame; a scene that does not tell is as the one before it."""
        return ColorState(float(round(self.own_share) if keeps_own is None else keeps_own), keeps_own)

    def inside(self, keeps_own: bool | None) -> ColorState:
        """Return the state of the next frame of the scene."""
        if keeps_own is None:
            return self
        step = 1 / FADE_FRAMES if keeps_own else -1 / FADE_FRAMES
        return ColorState(min(1.0, max(0.0, self.own_share + step)), keeps_own)


class JudgedFrame(Protocol):
    """A frame as ``judge_scenes`` sees it.

    Attributes:
        image: The frame as decoded.
        index: Its place in the film.
        begins_scene: Whether a cut, or nothing, lies before it.
        colors: What is decided of it.
        begins_stretch: Whether it is the first of a scene, or of a part of one that is judged otherwise.
    """

    colors: ColorState
    begins_stretch: bool

    @property
    def image(self) -> av.VideoFrame: ...
    @property
    def index(self) -> int: ...
    @property
    def begins_scene(self) -> bool: ...


AnyFrame = TypeVar("AnyFrame", bound=JudgedFrame)


def judge_scenes(
    video: Video, film: FilmColors, frames: Iterator[AnyFrame], state: ColorState | None = None
) -> Iterator[AnyFrame]:
    """Yield a film's frames in order, with what is decided of their colours.

    That depends on the frame before and on at most ``LOOKAHEAD`` frames from the frame on, those of its scene; so it is
    the same wherever the work goes on.

    Args:
        video: The film.
        film: What samples say of it.
        frames: The frames.
        state: ``colors`` of the frame before the first one; None: that is the film's first.
    """
    window = _Window(video, film.threshold, frames)
    state = state or ColorState(float(film.is_mostly_in_color))
    while (frame := window.first()) is not None:
        keeps_own = state.keeps_own
        if frame.begins_scene:
            keeps_own = window.scene_is_in_color()
        elif keeps_own is None:
            keeps_own = next((each for each in (True, False) if window.is_lastingly(each)), None)
        elif frame.index % CHECK_STEP == 0 and window.is_lastingly(not keeps_own):
            keeps_own = not keeps_own
        changes = state.keeps_own is not None and keeps_own != state.keeps_own
        state = state.at_cut(keeps_own) if frame.begins_scene else state.inside(keeps_own)
        frame.colors, frame.begins_stretch = state, frame.begins_scene or changes
        yield window.pop()


class _Window(Generic[AnyFrame]):
    """The next frames of a film, read as far ahead as they are asked for."""

    def __init__(self, video: Video, threshold: float, frames: Iterator[AnyFrame]) -> None:
        self._video = video
        self._threshold = threshold
        self._frames = frames
        self._coming: deque[AnyFrame] = deque()
        self._samples: dict[int, Sample | None] = {}  # by index

    def first(self) -> AnyFrame | None:
        """Return the next frame; None: there is no more."""
        return self._at(0)

    def pop(self) -> AnyFrame:
        """Take the next frame."""
        self._samples.pop(self._coming[0].index, None)
        return self._coming.popleft()

    def scene_is_in_color(self) -> bool | None:
        """Tell whether the next frames, up to a cut, are in colour; None: none of them tells."""
        told: list[Sample] = []
        for sample in self._scene_samples():
            told.append(sample)
            grey = sum(each.measure.ratio * SURE_FACTOR < self._threshold for each in told)
            colored = sum(each.measure.ratio > self._threshold * SURE_FACTOR for each in told)
            if max(grey, colored) >= 2 and grey != colored:
                return colored > grey
        return mean_ratio(told) > self._threshold if told else None

    def is_lastingly(self, in_color: bool) -> bool:
        """Tell whether the next frame and all after it that tell, up to a cut, clearly are in colour, or are not."""
        told: list[Sample] = []
        for sample in self._scene_samples():
            told.append(sample)
            if not _is_clearly(sample.measure.ratio, in_color, self._threshold):
                return False
        return _are_clearly(told, in_color, self._threshold)

    def _scene_samples(self) -> Iterator[Sample]:
        """Yield samples of the next frame and some after it, up to a cut; those that tell nothing are left out."""
        for place in range(LOOKAHEAD + 1):
            frame = self._at(place)
            if frame is None or (place and frame.begins_scene):
                return
            if place == 0 or frame.index % STEP == 0:
                if frame.index not in self._samples:
                    self._samples[frame.index] = judge_frame(self._video, frame.image)
                if (sample := self._samples[frame.index]) is not None:
                    yield sample

    def _at(self, place: int) -> AnyFrame | None:
        while len(self._coming) <= place:
            frame = next(self._frames, None)
            if frame is None:
                return None
            self._coming.append(frame)
        return self._coming[place]


def survey_unless_in_color(source: Source, span: Span) -> FilmColors:
    """Return what samples of a film say of its own colours; a pipe cannot be looked into before.

    Raises:
        InColorError: They show it all in colour.
    """
    path = source.video.path
    colors = FilmColors() if is_pipe(path) else survey_colors(source, span)
    if colors.is_in_color:
        raise InColorError(f"{path}: in colour already; --force colours it anew")
    return colors
