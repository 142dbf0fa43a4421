"""Metrics of the colours of a picture or of a set of pictures.

Those of skin, of candidates and of films are in ``training.skin``, ``training.diversity`` and ``training.flicker``.

Pictures are uint8 (H, W, 3) RGB, Lab pictures float32 (H, W, 3) with L 0..100. A single figure means little: PSNR and
CIEDE2000 reward grey, colourfulness rewards noise. So they are always read together, beside a grey row and a
ground-truth row (``training.evaluate``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio

from colorize.color import Picture, lab_to_rgb

Floats = NDArray[np.floating]

AB_BIN = 10.0  # width of a histogram bin in Lab units
AB_BINS = 23  # centred on the multiples of AB_BIN in -110..110, so that grey falls into one bin, not on an edge
FLAT_LIGHTNESS = 0.5  # |gradient of L| per pixel below which a place is flat
STRIP = 64  # rows whose CIEDE2000 is computed at once: its dozens of temporaries then stay in the cache


def psnr(prediction: Picture, truth: Picture) -> float:
    """Return the peak signal-to-noise ratio over RGB in dB; infinite for equal pictures."""
    if np.array_equal(prediction, truth):
        return float("inf")  # scikit-image gives the same, with a warning
    return float(peak_signal_noise_ratio(truth, prediction, data_range=255))


def ciede2000(prediction_lab: Floats, truth_lab: Floats) -> float:
    """Return the CIEDE2000 colour difference, the mean over the pixels.

    Args:
        prediction_lab: (H, W, 3) in Lab units. float32 takes half the time and differs by less than 1e-5.
        truth_lab: Of the same shape.
    """
    total = 0.0
    for top in range(0, len(truth_lab), STRIP):
        strip = slice(top, top + STRIP)
        total += deltaE_ciede2000(truth_lab[strip], prediction_lab[strip]).sum(dtype=np.float64)
    return float(total / truth_lab[..., 0].size)


def colourfulness(picture: Picture, absolute: bool = False) -> float:
    """Return the colourfulness of Hasler and Suesstrunk (2003), equation 6, on the scale of 0..255 pictures.

    Args:
        picture: RGB.
        absolute: DDColor's definition, which takes |rg| and |yb|; other figures come out, so name which one you print.
    """
    red, green, blue = np.moveaxis(picture.astype(np.float32), 2, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    if absolute:
        rg, yb = np.abs(rg), np.abs(yb)
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def without_ramp(lab: Floats) -> Floats:
    """Return a Lab picture less the least-squares planes of a and b over x and y; L and the means of a and b are kept.

    A tint that runs from blue at the top to brown at the bottom is such a plane; the colours of things are not.
    """
    height, width = lab.shape[:2]
    x = np.arange(width) - (width - 1) / 2
    y = np.arange(height) - (height - 1) / 2
    flat = np.array(lab, dtype=np.float32)
    for channel in (1, 2):
        # On a full grid centred x, centred y and 1 are orthogonal, so the least-squares plane has a closed form.
        plane = lab[..., channel].astype(np.float64)
        slope_x = (plane.mean(axis=0) @ x) / (x @ x or 1.0)
        slope_y = (plane.mean(axis=1) @ y) / (y @ y or 1.0)
        flat[..., channel] = plane - slope_x * x[None, :] - slope_y * y[:, None]
    return flat


def ramp_free_colourfulness(lab: Floats) -> float:
    """Return the colourfulness (Hasler and Suesstrunk) of a Lab picture without its linear ab ramp."""
    return colourfulness(lab_to_rgb(without_ramp(lab)))


def top1_gain(prediction: float, grey: float, truth: float = 1.0) -> float:
    """Return the share of the gap from grey to truth that the colours close; NaN if there is no gap.

    Args:
        prediction: Share of the colorized pictures that a classifier recognises (Zhang 2016, section 3.2).
        grey: The same share of the grey pictures.
        truth: The same of the true ones; 1 where "recognised" means the class that the classifier gives the truth.
    """
    return (prediction - grey) / (truth - grey) if truth != grey else float("nan")


def frechet_distance(features: Floats, true_features: Floats) -> float:
    """Return the Frechet distance of two Gaussians fitted to features (Heusel et al. 2017, equation 6).

    With covariances A'A and B'B the trace of (A'A B'B)^(1/2) is the sum of the singular values of AB', so no root of
    a matrix is needed, which would be complex where there are fewer pictures than features.

    Args:
        features: (N, D), at least two rows.
        true_features: (M, D), at least two rows.

    Raises:
        ValueError: There are fewer than two rows, or different D.
    """
    if min(len(features), len(true_features)) < 2:
        raise ValueError("the Frechet distance needs the features of at least two pictures on each side")
    if features.shape[1] != true_features.shape[1]:
        raise ValueError(
            f"features of {features.shape[1]} and {true_features.shape[1]} columns; compare like with like"
        )
    shift = features.mean(axis=0, dtype=np.float64) - true_features.mean(axis=0, dtype=np.float64)
    root, true_root = _covariance_root(features), _covariance_root(true_features)
    cross = np.linalg.norm(root @ true_root.T, "nuc")
    distance = shift @ shift + np.sum(root**2) + np.sum(true_root**2) - 2 * cross
    return float(max(distance, 0.0))  # rounding can leave -1e-12


def _covariance_root(features: Floats) -> Floats:
    """Return A (at most D rows, D columns) with A'A the covariance of the features (N, D)."""
    centred = features - features.mean(axis=0, dtype=np.float64)
    centred /= np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(features) > features.shape[1] else centred


def ab_histogram(lab: Floats) -> NDArray[np.int64]:
    """Return how many pixels fall into each bin of 10 x 10 Lab units of ab, (23, 23)."""
    half = AB_BINS // 2
    bins = np.clip(np.rint(lab[..., 1:] / AB_BIN), -half, half).astype(np.int64) + half
    return np.bincount((bins[..., 0] * AB_BINS + bins[..., 1]).ravel(), minlength=AB_BINS**2).reshape(AB_BINS, AB_BINS)


def histogram_distance(counts: NDArray[np.int64], true_counts: NDArray[np.int64]) -> float:
    """Return the Jensen-Shannon divergence of two histograms in bits: 0 for equal ones, 1 for disjoint ones."""
    return float(jensenshannon(counts.ravel(), true_counts.ravel(), base=2) ** 2)  # SciPy's "distance" is its root


def bleeding(lab: Floats, truth_lightness: Floats) -> float:
    """Return the mean |gradient of ab| where the truth's lightness is flat, in Lab units per pixel.

    Colour that ends inside a flat place has left its object. Photographs bleed a little too, so the truth's own
    figure belongs beside it.

    Returns:
        NaN where no place is flat.
    """
    flat = _steepness(truth_lightness) < FLAT_LIGHTNESS
    if not flat.any():
        return float("nan")
    return float(np.hypot(_steepness(lab[..., 1]), _steepness(lab[..., 2]))[flat].mean())


def _steepness(plane: Floats) -> Floats:
    """Return |gradient| per pixel of a plane (H, W), by central differences."""
    down, right = np.gradient(plane)
    return np.hypot(down, right)
