"""A generator in training: new parts for it, and a head that makes it guess what a classifier sees in colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from colorize.network import Generator, ring_areas
from training.classifiers import keep_strided_depthwise_in_float32

SPREAD = 0.09  # of the Gaussian that a classification starts with: 10 ab levels, about the bins' distance


def widened(generator: Generator, **fields: Any) -> Generator:
    """Return a generator whose config has other fields, with new parts as they start and all else as it was.

    Args:
        generator: Not changed.
        fields: Of ``GeneratorConfig``; they may add parts, not take any away or change their shape.
    """
    wider = Generator(replace(generator.config, **fields))
    wider.load_state_dict({**wider.state_dict(), **generator.state_dict()})
    return wider


def deep_parts(generator: Generator) -> nn.ModuleList:
    """Return what sees at 1/16 and 1/32: two stages of the encoder and of the semantic branch, and the semantic branch's ways out.

    Of an EfficientNet-Lite it is the last two of seven stages, which see at 1/32 alone.
    """
    parts = [generator.encoder.layer3, generator.encoder.layer4]
    if generator.config.semantic_branch:
        semantic_branch, body = generator.semantic_branch, generator.semantic_branch.body
        parts += [
            *body.blocks[-2:],
            body.conv_head,
            body.bn2,
            semantic_branch.spatial_proj,
            semantic_branch.global_proj,
        ]
    return nn.ModuleList(parts)


def with_classification(generator: Generator) -> Generator:
    """Return a generator that classifies, and whose colours are at first nearly those of one that regresses.

    A Gaussian around the regression's answer has logits that are linear in it, so the new head is written down rather
    than trained. What it lacks is the tanh, and a chroma above 40 is pulled in at first, where the bins lie far apart.

    Args:
        generator: Not changed; one that classifies already is returned.
    """
    if generator.config.head == "classification":
        return generator
    result = Generator(replace(generator.config, head="classification"))
    centres = result.expectation.centres
    with torch.no_grad():
        weight = torch.einsum("ka,acij->kcij", centres, generator.head.weight) / SPREAD**2
        bias = (centres @ cast(Tensor, generator.head.bias) - centres.square().sum(dim=1) / 2) / SPREAD**2
        head = {"head.weight": weight, "head.bias": bias + ring_areas().log()}
    result.load_state_dict({**result.state_dict(), **generator.state_dict(), **head})
    return result


class TrainableGenerator(nn.Module):
    """Calls a generator and shows what its encoder saw.

    Knowing what things are is the bottleneck of colouring, and the encoder forgets it when only ab is asked of it.
    The head is left behind when the generator is released.
    """

    def __init__(self, generator: Generator, channels: int = 0, decoder_only: bool = False, deep: bool = False) -> None:
        """Add the head.

        Args:
            generator: To be trained.
            channels: Of the classifier's last feature map; 0: there is no classifier, the guess is not used.
            decoder_only: The generator's encoders stand still, and batch norm keeps to its statistics everywhere.
            deep: But for ``deep_parts``, which learn too.
        """
        super().__init__()
        self.generator = generator
        keep_strided_depthwise_in_float32(generator)  # a semantic branch has some
        width = generator.encoder.channels[-1]
        self.features = nn.Conv2d(width, channels, 1) if channels else nn.Identity()
        self.decoder_only = decoder_only
        if decoder_only:
            generator.encoders.requires_grad_(False)
            deep_parts(generator).requires_grad_(deep)
        self.latents: Sequence[Tensor] = ()  # noise vectors (B, latent_dim) of the next call, each for one more answer

    def train(self, mode: bool = True) -> TrainableGenerator:
        """Stay in eval mode if only the decoder learns: its weights are fitted to the statistics that it has."""
        return super().train(mode and not self.decoder_only)

    def forward(self, lightness: Tensor, hints: Tensor) -> tuple[Tensor, ...]:
        """Return ab (B, 2, H, W), the guess (B, C, H / 32, W / 32), the head's numbers, and ab for each of ``latents``.

        Args:
            lightness: (B, 1, H, W), H and W multiples of 32.
            hints: (B, 3, H, W).
        """
        x = torch.cat([lightness, hints], dim=1)
        seen = self.generator.encode(x)
        decision = self.generator.logits(x, seen)
        others = [self.generator.decode(x, seen, latent) for latent in self.latents]
        return self.generator.to_ab(decision), self.features(seen[-1]), decision, *others
