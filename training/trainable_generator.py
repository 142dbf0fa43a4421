"""A generator made ready for training: new parts in it, frozen ones, and a head for the distillation loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from colorize.network import Generator, bin_areas
from training.fast_gradients import compute_weight_gradients_by_planes, keep_strided_depthwise_in_float32

SPREAD = 0.09  # standard deviation of the Gaussian that a classification starts with: 10 ab levels, the bins' distance


def with_config(generator: Generator, **fields: Any) -> Generator:
    """Return a generator with other fields in its config: new parts are as they start, all other weights are kept.

    Args:
        generator: Not changed.
        fields: Of ``GeneratorConfig``; they may add parts, not take any away or change their shape.
    """
    result = Generator(replace(generator.config, **fields))
    result.load_state_dict({**result.state_dict(), **generator.state_dict()})
    return result


def deep_layers(generator: Generator) -> nn.ModuleList:
    """Return the deepest layers: the last two stages of encoder and semantic branch, and the latter's projections.

    The encoder's work at 1/16 and 1/32 of the input's size. An EfficientNet-Lite's, the last two of seven, work at 1/32
    alone.
    """
    layers = [generator.encoder.layer3, generator.encoder.layer4]
    if generator.config.semantic_branch:
        semantic_branch, body = generator.semantic_branch, generator.semantic_branch.body
        layers += [
            *body.blocks[-2:],
            body.conv_head,
            body.bn2,
            semantic_branch.spatial_proj,
            semantic_branch.global_proj,
        ]
    return nn.ModuleList(layers)


def with_classification(generator: Generator) -> Generator:
    """Return a generator whose head classifies, with nearly the colours of the regression that it had.

    A Gaussian around the regression's ab has logits that are linear in it, so the new head is computed rather than
    trained. It lacks the tanh, and a chroma above 40, where the bins lie far apart, becomes smaller at first.

    Args:
        generator: Not changed; one whose head classifies already is returned.
    """
    if generator.config.head == "classification":
        return generator
    result = Generator(replace(generator.config, head="classification"))
    centres = result.expectation.centres
    with torch.no_grad():
        weight = torch.einsum("ka,acij->kcij", centres, generator.head.weight) / SPREAD**2
        bias = (centres @ cast(Tensor, generator.head.bias) - centres.square().sum(dim=1) / 2) / SPREAD**2
        head = {"head.weight": weight, "head.bias": bias + bin_areas().log()}
    result.load_state_dict({**result.state_dict(), **generator.state_dict(), **head})
    return result


class TrainableGenerator(nn.Module):
    """A generator with what training needs: a head that guesses a classifier's features, frozen layers, noise vectors.

    The hard part of colorization is to know what things are, and an encoder forgets it when only ab is asked of it. So
    an extra head guesses, from the encoder's last feature map, what a classifier sees in the colour picture. It is left
    out when the generator is saved.

    Attributes:
        latents: Noise vectors (B, latent_dim) of the next call, each for one more predicted ab.
    """

    def __init__(
        self, generator: Generator, channels: int = 0, decoder_only: bool = False, train_deep_layers: bool = False
    ) -> None:
        """Add the head and freeze what does not train.

        Args:
            generator: To be trained.
            channels: Number of channels of the classifier's last feature map; 0: there is no classifier, the guess is
                not used.
            decoder_only: Freeze the generator's encoders, and all batch-norm statistics.
            train_deep_layers: With ``decoder_only``: train ``deep_layers`` all the same.
        """
        super().__init__()
        self.generator = generator
        keep_strided_depthwise_in_float32(generator)  # a semantic branch has some
        compute_weight_gradients_by_planes(nn.ModuleList([generator.decoder, generator.head]))
        width = generator.encoder.channels[-1]
        self.features = nn.Conv2d(width, channels, 1) if channels else nn.Identity()
        self.decoder_only = decoder_only
        if decoder_only:
            generator.encoders.requires_grad_(False)
            deep_layers(generator).requires_grad_(train_deep_layers)
        self.latents: Sequence[Tensor] = ()

    def train(self, mode: bool = True) -> TrainableGenerator:
        """Set the mode, but stay in eval mode if only the decoder trains: its weights fit the batch-norm statistics."""
        return super().train(mode and not self.decoder_only)

    def forward(self, lightness: Tensor, hints: Tensor) -> tuple[Tensor, ...]:
        """Return ab (B, 2, H, W), the guess (B, C, H / 32, W / 32), the head's output, and ab for each of ``latents``.

        Args:
            lightness: (B, 1, H, W), H and W multiples of 32.
            hints: (B, 3, H, W).
        """
        # Of one order in memory with the maps that it is joined to: a concatenation of two is copied.
        x = torch.cat([lightness, hints], dim=1).contiguous(memory_format=torch.channels_last)
        features = self.generator.encode(x)
        head_output = self.generator.logits(x, features)
        others = [self.generator.decode(x, features, latent) for latent in self.latents]
        return self.generator.to_ab(head_output), self.features(features[-1]), head_output, *others
