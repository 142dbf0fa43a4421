"""Mosaics: pictures put together from four photographs, as YOLOv4 was trained (Bochkovskiy et al. 2020).

A network recognises a photograph that it has seen often, and knows its colours. In a mosaic things are smaller, as in
pictures of everyday places, and lie beside other things than in their photograph.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

MIN_MARGIN = 0.3  # least distance of the point where the four meet from a border, as a share of the side


def mosaics(pictures: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Return a batch with a share of its pictures replaced by mosaics of its own pictures.

    The point at which the four meet is drawn once for the batch. Aspects are kept; what does not fit is cut off.

    Args:
        pictures: (B, C, S, S); in a batch of fewer than four a picture occurs in a mosaic more than once.
        share: Of the pictures that become mosaics, 0..1.
        random: The source of randomness, on the pictures' device; not used if ``share`` is 0.

    Returns:
        (B, C, S, S).
    """
    if not share:
        return pictures
    count, side = len(pictures), pictures.shape[-1]
    drawn = torch.empty(2 + count, device=pictures.device).uniform_(generator=random)
    meeting = ((MIN_MARGIN + (1 - 2 * MIN_MARGIN) * drawn[:2]) * side).round().long().tolist()
    rows = []
    for row, height in enumerate((meeting[0], side - meeting[0])):
        cells = []
        for column, width in enumerate((meeting[1], side - meeting[1])):
            source = pictures.roll(2 * row + column, 0)
            scaled = F.interpolate(source, size=(max(height, width),) * 2, mode="bilinear", antialias=True)
            cells.append(scaled[:, :, :height, :width])
        rows.append(torch.cat(cells, dim=3))
    replaced = drawn[2:, None, None, None] < share
    return torch.where(replaced, torch.cat(rows, dim=2), pictures)
