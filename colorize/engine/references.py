"""References: the colours of other photographs, taken where they show the same things as a picture.

A picture and its references are compared by what the network itself sees of them, its feature maps, place by place and
both ways. A place takes the mean colour of the places of the references that look like it, as that is in its own light:
chroma grows with the light that falls on a thing, so what stays is the chromaticity. It does so with a share that is
the higher, the more alike they are, the more they agree on the colour, and the better the way back from them leads to
where it began. Elsewhere the network decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from colorize.color import L_HALF, Floats, lab_to_xyz, xyz_to_lab
from colorize.network import Features

MAPS = 3  # of the coarsest feature maps, which are compared; of ours those at 1/8, 1/16 and 1/32
TEMPERATURE = 0.04  # of cosines: how much less a place counts that looks less alike
LIGHTNESS_SCALE = 50.0  # L by which two places may differ at the price of a cosine of 1
SLIGHT_SHARE = 0.02  # mean share below which nothing to speak of is changed
USUAL_SPREAD, MIN_SPREAD = 15.0, 5.0  # standard deviation of L in a picture
MAX_EXPOSURE = 4.0  # by which a place may have more light than what its colour is from: noise of the dark grows too
DARKEST = 1e-5  # luminance, of 1, of black
GROUP = 64  # planes that are resized at once; OpenCV 5 takes 128 at most, and calls more another dimension
EDGE = 4  # cells from a border on to where the coarsest map sees nothing of it
CELLS_AT_ONCE = 512  # that are compared with all others at the same time
LIKENESS = (0.5, 0.7)  # mean cosine to the places that are taken: from which, and up to which the share rises
WAY_BACK = (0.2, 0.5)  # cosine between a place and what the way back leads to, likewise
AGREEMENT = (-25.0, -8.0)  # Lab units by which the colours of these places deviate, with a minus, likewise


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a picture, which are the pixels of the finest feature map that is compared.

    Attributes:
        size: (rows, columns).
        descriptors: (n, C) float32, what the network sees at each, of length 1.
        lightness: (n,), L 0..100, the mean of each.
        relative: (n,), that in units of L as it would be in a picture of mean 0 and the usual spread: what is left of
            it when the whole picture is exposed otherwise, or fades.
    """

    size: tuple[int, int]
    descriptors: Floats
    lightness: Floats
    relative: Floats

    @classmethod
    def of(cls, network_input: Floats, features: Features) -> Cells:
        """Return the cells of a picture.

        Args:
            network_input: (1, 1, h, w), L / 50 - 1.
            features: What the network sees of it.

        Raises:
            ValueError: The network shows nothing of what it sees.
        """
        maps = features.feature_maps()[-MAPS:]
        if not maps:
            raise ValueError("these weights show nothing that could be compared; use others, or leave references out")
        size = (maps[0].shape[2], maps[0].shape[3])
        parts = [_unit_vectors(cell_values(np.moveaxis(each[0], 0, -1), size)) for each in maps]
        lightness = (network_input[0, 0] + 1) * np.float32(L_HALF)
        descriptors = np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))
        mean = cell_values(lightness, size)[:, 0]
        spread = max(float(mean.std()), MIN_SPREAD)
        relative = (mean - mean.mean()) * np.float32(USUAL_SPREAD / spread)
        return cls(size, np.asarray(descriptors, np.float32), mean, np.asarray(relative, np.float32))

    def parts(self) -> Iterator[Cells]:
        """Yield some cells after the other, so that what is computed of all pairs takes little memory at a time."""
        for first in range(0, len(self.lightness), CELLS_AT_ONCE):
            part = slice(first, first + CELLS_AT_ONCE)
            lightness, relative = self.lightness[part], self.relative[part]
            yield Cells((1, len(lightness)), self.descriptors[part], lightness, relative)


@dataclass(frozen=True, eq=False)
class Reference:
    """A colour photograph whose colours are to be taken, as a network sees it.

    Attributes:
        cells: Its cells.
        ab: (n, 2), the mean ab of each, Lab units.
    """

    cells: Cells
    ab: Floats


@dataclass(frozen=True, eq=False)
class ReferenceColors:
    """What references say about the colours of a picture.

    Attributes:
        ab: (h, w, 2) of the network's grid, Lab units.
        share: (h, w), 0..1: how far these colours are to be taken.
    """

    ab: Floats
    share: Floats

    @property
    def is_slight(self) -> bool:
        """Whether they change next to nothing."""
        return float(self.share.mean()) < SLIGHT_SHARE

    def blended(self, ab: Floats, saturation: float) -> Floats:
        """Return other colours (h, w, 2) with these in their share.

        Args:
            ab: (h, w, 2), Lab units, scaled by ``saturation``.
            saturation: The factor of the chroma.
        """
        mixed = ab + self.share[..., None] * (self.ab * np.float32(saturation) - ab)
        return np.asarray(mixed, np.float32)


def match_references(
    cells: Cells, references: Sequence[Reference], grid: tuple[int, int], strength: float
) -> ReferenceColors:
    """Return what references say about the colours of a picture.

    Args:
        cells: Of the picture.
        references: At least one.
        grid: (h, w), the network's grid for the picture.
        strength: 0..1, factor of the share.
    """
    others = Cells(
        (1, sum(len(each.ab) for each in references)),
        np.concatenate([each.cells.descriptors for each in references]),
        np.concatenate([each.cells.lightness for each in references]),
        np.concatenate([each.cells.relative for each in references]),
    )
    ab = np.concatenate([each.ab for each in references])
    ways_back = np.concatenate([_seen_from(part, cells) for part in others.parts()])
    parts = [_colors_taken(part, others, ab, ways_back) for part in cells.parts()]
    colors = np.concatenate([taken for taken, _ in parts])
    share = np.concatenate([sure for _, sure in parts]) * np.float32(strength)
    share = _within_borders(share.reshape(cells.size))
    planes = np.dstack([colors.reshape(*cells.size, 2), share])
    large = cv2.resize(np.asarray(planes, np.float32), grid[::-1], interpolation=cv2.INTER_LINEAR)
    large = np.asarray(large, np.float32)
    return ReferenceColors(np.ascontiguousarray(large[..., :2]), np.ascontiguousarray(large[..., 2]))


def _within_borders(share: Floats) -> Floats:
    """Return the share (rows, columns) of cells, near the borders at most what it is further inside.

    Borders look alike to a network, whatever lies there.
    """
    edges = [min(EDGE, size // 4) for size in share.shape]
    rows, columns = (np.clip(np.arange(n), edge, n - 1 - edge) for n, edge in zip(share.shape, edges, strict=True))
    return np.minimum(share, share[np.ix_(rows, columns)])


def cell_values(planes: Floats, size: tuple[int, int]) -> Floats:
    """Return the values (n, C) of planes (h, w, C) or (h, w) at each of (rows, columns) cells."""
    planes = planes.reshape(*planes.shape[:2], -1)
    way = cv2.INTER_AREA if planes.shape[0] >= size[0] else cv2.INTER_LINEAR
    groups = (np.ascontiguousarray(planes[..., first : first + GROUP]) for first in range(0, planes.shape[2], GROUP))
    parts = [cv2.resize(each, size[::-1], interpolation=way).reshape(size[0] * size[1], -1) for each in groups]
    return np.asarray(np.concatenate(parts, axis=1), np.float32)


def _seen_from(others: Cells, cells: Cells) -> Floats:
    """Return the descriptors (m, C) of what each of others finds in a picture that looks like it."""
    weights = _softmax(_cosines(others, cells) - _lightness_price(others, cells))
    return np.asarray(weights @ cells.descriptors, np.float32)


def _colors_taken(cells: Cells, others: Cells, ab: Floats, ways_back: Floats) -> tuple[Floats, Floats]:
    """Return the colours (n, 2) that cells take from others, and their share (n,).

    Args:
        cells: Some of a picture's.
        others: Those of its references.
        ab: (m, 2), the colours of these.
        ways_back: (m, C), ``_seen_from``'s result.
    """
    cosines = _cosines(cells, others)
    weights = _softmax(cosines - _lightness_price(cells, others))
    colors = weights @ ab
    deviation = np.sqrt(np.maximum(weights @ ab**2 - colors**2, 0).sum(axis=1))
    way_back = (weights @ ways_back * cells.descriptors).sum(axis=1)
    likeness = (weights * cosines).sum(axis=1)
    share = _ramp(likeness, *LIKENESS) * _ramp(way_back, *WAY_BACK) * _ramp(-deviation, *AGREEMENT)
    return _in_light(colors, weights @ others.lightness, cells.lightness), share


def _in_light(ab: Floats, before: Floats, now: Floats) -> Floats:
    """Return colours (n, 2) as they are in another light: with the same chromaticity at another lightness.

    Args:
        ab: (n, 2), Lab units.
        before: (n,), the lightness at which they are these.
        now: (n,), the other lightness.
    """
    lab = np.asarray(np.concatenate([before[:, None], ab], axis=1), np.float32)
    xyz = np.maximum(lab_to_xyz(lab), 0)
    luminance = lab_to_xyz(np.stack([now, np.zeros_like(now), np.zeros_like(now)], axis=1))[:, 1]
    exposure = np.minimum(luminance / np.maximum(xyz[:, 1], np.float32(DARKEST)), np.float32(MAX_EXPOSURE))
    return np.asarray(xyz_to_lab(xyz * exposure[:, None])[:, 1:], np.float32)


def _cosines(cells: Cells, others: Cells) -> Floats:
    return np.asarray(cells.descriptors @ others.descriptors.T, np.float32)


def _lightness_price(cells: Cells, others: Cells) -> Floats:
    """Return (n, m) what a difference in lightness costs of a cosine; relative to the pictures if that is less."""
    absolute = np.abs(cells.lightness[:, None] - others.lightness)
    difference = np.minimum(absolute, np.abs(cells.relative[:, None] - others.relative))
    return np.asarray((difference / np.float32(LIGHTNESS_SCALE)) ** 2, np.float32)


def _softmax(likeness: Floats) -> Floats:
    """Return weights (n, m) whose sum over m is 1."""
    weights = np.exp((likeness - likeness.max(axis=1, keepdims=True)) / np.float32(TEMPERATURE))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _ramp(values: Floats, low: float, high: float) -> Floats:
    """Return 0 up to ``low``, 1 from ``high``, and what lies between on a line."""
    return np.asarray(np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1), np.float32)


def _unit_vectors(vectors: Floats) -> Floats:
    """Return vectors (n, C) without their mean, each of length 1."""
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + np.float32(1e-6)), np.float32)
