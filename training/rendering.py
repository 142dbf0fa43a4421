"""Predictions rendered as they are used: enlarged, on the full lightness; for classifiers, critics and sample sheets.

A classifier or a critic that is given the network's small copy sees another picture than the user does: its finest
features are those of a thumbnail.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.base import replacing
from colorize.color import lab_tensor_to_rgb


def reduce_lab(lab: Tensor, size: int) -> Tensor:
    """Return square Lab pictures reduced to (B, 3, size, size), or as they are if they have that size.

    Args:
        lab: (B, 3, H, H), H >= size.
        size: Side in pixels.
    """
    if lab.shape[-1] == size:
        return lab
    return F.interpolate(lab, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def compose_lab(ab: Tensor, lab: Tensor) -> Tensor:
    """Return Lab pictures (B, 3, H, W) with the given lightness and the predicted ab, enlarged if it is smaller.

    Args:
        ab: (B, 2, h, w), predicted.
        lab: (B, 3, H, W), of which only the lightness is used.
    """
    if ab.shape[2:] != lab.shape[2:]:
        ab = F.interpolate(ab, size=lab.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([lab[:, :1], ab], dim=1)


def save_sample_sheet(path: Path, generator: nn.Module, batch: tuple[Tensor, Tensor, Tensor], count: int = 12) -> None:
    """Write a PNG with a row each of: grey pictures, predictions, predictions with hints, truths.

    Args:
        path: Its name; a file that has it is replaced.
        generator: In eval mode.
        batch: lightness (B, 1, h, w), hints (B, 3, h, w), lab (B, 3, H, W).
        count: Largest number of columns; the sheet has 4 * H rows of pixels and count * W columns.

    Raises:
        OSError: It cannot be written, as where the disk is full.
    """
    lightness, hints, lab = (part[:count] for part in batch)
    with torch.inference_mode():
        plain, hinted = generator(lightness), generator(lightness, hints)
    rows = [
        lab_tensor_to_rgb(compose_lab(ab.float(), lab)) for ab in (torch.zeros_like(plain), plain, hinted, lab[:, 1:])
    ]
    strips = [torch.cat(list(row), dim=2) for row in rows]
    sheet = (torch.cat(strips, dim=1).permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    with replacing(path, overwrite=True) as file:
        Image.fromarray(sheet).save(file, "png")
