"""Sample sheets: what a generator in training makes of a few validation pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from colorize.lab import lab_tensor_to_rgb
from training.views import joined


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
