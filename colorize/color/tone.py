"""Whether a picture is in colour already, or grey or toned: what of its chroma a grey picture could not have.

In a toned picture a and b follow from L: black is neutral, the middle tones brown, the paper cream. Fading changes the
tone smoothly over the picture, noise is the same everywhere and goes where it is averaged, and a stamp, an ink note, a
channel's sign or a coloured border is one colour in a small part. What is left is the picture's colour.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.lab import Picture, check_picture, rgb_to_lab
from colorize.color.resample import shrink
from colorize.color.spaces import SRGB, ColorSpace, Floats

SHORT_SIDE = 96  # pixels of the picture that is measured; grain and JPEG's colour noise average out
MAX_LONG_SIDE = 960
LEAST_CHROMA = 0.5  # of any pixel; below it there is nothing to explain

TONE_TERMS = 4  # of the polynomial in L; so many come first
CAST_TERMS = 7  # of the polynomial in place and L
FIT_PIXELS = 1500  # about as many are fitted
FIT_ROUNDS = 4
FIT_SCALE = 1.5  # medians of the distance at which a pixel's weight has halved (Cauchy's function)
LEAST_MEDIAN = 2.0  # in ab; below it the fit would follow the steps to which JPEG rounds chroma
RIDGE = 1e-6  # of the normal equations, for pictures of few pixels or one lightness
MAX_CAST = 10.0  # root mean square in ab that fading may have; a sunset has more

PATCH_DISTANCE = 10.0  # least distance from the tone, in ab, of a pixel of a patch
PATCH_DISTANCE_PER_MEDIAN = 3.0  # and in medians of the distance, so that noise is none
PATCH_HUES = 24  # bins of the circle in which the hue of the most pixels is sought
PATCH_ANGLE = 25.0  # degrees around that hue
MAX_PATCH = 0.065  # of the area: 5 %, and what a blurred edge adds

BLURS = (2.5, 5.0)  # standard deviations in pixels of the reduced picture
NOISE_FACTOR = 3.8  # square of the coarse blur's percentile over that of the median of what the blurs differ by
PERCENTILE = 95  # of the distances; what is smaller may be anything
MAX_DISTANCE = 0.85  # from the tone, in ab
MAX_DISTANCE_PER_CHROMA = 0.08  # added for each unit of mean chroma; stains and JPEG's steps grow with the tone

MAX_TONE = 40.0  # mean chroma of a toned picture; the strongest tried has 31, lawns and deep skies more


class ColorMeasure(NamedTuple):
    """How far a picture is in colour.

    Attributes:
        ratio: Its unexplained chroma, or its mean chroma, over the most that a grey or toned picture has: 0 without
            any, above 1 in colour.
            The farther from 1, as a factor, the surer; a scene is as sure as the median of its frames' ratios.
        patch_share: Share 0..1 of the area that is one small coloured patch, which does not count.
        tone: Mean chroma, in ab, that lightness and place explain.
        noise: Median of what they do not explain, in ab; in a grey picture it is noise.
    """

    ratio: float
    patch_share: float = 0.0
    tone: float = 0.0
    noise: float = 0.0

    @property
    def is_grey(self) -> bool:
        """Whether the picture is grey or toned, and so is to be coloured."""
        return self.ratio <= 1


def is_grey(picture: Picture, space: ColorSpace = SRGB) -> bool:
    """Return whether a picture is grey or toned, and so is to be coloured; see ``measure_color``."""
    return measure_color(picture, space).is_grey


def measure_color(picture: Picture, space: ColorSpace = SRGB) -> ColorMeasure:
    """Measure how far a picture is in colour.

    The thresholds were set on colour photographs and on grey and toned copies of them (docs/experiments.md).

    Args:
        picture: (H, W, 3) RGB or grey (H, W), uint8 or uint16.
        space: Its RGB space.
    """
    check_picture(picture)
    if picture.ndim == 2:
        return ColorMeasure(0.0)
    lab = rgb_to_lab(_reduce(picture), space)
    chroma = _length(lab[..., 1:])
    if chroma.max() < LEAST_CHROMA:
        return ColorMeasure(0.0)
    tone = _fit_tone(lab, np.ones_like(chroma))
    unexplained = lab[..., 1:] - tone
    patch, patch_share = _find_patch(unexplained)
    if patch_share:  # the fit may have bent towards it
        tone = _fit_tone(lab, 1 - patch.astype(np.float32))
        unexplained = lab[..., 1:] - tone
        patch, patch_share = _find_patch(unexplained)
    counted = ~cv2.dilate(patch.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    strength = float(chroma[counted].mean()) if counted.any() else 0.0
    distance = _distance(unexplained, counted) / (MAX_DISTANCE + MAX_DISTANCE_PER_CHROMA * strength)
    tone_strength, noise = float(_length(tone).mean()), float(np.median(_length(unexplained)))
    return ColorMeasure(max(distance, strength / MAX_TONE), patch_share, tone_strength, noise)


def _reduce(picture: Picture) -> Picture:
    """Return a picture reduced to ``SHORT_SIDE``, (h, w, 3)."""
    height, width = picture.shape[:2]
    whole = min(height, width) // (2 * SHORT_SIDE)
    if whole > 1:  # by a whole number first, which OpenCV does three times as fast
        height, width = height // whole, width // whole
        picture = shrink(picture[: height * whole, : width * whole], (height, width))
    scale = min(1.0, SHORT_SIDE / min(height, width))
    height, width = (min(MAX_LONG_SIDE, max(1, round(side * scale))) for side in (height, width))
    return shrink(picture, (height, width))


def _fit_tone(lab: Floats, weight: Floats) -> Floats:
    """Return the ab (h, w, 2) that lightness and place explain: a robust fit of polynomials.

    Cubic in L, and for the cast quadratic in x and y with their products with L, since paper yellows more than blacks.

    Args:
        lab: (h, w, 3).
        weight: (h, w) 0..1 of each pixel.
    """
    height, width = lab.shape[:2]
    lightness = lab[..., 0] / np.float32(50) - 1
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    terms = np.empty((TONE_TERMS + CAST_TERMS, height, width), np.float32)
    tones = (1, lightness, lightness**2, lightness**3)
    casts = (x, y, x * y, x * x, y * y, x * lightness, y * lightness)
    for term, values in zip(terms, tones + casts, strict=True):
        term[:] = values
    step = max(1, round((height * width / FIT_PIXELS) ** 0.5))
    known = terms[:, ::step, ::step].reshape(len(terms), -1)
    wanted = lab[::step, ::step, 1:].reshape(-1, 2)
    given = weight[::step, ::step].ravel()
    ridge = RIDGE * given.size * np.eye(len(terms))
    fitted = np.median(wanted, axis=0)
    coefficients = np.zeros((len(terms), 2), np.float32)
    for _ in range(FIT_ROUNDS):
        distance = np.hypot(*(wanted - fitted).T)
        weighted = known * given / (1 + (distance / (FIT_SCALE * max(float(np.median(distance)), LEAST_MEDIAN))) ** 2)
        coefficients = np.linalg.solve(weighted @ known.T + ridge, weighted @ wanted).astype(np.float32)
        fitted = known.T @ coefficients
    tone, cast = (
        np.tensordot(terms[part], coefficients[part], axes=(0, 0)) for part in (np.s_[:TONE_TERMS], np.s_[TONE_TERMS:])
    )
    spread = float(np.sqrt(cast.var(axis=(0, 1)).sum()))
    return tone + cast * np.float32(MAX_CAST / max(spread, MAX_CAST))


def _find_patch(unexplained: Floats) -> tuple[npt.NDArray[np.bool_], float]:
    """Return the mask (h, w) of the pixels of one hue far from the tone, and the share of the area that they fill.

    Where they fill more than a patch may, the mask is empty and the share 0.
    """
    smooth = cv2.GaussianBlur(unexplained, (0, 0), 1)
    distance = _length(smooth)
    patch = distance > max(PATCH_DISTANCE, PATCH_DISTANCE_PER_MEDIAN * float(np.median(distance)))
    if not patch.any():
        return patch, 0.0
    hue = np.arctan2(smooth[..., 1][patch], smooth[..., 0][patch])
    bins = ((hue / (2 * np.pi) + 0.5) * PATCH_HUES).astype(int) % PATCH_HUES
    counts = np.bincount(bins, minlength=PATCH_HUES)
    commonest = int((counts + np.roll(counts, 1) + np.roll(counts, -1)).argmax())
    middle = ((commonest + 0.5) / PATCH_HUES - 0.5) * 2 * np.pi
    patch[patch] = np.cos(hue - middle) > np.cos(np.radians(PATCH_ANGLE))
    strength = _length(unexplained)[patch]  # at its blurred edge a patch is wider and paler
    share = float(strength.sum() / max(float(np.percentile(strength, 90)), PATCH_DISTANCE)) / patch.size
    return (patch, share) if share <= MAX_PATCH else (np.zeros_like(patch), 0.0)


def _distance(unexplained: Floats, counted: npt.NDArray[np.bool_]) -> float:
    """Return how far from the tone, in ab, the pixels that count are once noise is averaged out and subtracted.

    White noise has as much in the band between two blurs as behind the coarser, a picture's colours lie mostly behind
    it; and noise fills the band everywhere, so that its median tells the noise, the colours at edges alone.
    """
    weight = counted.astype(np.float32)
    fine = cv2.GaussianBlur(np.dstack([unexplained * weight[..., None], weight]), (0, 0), BLURS[0])[::2, ::2]
    coarse = cv2.GaussianBlur(fine, (0, 0), (BLURS[1] ** 2 - BLURS[0] ** 2) ** 0.5 / 2)
    counted = counted[::2, ::2]
    if not counted.any():
        return 0.0
    fine_ab, coarse_ab = (planes[..., :2] / np.maximum(planes[..., 2:], np.float32(1e-3)) for planes in (fine, coarse))
    noise = NOISE_FACTOR * float(np.median(_length(fine_ab - coarse_ab)[counted])) ** 2
    return max(0.0, float(np.percentile(_length(coarse_ab)[counted], PERCENTILE)) ** 2 - noise) ** 0.5


def _length(ab: npt.NDArray) -> Floats:
    """Return the length (h, w) of ab (h, w, 2)."""
    return np.asarray(cv2.magnitude(ab[..., 0], ab[..., 1]), np.float32)
