"""Whether a grey page of a TIFF is the infrared of the colour page before it, or a photograph: by the pixels of both.

Film scanners' programs write the infrared as a page of its own, and many without a mark. Dyes let it through, so it
shows dust and scratches where the colour page has them, a trace of the scene or, of silver, all of it: its detail
correlates with the colour page's. Two photographs have no more in common than chance gives.
"""

from __future__ import annotations

import cv2
import numpy as np

from colorize.color import Floats, Picture, shrink

SHORT_SIDE = 1000  # pixels of the pictures that are compared
MARGIN = 0.08  # share of each side that is not looked at: mounts and paper's edges are alike on every page
DUST, SCENE = 0.7, 2.0  # standard deviations in pixels of the finer blur of a band; the coarser is three times as wide
SPOT, LIMIT = 4.0, 6.0  # in deviations of the detail: where dust begins, and what counts no more than that
LEAST_SPOTS = 60  # pixels; with fewer, chance decides
LEAST_DUST, LEAST_SCENE = 0.35, 0.3  # correlations; of 477 pairs of photographs the largest were 0.27 and 0.18
COPY = 0.995  # share of the variance that the colours explain: such a page is a grey copy of the photograph
EVEN = 0.02  # of the range of the levels; within that there is nothing to see


def is_infrared_of(color: Picture, grey: Picture) -> bool:
    """Return whether a grey page is the infrared of a colour one.

    Args:
        color: (H, W, 3) RGB, uint8 or uint16.
        grey: (H, W) of the same size.
    """
    height, width = grey.shape
    scale = min(1.0, SHORT_SIDE / min(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    rgb, other = _inner(shrink(color, size)), _inner(shrink(grey, size))
    if min(other.shape) < 2 or _is_copy(rgb, other):
        return False
    dust, scene = _detail(other, DUST), _detail(other, SCENE)
    spots = np.abs(dust) > SPOT
    for plane in np.moveaxis(rgb, -1, 0):
        if np.abs(_correlation(scene, _detail(plane, SCENE))) > LEAST_SCENE:
            return True
        if spots.sum() >= LEAST_SPOTS and np.abs(_correlation(dust[spots], _detail(plane, DUST)[spots])) > LEAST_DUST:
            return True
    return False


def is_even(grey: Picture) -> bool:
    """Return whether a grey picture (H, W) shows nothing at all."""
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), SCENE)
    return float(np.ptp(smooth)) < EVEN * np.iinfo(grey.dtype).max


def _inner(picture: Picture) -> Floats:
    """Return the inner part of a picture."""
    rows, columns = (round(MARGIN * side) for side in picture.shape[:2])
    return picture[rows : picture.shape[0] - rows, columns : picture.shape[1] - columns].astype(np.float32)


def _is_copy(rgb: Floats, grey: Floats) -> bool:
    """Return whether a grey picture is a mixture of a colour picture's planes."""
    planes = np.column_stack([rgb.reshape(-1, 3), np.ones(grey.size, np.float32)])
    weights = np.linalg.lstsq(planes.T @ planes, planes.T @ grey.ravel(), rcond=None)[0]
    left = grey.ravel() - planes @ weights.astype(np.float32)
    return float(left.var()) <= (1 - COPY) * float(grey.var())


def _detail(plane: Floats, blur: float) -> Floats:
    """Return the detail of a plane (h, w) in a band of frequencies, in deviations of that detail, limited."""
    band = cv2.GaussianBlur(plane, (0, 0), blur) - cv2.GaussianBlur(plane, (0, 0), 3 * blur)
    deviation = 1.4826 * float(np.median(np.abs(band))) + 1e-6 * (1 + float(np.abs(plane).max()))
    return np.clip(band / np.float32(deviation), -LIMIT, LIMIT, dtype=np.float32)


def _correlation(a: Floats, b: Floats) -> float:
    """Return the correlation of two details about 0."""
    return float((a * b).sum() / max(1e-9, float((a * a).sum() * (b * b).sum()) ** 0.5))
