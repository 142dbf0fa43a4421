"""The grid: the size in pixels at which the network sees a photo."""

from __future__ import annotations

MAX_ASPECT = 3.0  # a longer photo is squeezed, so that the network does not see a ribbon of few rows


def grid_size(photo_size: tuple[int, int], render_size: int, stride: int) -> tuple[int, int]:
    """Return the (height, width) of the grid for a photo of (height, width).

    The short side is ``render_size``; the long one keeps the aspect up to 3:1; both are multiples of ``stride``.
    """
    height, width = photo_size
    aspect = min(MAX_ASPECT, max(height, width) / min(height, width))
    long_side = round_size(render_size * aspect, stride)
    return (render_size, long_side) if height <= width else (long_side, render_size)


def round_size(size: float, stride: int) -> int:
    """Return the multiple of the stride that is nearest to a size in pixels, at least one stride."""
    return max(stride, round(size / stride) * stride)
