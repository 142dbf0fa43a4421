"""The colour settings of photos and films alike."""

from __future__ import annotations

from dataclasses import dataclass

from colorize.base import MAX_RENDER_SIZE, Settings, setting


@dataclass(frozen=True)
class ColorSettings(Settings):
    """How pictures are coloured.

    Attributes:
        strength: 0..1: 1 the new colours, 0 the original's own tone.
        saturation: 0..2, factor of the new colours' chroma.
        render_size: Short side in pixels of what the network sees; None: the weights' own.
        square: Whether the network sees every picture stretched to a square of ``render_size``.

    Raises:
        ValueError: A value is out of range.
    """

    strength: float = setting(1.0, "1 new colours, 0 the original", low=0, high=1)
    saturation: float = setting(1.0, "factor of the chroma", low=0, high=2)
    render_size: int | None = setting(
        None,
        "short side of what the network sees",
        low=1,
        high=MAX_RENDER_SIZE,
        unit="pixels",
        automatic="the weights' own",
    )
    square: bool = setting(False, "stretch pictures to a square for the network, as DeOldify does")
