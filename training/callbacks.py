"""fastai callbacks of all training stages: epochs, bfloat16, averaging, logs and the checkpoint with its reader."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.callback.progress import CSVLogger
from fastai.learner import AvgSmoothLoss, Learner
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.tensorboard import SummaryWriter

from colorize.base import replacing
from training.adversarial import CriticBatches
from training.data import PhotoBatches
from training.parts import PartsError, find_parts, read_whole, write_parts

FORMAT = "colorize-checkpoint/1"
LOOK_EVERY = 50  # steps between two looks at whether the loss is a number
AVERAGE_EVERY = 4  # steps between two updates of the averaged weights


class CheckpointError(ValueError):
    """A checkpoint cannot be resumed; the message says why and what to do."""


class DivergedError(RuntimeError):
    """A loss is no longer a number; the last checkpoint is still good."""


class Stateful(Protocol):
    """What a checkpoint can keep: a network, an optimizer, a callback with a count."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state that has to be kept."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Restore what ``state_dict`` returned."""
        ...


class EpochOfBatches(Callback):
    """Set the epoch of the training batches, so that they are a function of the step."""

    order = -10

    def __init__(self, batches: PhotoBatches | CriticBatches) -> None:
        self.batches = batches

    def before_train(self) -> None:
        self.batches.epoch = self.epoch


class Autocast(Callback):
    """Run the network in bfloat16; its output and the losses are float32."""

    order = -5

    def __init__(self, device: torch.device) -> None:
        self.kind = device.type
        self.context: torch.autocast | None = None

    def before_batch(self) -> None:
        self.context = torch.autocast(self.kind, torch.bfloat16)
        self.context.__enter__()

    def after_pred(self) -> None:
        self._leave()
        pred, learner = self.pred, cast(Learner, self.learn)
        learner.pred = pred.float() if isinstance(pred, Tensor) else tuple(part.float() for part in pred)

    def after_cancel_batch(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if self.context is not None:
            self.context.__exit__(None, None, None)
            self.context = None


class StopWhenDiverged(Callback):
    """Raise ``DivergedError`` soon after a loss that is not a number, and always before an epoch's weights are written.

    To look at the loss of every step would let every step wait for the device.
    """

    def __init__(self, every: int = LOOK_EVERY) -> None:
        self.every = every

    def before_train(self) -> None:
        self.is_finite: Tensor | None = None

    def after_loss(self) -> None:
        if not self.training:
            return
        self.last = self.loss_grad.detach()
        is_finite = self.last.isfinite()
        self.is_finite = is_finite if self.is_finite is None else self.is_finite & is_finite
        if (self.iter + 1) % self.every == 0:
            self._look()

    def after_train(self) -> None:
        self._look()

    def _look(self) -> None:
        if self.is_finite is None or bool(self.is_finite):
            return
        loss = float(self.last)
        step = self.epoch * len(self.dls.train) + self.iter
        raise DivergedError(
            f"the loss is {math.nan if math.isfinite(loss) else loss} at step {step} or became so shortly before; "
            "the last checkpoint is kept: lower the learning rate"
        )


class SmoothLoss(AvgSmoothLoss):
    """fastai's running mean of the training loss, kept on the training device: no step waits for the number."""

    def accumulate(self, learn: Learner) -> None:
        self.count += 1
        loss = learn.loss.detach()  # type: ignore[union-attr]
        self.val = torch.lerp(loss, self.val.to(loss.device), self.beta)


class Ema(Callback):
    """Keep an exponential moving average of weights and batch-norm statistics, which is what stages write.

    Attributes:
        network: The averaged network.
    """

    order = 50

    def __init__(self, model: nn.Module, decay: float, every: int = AVERAGE_EVERY) -> None:
        """Copy a network.

        Args:
            model: The network that is trained.
            decay: Per step.
            every: Steps between two updates, each with the decay of so many steps; the last comes with the epoch's end.
        """
        self.decay, self.every, self.waiting = decay, every, 0
        self.network = copy.deepcopy(model).requires_grad_(False)

    def before_fit(self) -> None:
        pairs = list(zip(self.network.state_dict().values(), self.model.state_dict().values(), strict=True))
        self.pairs = [pair for pair in pairs if pair[0].is_floating_point()]
        self.counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    def after_step(self) -> None:
        self.waiting += 1
        if self.waiting == self.every:
            self._update()

    def after_train(self) -> None:
        self._update()

    def _update(self) -> None:
        if not self.waiting:
            return
        average = get_ema_multi_avg_fn(self.decay**self.waiting)
        average([averaged for averaged, _ in self.pairs], [current for _, current in self.pairs], 0)
        for averaged, current in self.counters:
            averaged.copy_(current)
        self.waiting = 0


class TensorBoardLog(Callback):
    """Log the loss, its terms and the learning rate to TensorBoard every few steps."""

    def __init__(self, folder: Path, parts: Callable[[], dict[str, Tensor]], first_epoch: int, every: int = 20) -> None:
        self.folder, self.parts, self.first_epoch, self.every = folder, parts, first_epoch, every

    def before_fit(self) -> None:
        steps = self.first_epoch * len(self.dls.train)
        self.writer = SummaryWriter(str(self.folder), purge_step=steps)

    def after_batch(self) -> None:
        step = self.epoch * len(self.dls.train) + self.iter
        if self.training and step % self.every == 0:
            self.writer.add_scalar("train/loss", self.loss_grad.detach(), step)
            self.writer.add_scalar("train/learning_rate", self.opt.hypers[-1]["lr"], step)
            for name, value in self.parts().items():
                self.writer.add_scalar(f"train/{name}", value, step)

    def after_fit(self) -> None:
        self.writer.close()


class History(CSVLogger):
    """Log a row an epoch to ``history.csv``; a resumed run adds neither a second header nor rows of skipped epochs."""

    def __init__(self, first_epoch: int) -> None:
        super().__init__(append=first_epoch > 0)

    def before_fit(self) -> None:
        if self.append:
            self.file = (self.path / self.fname).open("a")
            learner = cast(Learner, self.learn)
            self.old_logger, learner.logger = self.logger, cast(Any, self._write_line)
        else:
            super().before_fit()

    def _write_line(self, log: list) -> None:
        if len(log) == len(self.recorder.metric_names):
            super()._write_line(log)


class EveryEpochs(Callback):
    """Call a function with the number of finished epochs, every few epochs and after the last.

    It is not called for the epochs that a resumed run skips, although fastai reports their ends too.
    """

    order = 62  # before the checkpoint: a kill between the two repeats the epoch rather than keep its older weights

    def __init__(self, function: Callable[[int], None], every: int = 1, first_epoch: int = 0) -> None:
        self.function, self.every, self.first_epoch = function, every, first_epoch

    def after_epoch(self) -> None:
        done = self.epoch + 1
        if self.epoch >= self.first_epoch and (done % self.every == 0 or done == self.n_epoch):
            self.function(done)


class Checkpoint(Callback):
    """Write all that a run needs to be resumed after every epoch; the former checkpoint survives a full disk."""

    order = 65

    def __init__(
        self,
        path: Path,
        settings: str,
        ema: Ema,
        states: Mapping[str, Stateful] | None = None,
        first_epoch: int = 0,
        split_mib: float = 0.0,
    ) -> None:
        self.path, self.settings, self.ema, self.states = path, settings, ema, states or {}
        self.first_epoch, self.split_mib = first_epoch, split_mib

    def after_epoch(self) -> None:
        if self.epoch < self.first_epoch:
            return  # skipped by a resumed run, which has gone further already
        state = {
            "format": FORMAT,
            "settings": self.settings,
            "epochs": self.epoch + 1,
            "model": self.model.state_dict(),
            "ema": self.ema.network.state_dict(),
            "optimizer": _plain(self.opt.opt.state_dict()),
            "states": {name: _plain(part.state_dict()) for name, part in self.states.items()},
        }
        try:
            if self.split_mib:
                whole = io.BytesIO()
                torch.save(state, whole)
                write_parts(self.path, whole.getvalue(), self.split_mib)
                self.path.unlink(missing_ok=True)  # of a run that was begun without parts
                return
            with replacing(self.path, overwrite=True) as file:
                torch.save(state, file)
            for part in find_parts(self.path):
                part.unlink()
        except (OSError, RuntimeError) as error:  # torch.save reports a full disk as a RuntimeError
            raise CheckpointError(f"{self.path}: cannot be written ({error}); the former checkpoint is kept") from error


def _plain(value: Any) -> Any:
    """Return a state with plain numbers for NumPy's, which fastai's schedule leaves and safe unpickling refuses."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def read_checkpoint(path: Path, settings: str) -> dict[str, Any] | None:
    """Return the checkpoint of a run, or None where there is none yet.

    Args:
        path: Of the checkpoint, whole or in parts.
        settings: Fingerprint of the settings of the run to be resumed.

    Raises:
        CheckpointError: The file is broken, or was made by other settings.
    """
    try:
        if not path.is_file() and (whole := read_whole(path)) is None:
            return None
        state = torch.load(path if path.is_file() else io.BytesIO(whole), map_location="cpu", weights_only=True)
    except PartsError as error:
        raise CheckpointError(str(error)) from error
    except Exception as error:  # torch.load raises a dozen kinds on broken files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{path}: not a whole checkpoint ({reason}); remove it to start afresh") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this program; choose another output folder")
    if state["settings"] != settings:
        raise CheckpointError(f"{path}: made with other settings; use those, or another output folder")
    return state
