"""A coloured frame's own Y, Cb and Cr, in the system and format in which a film is written.

Where the frame is stored so already, its planes stay as they are. Else Cb and Cr never pass through RGB at full size: a
change of the matrix is linear, and takes new Cb and Cr from the old ones alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.resample import shrink
from colorize.color.spaces import Floats
from colorize.color.yuv import EIGHT_BITS, DeepPlane, PlaneFormat, YuvSystem, weave

SAME = 1e-3  # of the levels of a map that changes nothing; more than what its numbers are rounded by
COSITED = np.array([[0.25, 0.5, 0.25]], np.float32)  # mean around the pixel at whose place a sample lies


def convert_planes(
    planes: Sequence[DeepPlane], system: YuvSystem, format: PlaneFormat = EIGHT_BITS, by_field: bool = False
) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
    """Return a frame's planes Y, Cb, Cr in a format, with its own colours.

    A frame of odd size gets one more row or column, a copy of the last. Where there are fewer Cb and Cr than Y they lie
    as MPEG-2 has them: in the column of every second pixel, between two rows.

    Args:
        planes: Y (H, W), Cb and Cr of the same or any smaller size.
        system: Their colour system.
        format: That of the result.
        by_field: The frame is interlaced, so that rows of Cb and Cr belong to every second row of Y; H is 4 n.

    Returns:
        Y (H, W), Cb and Cr of ``PlaneFormat.chroma_size``, where an odd H or W is one more; where nothing is to be
        changed, the planes that were given.
    """
    height, width = planes[0].shape
    if by_field and planes[1].shape[0] % 2 == 0:
        top, bottom = (convert_planes([plane[parity::2] for plane in planes], system, format) for parity in (0, 1))
        y, cb, cr = (weave(*fields) for fields in zip(top, bottom, strict=True))
        return y, cb, cr
    levels = np.pad(planes[0], [(0, height % 2), (0, width % 2)], mode="edge") if height % 2 or width % 2 else planes[0]
    size = (levels.shape[0], levels.shape[1])
    matrix = _matrix_between(system, format)
    is_same = system.bits == format.bits and bool(np.abs(matrix - np.eye(3, 4)).max() < SAME)
    if is_same and planes[1].shape == format.chroma_size(size):
        return levels, planes[1], planes[2]
    cb, cr = (_resampled(plane.astype(np.float32), (height, width), format.chroma_size(size)) for plane in planes[1:])
    chroma = [_rounded(row[1] * cb + row[2] * cr + row[3], format) for row in matrix[1:]]
    if is_same:
        return levels, chroma[0], chroma[1]
    added = cv2.resize(matrix[0, 1] * cb + matrix[0, 2] * cr + matrix[0, 3], size[::-1])
    return _rounded(levels * matrix[0, 0] + added, format), chroma[0], chroma[1]


def blend_planes(
    first: Sequence[DeepPlane], second: Sequence[DeepPlane], share: float
) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
    """Return the planes of a frame between two: 0..1 of the second one."""
    pairs = zip(first, second, strict=True)
    y, cb, cr = (np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), a.dtype) for a, b in pairs)
    return y, cb, cr


def _matrix_between(system: YuvSystem, format: PlaneFormat) -> Floats:
    """Return the affine map (3, 4) from the levels of a system to those of a format."""
    before = system.to_rgb().astype(np.float64)
    red, _, blue = format.weights
    after = YuvSystem(red, blue, format.bits, format.full_range).to_rgb().astype(np.float64)
    before[:, 3] -= after[:, 3]
    return np.linalg.solve(after[:, :3], before).astype(np.float32)


def _rounded(values: npt.NDArray, format: PlaneFormat) -> DeepPlane:
    return np.asarray(np.clip(np.rint(values), 0, (1 << format.bits) - 1), format.dtype)


def _resampled(plane: Floats, size: tuple[int, int], wanted: tuple[int, int]) -> Floats:
    """Return Cb or Cr of a frame with as many samples as are wanted.

    Args:
        plane: (h, w): as high and wide as the frame, half or a quarter of that, or anything else.
        size: (H, W) of the frame.
        wanted: (height, width) of the result: as the frame, or half of that.
    """
    half = -(-size[1] // 2)
    if plane.shape[1] == -(-size[1] // 4) < half:  # 4:1:1
        plane = _doubled(plane, half)
    if plane.shape[1] == half < wanted[1]:
        plane = _doubled(plane, wanted[1])
    elif plane.shape[1] == size[1] > wanted[1]:
        plane = np.asarray(cv2.filter2D(plane, -1, COSITED, borderType=cv2.BORDER_REPLICATE)[:, ::2], np.float32)
    if plane.shape[0] == size[0] and size[0] % 2:
        plane = np.vstack([plane, plane[-1:]])
    return plane if plane.shape == wanted else np.asarray(shrink(plane, wanted), np.float32)


def _doubled(plane: Floats, width: int) -> Floats:
    """Return a plane with a sample between any two of a row, and one after the last."""
    between = (plane + np.hstack([plane[:, 1:], plane[:, -1:]])) / np.float32(2)
    pairs = np.stack([plane, between], axis=2).reshape(plane.shape[0], -1)
    return np.asarray(pairs[:, :width], np.float32)
