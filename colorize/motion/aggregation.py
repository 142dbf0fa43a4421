"""Feature aggregation: the network's features of a film's frame, mixed with those of the scene before it.

Where the network wavers between red and blue, a mean of its colours is grey. A mean of its features, taken before the
colours are decided, is one decision: flow-guided feature aggregation (Zhu et al. 2017), here of the U-Net's bottleneck,
which says what is where. The finer features stay the frame's own, so nothing blurs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import Floats
from colorize.motion.anchors import contrast_of
from colorize.motion.flow import Grey, Motion, flow_confidence
from colorize.motion.frames import PlannedFrame, TrackedFrame

HISTORY_SHARE = 0.9  # of the features before a frame, where the motion can be followed
FORMER_NAMES = {"bottleneck": "seen", "bottleneck_grey": "seen_grey", "bottleneck_contrast": "seen_contrast"}
"""Name of an entry of a state -> its name in films that an older version began; read, never written."""


@dataclass(frozen=True, eq=False)
class SceneMean:
    """The mean of a scene's features so far, as they lie in the last frame that the network predicted.

    Attributes:
        bottleneck: (1, C, h, w) float32.
        half_grey: (H, W), that frame at half the grid's size.
        contrast: Weighted mean of the contrasts of the frames that the features come from, in grey levels.
    """

    bottleneck: Floats
    half_grey: Grey
    contrast: float

    def mixed_with(self, own: Floats, frame: PlannedFrame, motion: Motion) -> SceneMean:
        """Return the mean after one more frame.

        Args:
            own: (1, C, h, w), that frame's features.
            frame: The frame.
            motion: From it to the last one.
        """
        history = HISTORY_SHARE * self.contrast
        contrast = history + (1 - HISTORY_SHARE) * contrast_of(frame.half_grey)
        confidence = flow_confidence(frame.half_grey, self.half_grey, motion)
        before, cell_confidence = warp_features(self.bottleneck, motion, confidence)
        mixed = own + history / contrast * cell_confidence * (before - own)
        return SceneMean(np.asarray(mixed, np.float32), frame.half_grey, contrast)


class Aggregation:
    """The aggregation of a film's features, frame after frame.

    Attributes:
        mean: That of the scene so far; None: the network has offered no features yet.
    """

    def __init__(self, mean: SceneMean | None = None) -> None:
        self.mean = mean

    def mix(self, bottlenecks: Floats, frames: Sequence[PlannedFrame]) -> Floats:
        """Return the features (n, C, h, w) of frames, each mixed with those before it, and keep the last.

        Each counts by its frame's contrast as well, so a scene that fades in is decided by its brighter frames.

        Args:
            bottlenecks: (n, C, h, w), the network's own features of frames of one size, in order.
            frames: The n frames. ``to_predicted`` of each is the motion to the one before it; None: a scene begins.
        """
        mixed: list[Floats] = []
        for index, frame in enumerate(frames):
            own, motion = bottlenecks[index : index + 1], frame.to_predicted
            if motion is None or self.mean is None:
                self.mean = SceneMean(own, frame.half_grey, contrast_of(frame.half_grey))
            else:
                self.mean = self.mean.mixed_with(own, frame, motion)
            mixed.append(self.mean.bottleneck)
        return np.concatenate(mixed)

    def state(self) -> dict[str, npt.NDArray]:
        """Return what the next segment of a film depends on; empty where the network has offered no features."""
        if self.mean is None:
            return {}
        return {
            "bottleneck": self.mean.bottleneck,
            "bottleneck_grey": self.mean.half_grey,
            "bottleneck_contrast": np.array(self.mean.contrast, np.float64),
        }

    @classmethod
    def restored(cls, state: Mapping[str, npt.NDArray]) -> Aggregation:
        """Return the aggregation that gave a ``state``, whose other entries are left alone.

        Raises:
            KeyError: An entry is missing.
            ValueError: The features are not (1, C, h, w).
        """
        state = {**{name: state[former] for name, former in FORMER_NAMES.items() if former in state}, **state}
        if "bottleneck" not in state:
            return cls()
        bottleneck = np.asarray(state["bottleneck"], np.float32)
        if bottleneck.ndim != 4 or len(bottleneck) != 1:
            raise ValueError(
                f"the temporal state has bottleneck {bottleneck.shape}, not (1, C, h, w); colour the film anew"
            )
        grey, contrast = np.asarray(state["bottleneck_grey"], np.uint8), float(state["bottleneck_contrast"])
        return cls(SceneMean(bottleneck, grey, contrast))


def motions_to_predicted(
    interval: Sequence[TrackedFrame], to_anchor: Sequence[Motion | None], needs_network: Sequence[bool]
) -> list[Motion | None]:
    """Return the motion of each frame that the network predicts to the last one before it that it predicts.

    Args:
        interval: The frames after one anchor up to the next.
        to_anchor: The motion of each to the first of these anchors; None: a scene begins.
        needs_network: Whether the network predicts each.

    Returns:
        A motion for each frame; None: a scene begins, or the network does not predict the frame.
    """
    result: list[Motion | None] = []
    chain: Motion | None = None
    # Until a frame of this interval has been predicted, the one before is the last anchor; a flash at a segment's end
    # is an anchor that was not predicted, but the last one that was lies a few frames before it.
    inside = False
    for frame, motion, is_predicted in zip(interval, to_anchor, needs_network, strict=True):
        if inside:
            assert frame.backward_flow is not None
            chain = frame.backward_flow if chain is None else frame.backward_flow.compose(chain)
        result.append((chain if inside else motion) if is_predicted else None)
        if is_predicted:
            chain, inside = None, True
    return result


def warp_features(features: Floats, motion: Motion, confidence: Floats) -> tuple[Floats, Floats]:
    """Return another frame's features (1, C, h, w) as they lie in this one, and their confidence (1, 1, h, w).

    Args:
        features: (1, C, h, w), coarser than the frames.
        motion: From this frame to the other one, (H, W).
        confidence: (H, W), 0..1, how far the motion can be trusted.
    """
    height, width = features.shape[2:]
    cell = np.array([confidence.shape[1] / width, confidence.shape[0] / height], np.float32)  # in pixels
    field = cv2.resize(motion.field, (width, height), interpolation=cv2.INTER_AREA) / cell
    y, x = np.mgrid[:height, :width].astype(np.float32)
    warped = _sample(features, x + field[..., 0], y + field[..., 1])
    cell_confidence = cv2.resize(confidence, (width, height), interpolation=cv2.INTER_AREA)
    return warped, np.asarray(cell_confidence, np.float32)[None, None]


def _sample(features: Floats, x: Floats, y: Floats) -> Floats:
    """Return features (1, C, h, w) at positions (h, w) in cells, interpolated linearly; outside, those of the edge.

    OpenCV's ``remap`` rounds positions to 1/32 of a cell.
    """
    height, width = features.shape[2:]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    to_right, to_bottom = x - left, y - top
    above = features[:, :, top, left] * (1 - to_right) + features[:, :, top, right] * to_right
    below = features[:, :, bottom, left] * (1 - to_right) + features[:, :, bottom, right] * to_right
    return np.asarray(above * (1 - to_bottom) + below * to_bottom, np.float32)
