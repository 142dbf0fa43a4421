"""The colours of a key frame on the network's grid, rid of what a hand or a program painted roughly.

A picture that lies a few pixels beside its frame, as image editors and networks return them, is moved onto it by its
lightness; noise in its colours is averaged away. A key frame without either stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from colorize.color import L_HALF, Floats
from colorize.motion.flow import Grey

MAX_SHIFT = 0.04  # of the short side by which a key frame is moved
MIN_LIKENESS = 0.5  # correlation of the details of a moved key frame with those of its frame
MIN_GAIN = 0.02  # of that correlation by which moving has to help
DETAIL = 2.5  # pixels, standard deviation of the blur that details are left over from
MIN_NOISE = 1.5  # standard deviation of ab, from which on noise is averaged away
MAX_NOISE = 25.0
NOISE_PART = 16  # pixels, side of the parts of which the noise is taken
PATCH, SEARCH = 3, 15  # pixels of the averaging by non-local means (Buades et al. 2005)
TIMES_APPLIED = 2  # guides: to what the network predicts, and to what is made of that
NOISE_FACTOR = 1.1  # of the noise: how unlike patches may be


@dataclass(frozen=True, eq=False)
class KeyColors:
    """The colours of a key frame.

    Attributes:
        ab: (h, w, 2) float32 in Lab units, on the network's grid.
        weight: (h, w) float32, 0..1: how far each pixel says something; 0 where the key frame is transparent.
    """

    ab: Floats
    weight: Floats

    def each_time(self) -> KeyColors:
        """Return them with the weight that they have each time that a guide is applied, to count as they do once."""
        return KeyColors(self.ab, np.asarray(1 - np.maximum(1 - self.weight, 0) ** (1 / TIMES_APPLIED), np.float32))

    def tidied(self, lightness: Floats, grey: Grey) -> KeyColors:
        """Return the colours where the frame has them, without noise.

        Args:
            lightness: (h, w), the key frame's own, L 0..100; whether it is that of the frame does not matter.
            grey: (h, w), the frame.
        """
        x, y = _shift(lightness, grey)
        ab, weight = self.ab, self.weight
        if (x, y) != (0.0, 0.0):
            matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
            both = cv2.warpAffine(
                cv2.merge([ab, weight]),
                matrix,
                grey.shape[::-1],
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            ab, weight = np.ascontiguousarray(both[..., :2]), np.asarray(both[..., 2], np.float32)
        return KeyColors(_without_noise(np.asarray(ab, np.float32), lightness), weight)


def _shift(lightness: Floats, grey: Grey) -> tuple[float, float]:
    """Return by how many pixels, in x and y, a key frame has to be moved to lie on its frame."""
    reach = round(MAX_SHIFT * min(grey.shape))
    if reach < 1 or min(grey.shape) < 8 * reach:
        return 0.0, 0.0
    mine, wanted = _details(lightness), _details(np.asarray(grey * (2 * L_HALF / 255), np.float32))
    inner = np.ascontiguousarray(mine[reach:-reach, reach:-reach])
    likeness = np.nan_to_num(np.asarray(cv2.matchTemplate(wanted, inner, cv2.TM_CCOEFF_NORMED), np.float32))
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    best = float(likeness[row, column])
    if best < MIN_LIKENESS or best < float(likeness[reach, reach]) + MIN_GAIN:
        return 0.0, 0.0
    return _peak(likeness[row], int(column)) - reach, _peak(likeness[:, column], int(row)) - reach


def _peak(values: Floats, place: int) -> float:
    """Return where a curve is highest, by the parabola through its highest value and those beside it."""
    if not 0 < place < len(values) - 1:
        return float(place)
    before, here, after = (float(value) for value in values[place - 1 : place + 2])
    curvature = before - 2 * here + after
    return place + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)


def _details(lightness: Floats) -> Floats:
    return np.asarray(lightness - cv2.GaussianBlur(lightness, (0, 0), DETAIL), np.float32)


def _without_noise(ab: Floats, lightness: Floats) -> Floats:
    """Return ab (h, w, 2) with its noise averaged away, if it has any."""
    # Of a picture smaller than the grid the noise is smooth on the grid, and shows at half its size alone.
    size = (max(1, ab.shape[1] // 2), max(1, ab.shape[0] // 2))
    half = [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.float32) for each in (ab, lightness)]
    fine, smooth = _noise_of(ab, lightness), _noise_of(*half)
    if max(fine, smooth) < MIN_NOISE:
        return ab
    noise = min(MAX_NOISE, max(fine, 2 * smooth))  # noise of single pixels is halved by reducing them
    planes = np.clip(np.rint(ab + 128), 0, 255).astype(np.uint8)
    strength = [NOISE_FACTOR * noise] * 2
    averaged = cv2.fastNlMeansDenoising(planes, strength, None, PATCH, SEARCH, cv2.NORM_L1)
    return np.asarray(averaged.astype(np.float32) - 128, np.float32)


def _noise_of(ab: Floats, lightness: Floats) -> float:
    """Return the standard deviation of the noise of ab (h, w, 2), from the second differences (Immerkaer 1996).

    Edges of colours are edges of lightness too, so the half with the smoother lightness says it. Where colours are
    dark or bright there is no room for noise, so the noisier parts count.
    """
    if min(ab.shape[:2]) < 2 * NOISE_PART:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    differences = np.abs(cv2.filter2D(np.asarray(ab, np.float32), -1, kernel)).mean(axis=2)
    edges = cv2.GaussianBlur(np.abs(cv2.filter2D(lightness, -1, kernel)), (5, 5), 1.5)
    smooth = (edges <= np.median(edges)).astype(np.float32)
    window = (NOISE_PART, NOISE_PART)
    share = cv2.boxFilter(smooth, -1, window)
    parts = cv2.boxFilter(differences * smooth, -1, window)[share > 0.1] / share[share > 0.1]
    return float(np.sqrt(np.pi / 2) / 6 * np.percentile(parts, 75))
