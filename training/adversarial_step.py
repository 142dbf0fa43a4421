"""A step of adversarial training: the critic's update and the generator's loss. One trains, the other is frozen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from fastai.callback.core import Callback
from torch import Tensor, nn

from training.adversarial import AdversarialLoss, CriticInput, CriticLoss, mode_seeking_loss
from training.callbacks import LOOK_EVERY, DivergedError
from training.data import PhotoBatches
from training.objective import GeneratorLoss
from training.rendering import compose_lab
from training.trainable_generator import TrainableGenerator

MAX_CRITIC_STEPS = 20  # in a row; a critic that cannot learn must not keep the generator waiting for ever


def one_step(losses: list[Tensor], threshold: float) -> bool:
    """Let the critic train once, then the generator."""
    return len(losses) >= 1


def until_threshold(losses: list[Tensor], threshold: float) -> bool:
    """Let the critic train until its last loss is under the threshold: DeOldify's rule."""
    return bool(losses) and (len(losses) >= MAX_CRITIC_STEPS or float(losses[-1]) < threshold)


SCHEDULES: dict[str, Callable[[list[Tensor], float], bool]] = {"alternate": one_step, "threshold": until_threshold}
"""Name -> function of the critic's losses since the generator's last step, and the threshold: is the generator next?"""


@dataclass(frozen=True)
class CriticTraining:
    """How the critic is trained.

    Attributes:
        loss: Of which the critic's half is used.
        critic_input: Makes its batches.
        schedule: A name in ``SCHEDULES``.
        threshold: Loss below which the schedule ``threshold`` lets the generator go on.
        learning_rate: Constant over the run.
        clip: Largest norm of the gradient.
    """

    loss: AdversarialLoss
    critic_input: CriticInput
    schedule: Literal["alternate", "threshold"]
    threshold: float
    learning_rate: float
    clip: float


class CriticUpdate(Callback):
    """Trains the critic before each step of the generator, on photographs of its own.

    The critic has its own optimizer, so neither network's momentum or weight decay ever moves the other. The network
    that does not train is in eval mode, so its batch-norm statistics and spectral-norm vectors do not move either.
    """

    order = -20  # before autocast is entered for the generator

    def __init__(
        self, critic: nn.Module, batches: PhotoBatches, settings: CriticTraining, freeze_encoder: bool
    ) -> None:
        """Make the critic's optimizer.

        Args:
            critic: Trained in place; moved to the batches' device.
            batches: The critic's own photographs.
            settings: How it is trained.
            freeze_encoder: Keep the encoders' batch-norm statistics fixed in the generator's steps too.
        """
        self.critic, self.batches, self.settings = critic.to(batches.device), batches, settings
        self.critic_loss = CriticLoss(settings.loss)
        # beta 0 and .9: a moving critic makes old gradients worthless (Heusel et al. 2017).
        self.optimizer = torch.optim.Adam(critic.parameters(), settings.learning_rate, betas=(0.0, 0.9))
        self.freeze_encoder = freeze_encoder
        self.steps = 0
        self.is_finite = torch.ones((), dtype=torch.bool, device=batches.device)

    @property
    def states(self) -> dict[str, Any]:
        """What a checkpoint has to keep of the critic, by name."""
        return {"critic": self.critic, "critic_optimizer": self.optimizer, "critic_update": self}

    def state_dict(self) -> dict[str, Any]:
        """Return the number of the critic's steps, on which its photographs depend."""
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        self.steps = state_dict["steps"]

    def before_batch(self) -> None:
        if not self.training:
            return
        trainable = cast(TrainableGenerator, self.model)
        trainable.eval()
        self.critic.train().requires_grad_(True)
        losses: list[Tensor] = []
        while not SCHEDULES[self.settings.schedule](losses, self.settings.threshold):
            losses.append(self.train_critic(trainable))
        self.critic.eval().requires_grad_(False)
        trainable.train()
        if self.freeze_encoder:
            trainable.generator.encoders.eval()  # their batch-norm statistics belong to their weights

    def after_train(self) -> None:
        self._stop_if_diverged()

    def train_critic(self, trainable: TrainableGenerator) -> Tensor:
        """Train the critic for one step and return its loss.

        Raises:
            DivergedError: The loss is no longer a number, at this step or at one since the last look.
        """
        pictures, real = self.settings.critic_input.pictures(
            lambda lightness, hints: trainable(lightness, hints)[0],  # type: ignore[arg-type]
            self.batches.batch(self.steps),
        )
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=self.settings.critic_input.bf16):
            logits = self.critic(pictures)
        loss = self.critic_loss(logits, real)
        value = loss.detach()
        self.is_finite = self.is_finite & value.isfinite()
        if self.steps % LOOK_EVERY == 0:  # to look every time would let every step wait for the device
            self._stop_if_diverged()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.critic.parameters(), self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        return value

    def _stop_if_diverged(self) -> None:
        if not bool(self.is_finite):
            raise DivergedError(
                f"the critic's loss is {math.nan} at its step {self.steps} or became so shortly before; "
                "the last checkpoint is kept: lower the learning rates"
            )


class FinetuningLoss(nn.Module):
    """The generator's loss in the adversarial stage: against the true colours, adversarial and mode-seeking.

    With noise vectors the adversarial loss counts their pictures too, and the mode-seeking loss keeps them apart; the
    losses against the true colours are for the deterministic picture alone.

    Attributes:
        latents: The two noise vectors (B, D) of the current step; empty for a generator without one.
        parts: The last call's unweighted terms by name, for the log.
    """

    def __init__(
        self,
        supervised: GeneratorLoss,
        critic: nn.Module,
        loss: AdversarialLoss,
        weight: float,
        mode_seeking: float,
        bf16: bool,
    ) -> None:
        """Put the terms together.

        Args:
            supervised: The losses against the true colours.
            critic: Of the generated pictures; not trained here.
            loss: Of which the generator's half is used.
            weight: Of the adversarial loss.
            mode_seeking: Weight of the mode-seeking loss.
            bf16: Run the critic in bfloat16.
        """
        super().__init__()
        self.supervised, self.loss, self.bf16 = supervised, loss, bf16
        self.weight, self.mode_seeking = weight, mode_seeking
        self.latents: Sequence[Tensor] = ()
        self._critic = [critic]  # in a list, so that it is no submodule: its mode and device are its own
        self.parts: dict[str, Tensor] = {}

    def forward(self, output: Sequence[Tensor], lab: Tensor) -> Tensor:
        # output: what TrainableGenerator returns; lab (B, 3, H, W)
        total = self.supervised(output, lab)
        pictures = [compose_lab(ab.float(), lab) for ab in (output[0], *output[3:])]
        with torch.autocast(lab.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self._critic[0](torch.cat(pictures))
        adversarial = self.loss.generator(logits.float())
        self.parts = {**self.supervised.parts, "adversarial": adversarial.detach()}
        total = total + self.weight * adversarial
        if len(output) == 5:
            mode_seeking = mode_seeking_loss(output[3], output[4], *self.latents)
            self.parts["mode_seeking"] = mode_seeking.detach()
            total = total + self.mode_seeking * mode_seeking
        return total


class Latents(Callback):
    """Draws two noise vectors a picture for every step of the generator, as a function of the seed and the step."""

    order = -19  # after the critic's update, which takes the deterministic pictures

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
