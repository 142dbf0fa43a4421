"""Predictions rendered as they are seen at use: enlarged, on the full lightness; for classifiers, critics and people.

A classifier or a critic that looks at the small copy itself sees another picture than the user does: its finest
features are those of a thumbnail.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from colorize.color import lab_tensor_to_rgb


def reduced(lab: Tensor, size: int) -> Tensor:
    """Return square pictures (B, 3, size, size) made smaller, or as they are.

    Args:
        lab: (B, 3, H, H), H >= size.
        size: Side in pixels.
    """
    if lab.shape[-1] == size:
        return lab
    return F.interpolate(lab, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def joined(ab: Tensor, lab: Tensor) -> Tensor:
    """Return pictures (B, 3, H, W) of a lightness with predicted colours, which are enlarged if they are smaller.

    Args:
        ab: (B, 2, h, w), predicted.
        lab: (B, 3, H, W), of which the lightness is taken.
    """
    if ab.shape[2:] != lab.shape[2:]:
        ab = F.interpolate(ab, size=lab.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([lab[:, :1], ab], dim=1)


def sample_sheet(generator: nn.Module, batch: tuple[Tensor, Tensor, Tensor], count: int = 12) -> np.ndarray:
    """Return a picture with a row each of: grey, result, result with hints, truth.

    Args:
        generator: In eval mode.
        batch: lightness, hints, lab.
        count: Columns.

    Returns:
        uint8 (4 * H, count * W, 3), BGR as OpenCV writes it.
    """
    lightness, hints, lab = (part[:count] for part in batch)
    with torch.inference_mode():
        plain, hinted = generator(lightness), generator(lightness, hints)
    rows = [torch.zeros_like(plain), plain, hinted, lab[:, 1:]]
    rgb = [lab_tensor_to_rgb(joined(ab.float(), lab)) for ab in rows]
    strips = [torch.cat(list(row), dim=2) for row in rgb]
    sheet = (torch.cat(strips, dim=1).permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    return np.ascontiguousarray(sheet[..., ::-1])
