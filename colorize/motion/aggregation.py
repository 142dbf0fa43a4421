"""Feature aggregation: the network's features of a film's frame, mixed with those of the scene before it.

Where the network wavers between red and blue, a mean of its colours is grey. A mean of its features, taken before the
colours are decided, is one decision: flow-guided feature aggregation (Zhu et al. 2017), here of the U-Net's bottleneck,
which says what is where. The finer features stay the frame's own, so nothing blurs.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from colorize.color import Floats
from colorize.motion.anchors import Frame, contrast_of
from colorize.motion.flow import Grey, Motion, flow_confidence

HISTORY_SHARE = 0.9  # of the features before a frame, where the motion can be followed


class Aggregation:
    """The mean of a scene's features so far, as they lie in the last frame that the network predicted."""

    def __init__(self) -> None:
        self._features: Tensor | None = None  # (1, C, h, w), float32 on the CPU
        self._grey: Grey | None = None  # (H, W), of that frame
        self._contrast = 0.0

    def recall(self, features: Tensor, frames: Sequence[Frame]) -> Tensor:
        """Return the features (n, C, h, w) of frames, each mixed with those before it, and keep the last.

        Each counts by its frame's contrast as well, so a scene that fades in is decided by its brighter frames.

        Args:
            features: (n, C, h, w), of frames of one size, in order.
            frames: The n frames. ``to_predicted`` of each is the motion to the one before it; None: a scene begins.
        """
        pairs = zip(features.split(1), frames, strict=True)
        return torch.cat([self._mixed(own, frame) for own, frame in pairs])

    def _mixed(self, own: Tensor, frame: Frame) -> Tensor:
        # On the CPU, where the motion is; they are small, and MPS has not had every kind of grid_sample.
        mixed, contrast = own.float().cpu(), contrast_of(frame)
        if frame.to_predicted is not None and self._features is not None and self._grey is not None:
            history = HISTORY_SHARE * self._contrast
            contrast = history + (1 - HISTORY_SHARE) * contrast
            confidence = flow_confidence(frame.grey, self._grey, frame.to_predicted)
            before, cell_confidence = warp_features(self._features, frame.to_predicted, confidence)
            mixed = mixed + history / contrast * cell_confidence * (before - mixed)
        self._features, self._grey, self._contrast = mixed, frame.grey, contrast
        return mixed.to(own)

    def state(self) -> dict[str, npt.NDArray]:
        """Return what the next segment of a film depends on; empty before ``recall``, which DeOldify's weights skip."""
        if self._features is None or self._grey is None:
            return {}
        return {
            "seen": self._features.numpy(),
            "seen_grey": self._grey,
            "seen_contrast": np.array(self._contrast, np.float64),
        }

    @classmethod
    def restored(cls, state: dict[str, npt.NDArray]) -> Aggregation:
        """Return the aggregation that gave a ``state``, whose other entries are left alone.

        Raises:
            KeyError: An entry is missing.
            ValueError: The features are not (1, C, h, w).
        """
        result = cls()
        if "seen" in state:
            features = np.asarray(state["seen"], np.float32)
            if features.ndim != 4 or len(features) != 1:
                raise ValueError(
                    f"the temporal state has seen {features.shape}, not (1, C, h, w); colour the film anew"
                )
            result._features = torch.from_numpy(features)
            result._grey = np.asarray(state["seen_grey"], np.uint8)
            result._contrast = float(state["seen_contrast"])
        return result


def track_predicted(interval: list[Frame]) -> None:
    """Set ``to_predicted`` of each frame of an interval that the network is to predict.

    Args:
        interval: The frames after one anchor up to the next.
    """
    chain: Motion | None = None
    # Until a frame of this interval has been predicted, the one before is the last anchor; a flash at a segment's end
    # is an anchor that was not predicted, but the last one that was lies a few frames before it.
    inside = False
    for frame in interval:
        if inside:
            assert frame.backward_flow is not None
            chain = frame.backward_flow if chain is None else frame.backward_flow.compose(chain)
        if frame.needs_network:
            frame.to_predicted = chain if inside else frame.to_anchor
            chain, inside = None, True


def warp_features(features: Tensor, motion: Motion, confidence: Floats) -> tuple[Tensor, Tensor]:
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
    # grid_sample's positions go from -1 to 1, from the outer edge of the first cell to that of the last.
    positions = (np.dstack([x, y]) + field + 0.5) * (2 / np.array([width, height], np.float32)) - 1
    grid = torch.from_numpy(positions.astype(np.float32))[None]
    cell_confidence = cv2.resize(confidence, (width, height), interpolation=cv2.INTER_AREA)
    warped = F.grid_sample(features, grid, padding_mode="border", align_corners=False)
    return warped, torch.from_numpy(cell_confidence)[None, None]
