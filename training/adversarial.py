"""The adversarial losses, in one table, and the critic's inputs: real and generated pictures.

A critic's logits are (B, N), one a patch or one a picture, above 0 for real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset

from training.data import PhotoBatches
from training.rendering import compose_lab

AdversarialName = Literal["hinge", "bce", "least-squares"]


@dataclass(frozen=True)
class AdversarialLoss:
    """The losses of critic and generator, which belong together.

    Attributes:
        critic: Function of the logits of real and of generated pictures that the critic minimises.
        generator: Function of the logits of generated pictures that the generator minimises.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    # Lim and Ye 2017: logits beyond 1 on the right side cost the critic nothing.
    "hinge": AdversarialLoss(
        lambda real, fake: (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2,
        lambda fake: -fake.mean(),
    ),
    # Goodfellow et al. 2014, the generator's non-saturating form; what DeOldify takes.
    "bce": AdversarialLoss(
        lambda real, fake: (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2,
        lambda fake: F.softplus(-fake).mean(),
    ),
    # Mao et al. 2017, with -1 and 1 as the codes of generated and real, so that 0 lies between them here too.
    "least-squares": AdversarialLoss(
        lambda real, fake: ((real - 1).square().mean() + (fake + 1).square().mean()) / 4,
        lambda fake: (fake - 1).square().mean() / 2,
    ),
}


def mode_seeking_loss(ab: Tensor, other: Tensor, latent: Tensor, other_latent: Tensor) -> Tensor:
    """Return the mode-seeking loss (Mao et al. 2019): the noise vectors' distance over that of their pictures.

    The mean difference of two pictures is taken away first, so that a tint over the whole does not count.

    Args:
        ab: (B, 2, H, W), made with ``latent``.
        other: (B, 2, H, W), of the same pictures, made with ``other_latent``.
        latent: (B, D).
        other_latent: (B, D).
    """
    change = ab - other
    change = (change - change.mean(dim=(2, 3), keepdim=True)).abs().mean(dim=(1, 2, 3)) * 10  # as the content loss
    ratio = change / (latent - other_latent).abs().mean(dim=1)
    return (1 / (ratio + 0.05)).mean()


def enhance(lab: Tensor, factor: float) -> Tensor:
    """Return Lab pictures with their chroma multiplied, within -1..1: what the critic gets as real.

    Args:
        lab: (B, 3, H, W).
        factor: 1 leaves them as they are; BigColor and DDColor take 1.2.
    """
    return torch.cat([lab[:, :1], (lab[:, 1:] * factor).clamp(-1, 1)], dim=1)


def accuracy(logits: Tensor, real: Tensor) -> Tensor:
    """Return the share of the pictures that a critic tells right, 0..1, by the mean of their patches' logits.

    Args:
        logits: (B, N).
        real: (B,), 1 for real and 0 for generated.
    """
    return ((logits.mean(dim=1) > 0) == (real > 0.5)).float().mean()


class CriticLoss(nn.Module):
    """The critic's loss on a batch of real and generated pictures; ``parts`` keeps the last accuracy, for the log."""

    def __init__(self, loss: AdversarialLoss) -> None:
        super().__init__()
        self.loss = loss
        self.parts: dict[str, Tensor] = {}

    def forward(self, logits: Tensor, real: Tensor) -> Tensor:
        # logits (B, N), real (B,) 1 or 0
        logits = logits.float()
        self.parts = {"accuracy": accuracy(logits.detach(), real)}
        return self.loss.critic(logits[real > 0.5], logits[real <= 0.5])


@dataclass(frozen=True)
class CriticInput:
    """Makes a critic's input batches of real and generated pictures.

    Attributes:
        enhancement: Factor of the real pictures' chroma.
        bf16: Run the generator in bfloat16.
    """

    enhancement: float = 1.2
    bf16: bool = True

    @torch.no_grad()
    def pictures(self, generator: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return real pictures and a generator's, of the same photographs, and which of them are real.

        Args:
            generator: Called with lightness and hints; returns ab. In eval mode, so that nothing of it changes.
            batch: lightness (B, 1, H, W), hints (B, 3, H, W), lab (B, 3, H, W).

        Returns:
            Lab pictures (2 B, 3, H, W) of lab's size, the real ones first, and (2 B,) 1 for real and 0 for generated.
        """
        lightness, hints, lab = batch
        with torch.autocast(lab.device.type, torch.bfloat16, enabled=self.bf16):
            ab = generator(lightness, hints)
        fake = compose_lab(ab.float(), lab)
        real = torch.arange(2 * len(lab), device=lab.device) < len(lab)
        return torch.cat([enhance(lab, self.enhancement), fake]), real.float()


class CriticBatches(IterableDataset):
    """Batches for a critic alone, (pictures, whether real), made from photographs and a frozen generator."""

    def __init__(self, batches: PhotoBatches, generator: nn.Module, critic_input: CriticInput) -> None:
        self.batches, self.critic_input = batches, critic_input
        self.generator = generator.eval().requires_grad_(False)
        self.device = batches.device

    @property
    def epoch(self) -> int:
        """Index of the epoch that the next iteration yields."""
        return self.batches.epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self.batches.epoch = value

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self.batches:
            yield self.critic_input.pictures(self.generator, batch)
