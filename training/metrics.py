"""How good the colours are: every metric of the project by its formula.

Pictures are uint8 (H, W, 3) RGB, Lab pictures float32 (H, W, 3) with L 0..100. A single figure means little: PSNR and
CIEDE2000 reward grey, colourfulness rewards noise. So they are always read together, beside a grey row and a
ground-truth row (``training.evaluate``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.spatial.distance import jensenshannon
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio

from colorize.lab import Picture, lab_to_rgb, rgb_to_lab

Floats = NDArray[np.floating]

AB_BIN = 10.0  # width of a histogram bin in Lab units
AB_BINS = 23  # centred on the multiples of AB_BIN in -110..110, so that grey falls into one bin, not on an edge
FLAT_LIGHTNESS = 0.5  # |gradient of L| per pixel below which a place is flat
HUE_CHROMA = 5.0  # a pixel of at most this chroma looks grey and has no hue
BLUE_HUES = (180.0, 300.0)  # degrees of h_ab
CONSISTENCY = 1.0  # pixels by which flow forward and back may miss its start
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
    """Return a Lab picture whose a and b have lost their least-squares plane over x and y; L and their means stay.

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
    """Return the colourfulness (Hasler) that is left without each picture's linear ab ramp."""
    return colourfulness(lab_to_rgb(without_ramp(lab)))


def top1_gain(prediction: float, grey: float, truth: float = 1.0) -> float:
    """Return the share of the gap from grey to truth that the colours close; NaN where there is no gap.

    Args:
        prediction: Share of the coloured pictures that a classifier recognises (Zhang 2016, section 3.2).
        grey: The same share of the grey pictures.
        truth: The same of the true ones; 1 where "recognised" means the classifier's own answer on the truth.
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


def skin_mask(truth: Picture, truth_lightness: Floats) -> NDArray[np.bool_]:
    """Return where the true picture shows skin, (H, W): a box in full-range CbCr (Chai and Ngan 1999).

    Sand, wood and brick can fall into the box too: it says where skin may be, at the price of no face detector.
    """
    _, cr, cb = np.moveaxis(cv2.cvtColor(truth, cv2.COLOR_RGB2YCrCb), 2, 0)
    return in_skin_box(cb, cr, truth_lightness)


def in_skin_box(cb: Any, cr: Any, lightness: Any) -> Any:
    """Return where full-range Cb and Cr and the lightness L may be skin's: arrays and tensors alike, bool."""
    mask = (cb >= 77) & (cb <= 127) & (cr >= 133) & (cr <= 173)
    return mask & (lightness > 20) & (lightness < 95)


@dataclass(frozen=True)
class SkinTally:
    """What colour skin got, summed over pixels; tallies of pictures add up.

    Attributes:
        pixels: Skin pixels.
        blue: Those with a hue in 180..300 degrees and a chroma above 5.
        hue: Sum of the unit vectors a + bi of those that have a hue (a chroma above 5).
    """

    pixels: int = 0
    blue: int = 0
    hue: complex = 0j

    def __add__(self, other: SkinTally) -> SkinTally:
        return SkinTally(self.pixels + other.pixels, self.blue + other.blue, self.hue + other.hue)

    def blue_share(self) -> float:
        """Return the share of the skin that is blue, 0..1; NaN where there is no skin."""
        return self.blue / self.pixels if self.pixels else float("nan")

    def hue_drift(self, truth: SkinTally) -> float:
        """Return by how many degrees the mean hue is turned, -180..180: above 0 to yellow, below to pink.

        NaN where either has no hue: grey skin is neither.
        """
        if not (abs(self.hue) and abs(truth.hue)):
            return float("nan")
        return float(np.degrees(np.angle(self.hue * truth.hue.conjugate())))


def tally_skin(lab: Floats, mask: NDArray[np.bool_]) -> SkinTally:
    """Count the colours of a Lab picture under a skin mask."""
    a, b = lab[mask][:, 1:].astype(np.float64).T
    chroma = np.hypot(a, b)
    coloured = chroma > HUE_CHROMA
    vectors = (a[coloured] + 1j * b[coloured]) / chroma[coloured]
    degrees = np.degrees(np.angle(vectors)) % 360
    blue = (degrees >= BLUE_HUES[0]) & (degrees <= BLUE_HUES[1])
    return SkinTally(int(mask.sum()), int(blue.sum()), complex(vectors.sum()))


def diversity(candidates: Sequence[Picture]) -> float:
    """Return the mean pairwise CIEDE2000 of one photo's candidates after their mean ab and mean chroma are made equal.

    So a tint over everything, or more saturation, does not count as another answer.

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


@dataclass(frozen=True)
class WarpError:
    """How much colours change from frame to frame along the motion, in Lab units of ab.

    Attributes:
        film: Of the film that is judged.
        truth: Of the true film: noise, light and the flow's own errors.
    """

    film: float
    truth: float

    @property
    def excess(self) -> float:
        """What colouring added."""
        return self.film - self.truth


def warp_error(film: Iterable[Picture], truth: Iterable[Picture]) -> WarpError:
    """Return the mean |ab_t - warp(ab_t-1)| over the pixels whose flow is consistent; two frames are held at a time.

    Args:
        film: Coloured frames.
        truth: The true frames, as many and as large; the flow is seen in their grey.

    Raises:
        ValueError: There are fewer than two frames, or the films differ in length.
    """
    total, pixels, pairs = np.zeros(2), 0, 0
    for (film_before, before), (film_now, now) in pairwise(zip(film, truth, strict=True)):
        pairs += 1
        where, consistent = _follow(before, now)
        pixels += int(consistent.sum())
        for index, (frame_before, frame) in enumerate([(film_before, film_now), (before, now)]):
            ab_before, ab = rgb_to_lab(frame_before)[..., 1:], rgb_to_lab(frame)[..., 1:]
            change = ab - _sample(ab_before, where)
            total[index] += np.hypot(change[..., 0], change[..., 1])[consistent].sum(dtype=np.float64)
    if not pairs:
        raise ValueError("the warp error needs at least two frames")
    return WarpError(*(total / pixels).tolist()) if pixels else WarpError(float("nan"), float("nan"))


def _follow(before: Picture, now: Picture) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where each pixel of a frame was in the frame before (H, W, 2: x, y), and whether that is sure."""
    grey_before, grey = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY), cv2.cvtColor(now, cv2.COLOR_RGB2GRAY)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = grey.shape
    back, forth = (
        np.asarray(flow.calc(start, end, np.zeros((height, width, 2), np.float32)), np.float32)
        for start, end in ((grey, grey_before), (grey_before, grey))
    )
    y, x = np.mgrid[:height, :width].astype(np.float32)
    where = np.dstack([x, y]) + back
    miss = back + _sample(forth, where)
    inside = (where >= 0).all(axis=2) & (where[..., 0] <= width - 1) & (where[..., 1] <= height - 1)
    return where, inside & (np.hypot(miss[..., 0], miss[..., 1]) <= CONSISTENCY)


def _sample(frame: Floats, where: Floats) -> Floats:
    """Return the values of a map (H, W, 2) at the places ``where`` (H, W, 2: x, y), bilinear."""
    x, y = cv2.split(where)
    return np.asarray(cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
