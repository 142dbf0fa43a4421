"""Diversity of several candidates of one photo: how much their colours differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import brentq

from colorize.color import Picture, rgb_to_lab
from training.metrics import Floats, ciede2000


def diversity(candidates: Sequence[Picture]) -> float:
    """Return the mean pairwise CIEDE2000 of one photo's candidates after their mean ab and mean chroma are made equal.

    So a tint over the whole picture, or more saturation, does not count as another candidate.

    Raises:
        ValueError: There are fewer than two candidates.
    """
    if len(candidates) < 2:
        raise ValueError("diversity needs at least two candidates")
    labs = [rgb_to_lab(candidate) for candidate in candidates]
    means = [lab[..., 1:].mean(axis=(0, 1), dtype=np.float64) for lab in labs]
    common = np.mean(means, axis=0)
    deviations = [lab[..., 1:] - mean for lab, mean in zip(labs, means, strict=True)]
    chroma = float(np.mean([_mean_chroma(common + deviation) for deviation in deviations]))
    equal = [
        np.dstack([lab[..., 0], common + _contrast(common, deviation, chroma) * deviation])
        for lab, deviation in zip(labs, deviations, strict=True)
    ]
    return float(np.mean([ciede2000(one, other) for one, other in combinations(equal, 2)]))


def _mean_chroma(ab: Floats) -> float:
    return float(np.hypot(ab[..., 0], ab[..., 1]).mean())


def _contrast(common: Floats, deviation: Floats, chroma: float) -> float:
    """Return the factor of the deviation from the common ab that gives the wanted mean chroma."""
    if np.abs(deviation).max() < 1e-3:
        return 1.0  # one colour everywhere: no factor changes it

    def excess(factor: float) -> float:
        return _mean_chroma(common + factor * deviation) - chroma

    # Convex in the factor and least at 0, because the deviation's mean is 0: so it rises from there on.
    low, high = 0.0, 1.0
    while excess(high) < 0:
        low, high = high, 2 * high
    if excess(low) >= 0:
        return low
    return float(brentq(excess, low, high, xtol=1e-4))  # type: ignore[arg-type]  # a tuple only with full_output
