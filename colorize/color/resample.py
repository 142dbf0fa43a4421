"""Resampling: pictures to the network's render size, and its small colour maps to the photo's size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from colorize.color.spaces import Floats

CUBIC = -0.75  # the cubic kernel's parameter, OpenCV's, so that rows and columns are enlarged alike


def shrink(picture: npt.NDArray, size: tuple[int, int]) -> npt.NDArray:
    """Return a picture resized by the mean of areas; a side that has to grow is interpolated cubically.

    Args:
        picture: (H, W) or (H, W, C), of any dtype that OpenCV resizes.
        size: (height, width) of the result.
    """
    height, width = picture.shape[:2]
    # One direction may shrink while the other grows (a ribbon photo): mean of areas first, then the growing.
    small = (min(height, size[0]), min(width, size[1]))
    mean = cv2.resize(picture, small[::-1], interpolation=cv2.INTER_AREA)
    return mean if small == size else cv2.resize(mean, size[::-1], interpolation=cv2.INTER_CUBIC)


class Enlarger:
    """Bicubic enlargement of a small map to a photo's size, some rows at a time.

    Strips put together are equal to the whole, so memory does not grow with the photo.
    """

    def __init__(self, small: Floats, photo_size: tuple[int, int]) -> None:
        """Take the map.

        Args:
            small: (h, w, C) float32.
            photo_size: (height, width) of the whole enlarged map.
        """
        height, width = photo_size
        size = (min(height, small.shape[0]), min(width, small.shape[1]))
        # In planes OpenCV enlarges a third faster than with all channels in each pixel. One that is smaller than the
        # grid has its planes reduced.
        self._planes = [plane if plane.shape == size else shrink(plane, size) for plane in cv2.split(small)]
        self._photo_size = photo_size

    def planes(self, top: int, bottom: int) -> list[Floats]:
        """Return the rows top..bottom of the enlarged map, as C planes (bottom - top, width) float32."""
        height, width = self._photo_size
        count = self._planes[0].shape[0]
        position = (np.arange(top, bottom) + 0.5) * (count / height) - 0.5
        base = np.floor(position).astype(int)
        weights = cubic_weights(position - base)[:, :, None]
        rows = [np.clip(base + tap - 1, 0, count - 1) for tap in range(4)]
        size = (width, bottom - top)
        planes = []
        for plane in self._planes:
            strip = plane[rows[0]] * weights[0]
            for tap in range(1, 4):
                strip += plane[rows[tap]] * weights[tap]
            planes.append(np.asarray(cv2.resize(strip, size, interpolation=cv2.INTER_CUBIC), np.float32))
        return planes

    def rows(self, top: int, bottom: int) -> Floats:
        """Return the rows top..bottom of the enlarged map, (bottom - top, width, C) float32."""
        return np.dstack(self.planes(top, bottom))


def cubic_weights(fraction: np.ndarray) -> Floats:
    """Return the weights of the four samples around positions in a row of samples (Keys 1981).

    Args:
        fraction: (n,) 0..1, the distance of each position from the second of its four samples.

    Returns:
        (4, n) float32.
    """
    near, far = fraction, 1 + fraction
    taps = [
        ((CUBIC * far - 5 * CUBIC) * far + 8 * CUBIC) * far - 4 * CUBIC,
        ((CUBIC + 2) * near - (CUBIC + 3)) * near**2 + 1,
        ((CUBIC + 2) * (1 - near) - (CUBIC + 3)) * (1 - near) ** 2 + 1,
    ]
    return np.stack([*taps, 1 - sum(taps)]).astype(np.float32)
