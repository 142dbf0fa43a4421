"""The warp error: how much a film's colours change along its motion, beside how much the true film's do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from colorize.color import Picture, rgb_to_lab
from training.metrics import Floats

CONSISTENCY = 1.0  # pixels by which backward and forward flow together may miss their start


@dataclass(frozen=True)
class WarpError:
    """How much colours change from frame to frame along the motion, in Lab units of ab.

    Attributes:
        video: Of the colorized film.
        truth: Of the true film, by noise, changing light and the flow's own errors.
    """

    video: float
    truth: float

    @property
    def excess(self) -> float:
        """What colorizing added, in Lab units."""
        return self.video - self.truth


def warp_error(video: Iterable[Picture], truth: Iterable[Picture]) -> WarpError:
    """Return the mean |ab_t - warp(ab_t-1)| over the pixels whose flow is consistent; two frames are held at a time.

    Args:
        video: Colorized frames.
        truth: The true frames, as many and of the same size; the flow is computed from their grey.

    Raises:
        ValueError: There are fewer than two frames, or the films differ in length.
    """
    total, pixels, pairs = np.zeros(2), 0, 0
    for (video_before, before), (video_now, now) in pairwise(zip(video, truth, strict=True)):
        pairs += 1
        source, consistent = _flow_source(before, now)
        pixels += int(consistent.sum())
        for index, (frame_before, frame) in enumerate([(video_before, video_now), (before, now)]):
            ab_before, ab = rgb_to_lab(frame_before)[..., 1:], rgb_to_lab(frame)[..., 1:]
            change = ab - _sample(ab_before, source)
            total[index] += np.hypot(change[..., 0], change[..., 1])[consistent].sum(dtype=np.float64)
    if not pairs:
        raise ValueError("the warp error needs at least two frames")
    return WarpError(*(total / pixels).tolist()) if pixels else WarpError(float("nan"), float("nan"))


def _flow_source(before: Picture, now: Picture) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where each pixel was in the frame before (H, W, 2: x, y), and where both flows agree (H, W)."""
    grey_before, grey = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), cv2.cvtColor(now, cv2.COLOR_RGB2GRAY)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = grey.shape
    backward, forward = (
        np.asarray(flow.calc(start, end, np.zeros((height, width, 2), np.float32)), np.float32)
        for start, end in ((grey, grey_before), (grey_before, grey))
    )
    y, x = np.mgrid[:height, :width].astype(np.float32)
    source = np.dstack([x, y]) + backward
    miss = backward + _sample(forward, source)
    inside = (source >= 0).all(axis=2) & (source[..., 0] <= width - 1) & (source[..., 1] <= height - 1)
    return source, inside & (np.hypot(miss[..., 0], miss[..., 1]) <= CONSISTENCY)


def _sample(values: Floats, positions: Floats) -> Floats:
    """Return the values of a map (H, W, 2) at positions (H, W, 2: x, y), bilinear."""
    x, y = cv2.split(positions)
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
