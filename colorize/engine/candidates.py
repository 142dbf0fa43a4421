"""Candidates: several plausible colourings of one picture, each a function of the picture, a seed and its number.

Weights with a latent vector are given another one for each candidate. Those without one, but with hints, get sampled
hints: many small patches of the picture are given other colours than the network's own, and the network colours the
picture around them. The other colours come from a random function that is smooth in lightness, in the network's own
colour and in position, so what looks alike stays alike, and nothing changes where the picture shows no reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color import AB_MAX, L_HALF, SRGB, ColorSpace, Floats, Picture
from colorize.engine.colorizer import Colorizer
from colorize.engine.hints import Hint, blend_by_distance
from colorize.engine.references import Reference, ReferenceColors

PATCH_SPACING = 21  # pixels of the network's grid from one sampled patch to the next
PATCH_SIDE = 5  # side of a patch in pixels of the grid; training draws 1 to 11
PATCH_TRIES = 4  # points of which the one farthest from edges becomes a patch

# What one unit of the random function, whose standard deviation is about 1, changes in a colour.
HUE_CHANGE = 40.0  # degrees
LOG_CHROMA_CHANGE = 0.3  # natural logarithm of the chroma's factor
AB_CHANGE = 7.5  # Lab units of ab, so that grey things change too
MAX_GREENING = 4.0  # Lab units of -a by which a colour may become greener: foliage is green, hair and coats are not

# Length scales of the random function: differences at which its values have little to do with each other.
LIGHTNESS_SCALE = 30.0  # L
AB_SCALE = 15.0  # Lab units
POSITION_SCALE = 1.5  # short sides of the picture
COSINES = 32  # of which the random function is the sum

MEMORY_COLORS = (
    (52.0, 33.0, 35.0),  # skin, and wood, which cannot be told from it
    (130.0, 30.0, 0.0),  # foliage
    (245.0, 45.0, 45.0),  # sky and water
)
"""Colours of things that everybody knows: middle and half width of the range of hue in degrees, and least L."""
MEMORY_COLOR_SHARE = 0.35  # of the change that is left to memory colours
HUE_EDGE, LIGHTNESS_EDGE = 15.0, 15.0  # degrees and L over which the ranges of MEMORY_COLORS fade out
GREY_CHROMA, COLORED_CHROMA = 3.0, 8.0  # chroma between which a colour begins to have a hue


def draw_candidates(
    colorizer: Colorizer,
    picture: Picture,
    count: int,
    *,
    seed: int = 0,
    hints: Sequence[Hint] = (),
    space: ColorSpace = SRGB,
    references: Sequence[Reference] = (),
    reference_strength: float = 1.0,
) -> list[Picture]:
    """Return several colourings of a picture; the first one is the colorizer's own, the deterministic one.

    More candidates of the same seed begin with the same ones.

    Args:
        colorizer: Its weights have a latent vector or take hints.
        picture: (H, W, 3) or grey (H, W), uint8 or uint16.
        count: How many, at least 1.
        seed: 0 or more.
        hints: Known colours, which hold in every candidate.
        space: Colour space of the picture, as in ``Colorizer.__call__``.
        references: As in ``Colorizer.__call__``; their colours hold in every candidate.
        reference_strength: Likewise.

    Returns:
        ``count`` pictures (H, W, 3) of the same dtype.

    Raises:
        ValueError: Not a picture, a hint outside it, a number out of range, or weights that give one answer alone.
    """
    network_input, hint_map = colorizer.preprocess(picture, space), colorizer.draw_hints(picture, hints)
    colors = colorizer.match_references(network_input, references, reference_strength)
    return [
        colorizer.compose(picture, ab, space)
        for ab in predict_candidates(colorizer, network_input, count, seed, hint_map, colors)
    ]


def check_candidate_weights(colorizer: Colorizer) -> None:
    """Check that a colorizer's weights can give several answers.

    Raises:
        ValueError: They have neither a latent vector nor hints.
    """
    if not colorizer.latent_dim and not colorizer.takes_hints:
        raise ValueError("these weights give one picture alone (no latent vector, no hints); candidates need others")


def predict_candidates(
    colorizer: Colorizer,
    network_input: Floats,
    count: int,
    seed: int = 0,
    hint_map: Floats | None = None,
    reference_colors: ReferenceColors | None = None,
) -> Iterator[Floats]:
    """Return an iterator of the candidates' ab, (h, w, 2) in Lab units for ``Colorizer.compose``.

    Args:
        colorizer: Its weights have a latent vector or take hints.
        network_input: ``Colorizer.preprocess``'s result.
        count: How many, at least 1.
        seed: 0 or more.
        hint_map: ``Colorizer.draw_hints``'s result.
        reference_colors: ``Colorizer.match_references``'s result, which holds in every candidate.

    Raises:
        ValueError: A number is out of range, or the weights give one answer alone.
    """
    check_candidate_weights(colorizer)
    if count < 1 or seed < 0:
        raise ValueError(f"{count} candidates of seed {seed}: needed are at least 1 candidate and a seed of 0 or more")
    return _predict_candidates(colorizer, network_input, count, seed, hint_map, reference_colors)


def _predict_candidates(
    colorizer: Colorizer,
    network_input: Floats,
    count: int,
    seed: int,
    hint_map: Floats | None,
    reference_colors: ReferenceColors | None,
) -> Iterator[Floats]:
    yield colorizer.predict_ab_with_hints([network_input], [hint_map], [reference_colors])[0]
    lightness = (network_input[0, 0] + 1) * np.float32(L_HALF)
    plain = None
    for index in range(1, count):
        random = np.random.default_rng([seed, index])
        latent = sampled = None
        if colorizer.latent_dim:
            latent = random.standard_normal((1, colorizer.latent_dim), np.float32)
        else:
            if plain is None:
                plain = colorizer.predict_ab([network_input])[0] / (colorizer.settings.saturation or 1)
            sampled = sample_hints(lightness, plain, random)
        # One at a time: in a batch of another size the last bits differ, and a candidate is to stay what it is.
        ab = colorizer.predict_ab([network_input], [sampled], [latent])[0]
        if reference_colors is not None:
            ab = reference_colors.blended(ab, colorizer.settings.saturation)
        if hint_map is not None:
            both = hint_map if sampled is None else np.where(hint_map[:, 2:] > 0, hint_map, sampled)
            hinted = colorizer.predict_ab([network_input], [both], [latent])[0]
            ab = blend_by_distance(lightness, hint_map[0], ab, hinted, colorizer.settings.saturation)
        yield ab


def sample_hints(lightness: Floats, ab: Floats, random: np.random.Generator) -> Floats:
    """Return a hint map (1, 3, h, w) that gives small patches, spread over the picture, other colours.

    Args:
        lightness: (h, w), L 0..100, of the network's grid.
        ab: (h, w, 2), Lab units: the network's own answer.
        random: The source of randomness.
    """
    height, width = lightness.shape
    smooth = np.asarray(cv2.bilateralFilter(np.asarray(lightness, np.float32), 5, 8, 2), np.float32)
    edges = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    edges = cv2.blur(edges, (PATCH_SIDE, PATCH_SIDE))
    perturbed = perturb_colors(smooth, ab, random)
    hint_map = np.zeros((3, height, width), np.float32)
    rows, columns = (max(1, round(side / PATCH_SPACING)) for side in (height, width))
    for row, column in np.ndindex(rows, columns):
        y = ((row + random.random(PATCH_TRIES)) * (height / rows)).astype(int)
        x = ((column + random.random(PATCH_TRIES)) * (width / columns)).astype(int)
        best = edges[y, x].argmin()
        top, left = max(0, y[best] - PATCH_SIDE // 2), max(0, x[best] - PATCH_SIDE // 2)
        patch = slice(top, y[best] + PATCH_SIDE // 2 + 1), slice(left, x[best] + PATCH_SIDE // 2 + 1)
        hint_map[(slice(2), *patch)] = (perturbed[patch].mean(axis=(0, 1)) / AB_MAX).clip(-1, 1)[:, None, None]
        hint_map[(2, *patch)] = 1
    return hint_map[None]


def perturb_colors(lightness: Floats, ab: Floats, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return other ab (h, w, 2) in Lab units: hues turned, chroma scaled, ab shifted, by smooth random functions."""
    height, width = lightness.shape
    y, x = np.mgrid[:height, :width] / (min(height, width) * POSITION_SCALE)
    inputs = np.dstack([lightness / LIGHTNESS_SCALE, ab / AB_SCALE, y, x])
    # A sum of random cosines is a sample of a Gaussian process with a Gaussian kernel (Rahimi and Recht 2007).
    frequencies, phases = random.normal(size=(inputs.shape[2], COSINES)), random.uniform(0, 2 * np.pi, COSINES)
    values = np.cos(inputs @ frequencies + phases) @ random.normal(0, np.sqrt(2 / COSINES), (COSINES, 4))
    values = 1.5 * np.tanh(values / 1.5)  # no extremes
    mask = perturbation_mask(lightness, ab)
    log_chroma = LOG_CHROMA_CHANGE * np.sqrt(mask) * values[..., 1]
    factor = np.exp(log_chroma + 1j * np.radians(HUE_CHANGE) * mask * values[..., 0])
    turned = (ab[..., 0] + 1j * ab[..., 1]) * factor
    perturbed = np.dstack([turned.real, turned.imag]) + AB_CHANGE * mask[..., None] * values[..., 2:]
    perturbed[..., 0] = np.maximum(perturbed[..., 0], np.minimum(ab[..., 0], 0) - MAX_GREENING)
    return perturbed


def perturbation_mask(lightness: Floats, ab: Floats) -> npt.NDArray[np.floating]:
    """Return how far each colour may change, (h, w): 1 fully, down to 0.35 where it may be skin, foliage or sky.

    Args:
        lightness: (h, w), L 0..100.
        ab: (h, w, 2), Lab units.
    """
    chroma, hue = np.hypot(ab[..., 0], ab[..., 1]), np.degrees(np.arctan2(ab[..., 1], ab[..., 0]))
    likeness = np.zeros_like(chroma)  # 0..1, to the nearest memory colour
    for middle, half, least_lightness in MEMORY_COLORS:
        hue_distance = np.abs((hue - middle + 180) % 360 - 180)
        hue_likeness = np.clip((half + HUE_EDGE - hue_distance) / HUE_EDGE, 0, 1)
        lightness_likeness = np.clip((lightness - least_lightness) / LIGHTNESS_EDGE, 0, 1)
        likeness = np.maximum(likeness, hue_likeness * lightness_likeness)
    likeness *= np.clip((chroma - GREY_CHROMA) / (COLORED_CHROMA - GREY_CHROMA), 0, 1)
    return 1 - (1 - MEMORY_COLOR_SHARE) * likeness
