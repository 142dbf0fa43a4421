"""The two networks of the adversarial training: while one trains, the other stands exactly still."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from fastai.callback.core import Callback
from torch import Tensor, nn

from training.adversarial import AdversarialLoss, CriticInput, CriticLoss, mode_seeking_loss
from training.callbacks import DivergedError
from training.data import PhotoBatches
from training.objective import GeneratorLoss
from training.rendering import joined
from training.trainable_generator import TrainableGenerator

MAX_CRITIC_STEPS = 20  # in a row; a critic that cannot win must not keep the generator waiting for ever


def one_step(losses: list[float], threshold: float) -> bool:
    """Let the critic train once, then the generator."""
    return len(losses) >= 1


def until_threshold(losses: list[float], threshold: float) -> bool:
    """Let the critic train until its last loss is under the threshold: DeOldify's rule."""
    return bool(losses) and (losses[-1] < threshold or len(losses) >= MAX_CRITIC_STEPS)


SCHEDULES: dict[str, Callable[[list[float], float], bool]] = {"alternate": one_step, "threshold": until_threshold}
"""Name -> whether the critic, whose losses of this turn are given, has trained enough for the generator to go on."""


@dataclass(frozen=True)
class CriticTraining:
    """How the critic trains.

    Attributes:
        loss: The critic's half is taken.
        showing: How pictures are shown to it.
        schedule: A name in ``SCHEDULES``.
        threshold: For the schedule.
        learning_rate: Constant.
        clip: Largest norm of the gradient.
    """

    loss: AdversarialLoss
    critic_input: CriticInput
    schedule: Literal["alternate", "threshold"]
    threshold: float
    learning_rate: float
    clip: float


class CriticUpdate(Callback):
    """Gives the critic its turn before each step of the generator, on photographs of its own.

    The critic has its own optimizer, so neither network's momentum or weight decay ever moves the other; who waits is
    in eval mode, so its batch-norm statistics and spectral-norm vectors stand still too.
    """

    order = -20  # before autocast is entered for the generator

    def __init__(
        self, critic: nn.Module, batches: PhotoBatches, how: CriticTraining, encoder_stands_still: bool
    ) -> None:
        self.critic, self.batches, self.how = critic.to(batches.device), batches, how
        self.critic_loss = CriticLoss(how.loss)
        # beta 0 and .9: a moving critic makes old gradients worthless (Heusel et al. 2017).
        self.optimizer = torch.optim.Adam(critic.parameters(), how.learning_rate, betas=(0.0, 0.9))
        self.encoder_stands_still = encoder_stands_still
        self.steps = 0

    @property
    def states(self) -> dict[str, Any]:
        """What a checkpoint has to keep, by name."""
        return {"critic": self.critic, "critic_optimizer": self.optimizer, "critic_update": self}

    def state_dict(self) -> dict[str, Any]:
        """Return the count of the critic's steps, on which its photographs depend."""
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self.steps = state_dict["steps"]

    def before_batch(self) -> None:
        if not self.training:
            return
        trainable = cast(TrainableGenerator, self.model)
        trainable.eval()
        self.critic.train().requires_grad_(True)
        losses: list[float] = []
        while not SCHEDULES[self.how.schedule](losses, self.how.threshold):
            losses.append(self.train_critic(trainable))
        self.critic.eval().requires_grad_(False)
        trainable.train()
        if self.encoder_stands_still:
            trainable.generator.encoders.eval()  # their batch-norm statistics belong to their weights

    def train_critic(self, trainable: TrainableGenerator) -> float:
        """Do one step of the critic and return its loss."""
        pictures, real = self.how.critic_input.pictures(
            lambda lightness, hints: trainable(lightness, hints)[0],  # type: ignore[arg-type]
            self.batches.batch(self.steps),
        )
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=self.how.critic_input.bf16):
            logits = self.critic(pictures)
        loss = self.critic_loss(logits, real)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(
                f"the critic's loss is {value} at its step {self.steps}; the last checkpoint is kept: "
                "lower the learning rates"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.critic.parameters(), self.how.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        return value


class FinetuningLoss(nn.Module):
    """The generator's losses against the true colours, and the critic's opinion; ``parts`` keeps the last terms.

    With noise vectors the critic judges their pictures too, and the mode-seeking loss keeps them apart; the losses
    against the true colours are for the deterministic picture alone.
    """

    def __init__(
        self,
        content: GeneratorLoss,
        critic: nn.Module,
        loss: AdversarialLoss,
        weight: float,
        mode_seeking: float,
        bf16: bool,
    ) -> None:
        super().__init__()
        self.content, self.loss, self.bf16 = content, loss, bf16
        self.weight, self.mode_seeking = weight, mode_seeking
        self.latents: Sequence[Tensor] = ()
        self._critic = [critic]  # in a list: the critic is no part of this module, whose mode and device are its own
        self.parts: dict[str, Tensor] = {}

    def forward(self, answer: Sequence[Tensor], lab: Tensor) -> Tensor:
        # answer: a pupil's; lab (B, 3, H, W)
        total = self.content(answer, lab)
        pictures = [joined(ab.float(), lab) for ab in (answer[0], *answer[3:])]
        with torch.autocast(lab.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self._critic[0](torch.cat(pictures))
        adversarial = self.loss.generator(logits.float())
        self.parts = {**self.content.parts, "adversarial": adversarial.detach()}
        total = total + self.weight * adversarial
        if len(answer) == 5:
            seeking = mode_seeking_loss(answer[3], answer[4], *self.latents)
            self.parts["mode_seeking"] = seeking.detach()
            total = total + self.mode_seeking * seeking
        return total


class Latents(Callback):
    """Draws two noise vectors a picture for every step of the generator, a function of the step."""

    order = -19

    def __init__(self, loss: FinetuningLoss, seed: int) -> None:
        self.loss, self.seed = loss, seed

    def before_batch(self) -> None:
        trainable = cast(TrainableGenerator, self.model)
        shape = (2, len(self.xb[0]), trainable.generator.config.latent_dim)
        step = self.epoch * len(self.dls.train) + self.iter
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        trainable.latents = self.loss.latents = tuple(torch.randn(shape, generator=random).to(self.xb[0].device))

    def after_batch(self) -> None:
        cast(TrainableGenerator, self.model).latents = ()
