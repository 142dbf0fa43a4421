"""The limit of a picture's size: what is larger is refused by its header, before its pixels take memory."""

from __future__ import annotations

from PIL import Image

from colorize.base import ImageError


def check_size(height: int, width: int) -> None:
    """Check that a picture has no more pixels than Pillow would open; ``--max-megapixels`` says how many.

    Raises:
        ImageError: It is too large.
    """
    if Image.MAX_IMAGE_PIXELS is not None and height * width > 2 * Image.MAX_IMAGE_PIXELS:
        raise ImageError(too_large())


def too_large() -> str:
    """Return what is wrong with a picture that is too large, and the remedy."""
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
    return f"more than {limit:g} million pixels; --max-megapixels allows more"
