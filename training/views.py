"""How a picture is seen at use: colours predicted from a small copy, enlarged and joined with the full lightness.

A classifier or a critic that looks at the small copy itself sees another picture than the user does: its finest
features are those of a thumbnail.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


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
