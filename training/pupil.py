"""A generator in training: new parts for it, and a head that makes it guess what a classifier sees in colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from colorize.generator import Generator
from training.teacher import keep_strided_depthwise_in_float32


def widened(generator: Generator, **fields: Any) -> Generator:
    """Return a generator whose config has other fields, with new parts as they start and all else as it was.

    Args:
        generator: Not changed.
        fields: Of ``GeneratorConfig``; they may add parts, not take any away or change their shape.
    """
    wider = Generator(replace(generator.config, **fields))
    wider.load_state_dict({**wider.state_dict(), **generator.state_dict()})
    return wider


class Pupil(nn.Module):
    """Calls a generator and shows what its encoder saw.

    Knowing what things are is the bottleneck of colouring, and the encoder forgets it when only ab is asked of it.
    The head is left behind when the generator is released.
    """

    def __init__(self, generator: Generator, channels: int = 0) -> None:
        """Add the head.

        Args:
            generator: To be trained.
            channels: Of the classifier's last feature map; 0: there is no classifier, the guess is not used.
        """
        super().__init__()
        self.generator = generator
        keep_strided_depthwise_in_float32(generator)  # a prior has some
        width = generator.encoder.channels[-1]
        self.features = nn.Conv2d(width, channels, 1) if channels else nn.Identity()
        self.latents: Sequence[Tensor] = ()  # noise vectors (B, latent_dim) of the next call, each for one more answer

    def forward(self, lightness: Tensor, hints: Tensor) -> tuple[Tensor, ...]:
        """Return ab (B, 2, H, W), the guess (B, C, H / 32, W / 32), and ab again for each of ``latents``.

        Args:
            lightness: (B, 1, H, W), H and W multiples of 32.
            hints: (B, 3, H, W).
        """
        x = torch.cat([lightness, hints], dim=1)
        seen = self.generator.encode(x)
        others = [self.generator.decode(x, seen, latent) for latent in self.latents]
        return self.generator.decode(x, seen), self.features(seen[-1]), *others
