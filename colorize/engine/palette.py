"""The palette of a picture: the few colours that stand for all that the network has given it."""

from __future__ import annotations

import cv2
import numpy as np

from colorize.color import Floats, lab_to_rgb

SAMPLES = 4096  # pixels that are looked at, spread evenly
LIGHTNESS_WEIGHT = 0.4  # of a difference in L, against one in a or b: a colour is one in light and in shade
WEIGHTS = np.array([LIGHTNESS_WEIGHT, 1, 1], np.float32)
MIN_DIFFERENCE = 6.0  # between two colours of a palette, in the same units


def likely_colors(lightness: Floats, ab: Floats, count: int = 10) -> list[str]:
    """Return the colours of a picture as ``#rrggbb``, the most frequent first; alike ones are left out.

    Args:
        lightness: (h, w), L 0..100.
        ab: (h, w, 2) in Lab units.
        count: How many at most.
    """
    lab = np.dstack([lightness, ab]).reshape(-1, 3).astype(np.float32)
    lab = lab[:: max(1, len(lab) // SAMPLES)]
    points = lab * WEIGHTS
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    cv2.setRNGSeed(0)  # the same picture has the same palette
    initial = np.empty((0,), np.int32)
    _, labels, centers = cv2.kmeans(points, min(count, len(points)), initial, criteria, 1, cv2.KMEANS_PP_CENTERS)
    order = np.argsort(-np.bincount(labels.ravel(), minlength=len(centers)))
    kept: list[Floats] = []
    for center in centers[order]:
        if all(np.linalg.norm(center - other) >= MIN_DIFFERENCE for other in kept):
            kept.append(center)
    colors = lab_to_rgb((np.array(kept) / WEIGHTS).astype(np.float32)[None])[0]
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colors.tolist()]
