"""One training stage: a network, a loss and batches, run by fastai's Learner, resumable at every epoch."""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, cast

import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import ParamScheduler, combined_cos, fit_one_cycle  # noqa: F401  (patches Learner)
from fastai.callback.training import GradientClip
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import OptimWrapper
from fastai.torch_core import trainable_params
from torch import Tensor, nn
from torch.utils.data import DataLoader

from training.budget import Pace
from training.callbacks import (
    Autocast,
    Checkpoint,
    CheckpointError,
    DivergedError,
    Ema,
    EpochOfBatches,
    EveryEpochs,
    History,
    SmoothLoss,
    Stateful,
    StopWhenDiverged,
    TensorBoardLog,
    read_checkpoint,
)
from training.classifiers import Recogniser, load_teacher
from training.config import DistillConfig, FinetuneConfig, PretrainConfig, PretrainCriticConfig, RunConfig
from training.objective import GeneratorLoss
from training.parts import remove_others, remove_unfinished
from training.stage_data import StageData, uses_bfloat16

Config = DistillConfig | PretrainConfig | PretrainCriticConfig | FinetuneConfig


@dataclass(frozen=True)
class Method:
    """How a stage is optimised, where it differs from the pretraining.

    Attributes:
        schedule: Of the learning rate: one cycle, or flat with a cosine decay at the end.
        betas: Of AdamW; a one-cycle schedule moves the first itself.
        callbacks: In addition to those of every stage.
        states: What the checkpoint keeps besides network and optimizer, by name.
        slow: Parts of the network with a factor of the one cycle's learning rate of their own, and that factor.
    """

    schedule: Literal["one-cycle", "flat"] = "one-cycle"
    betas: tuple[float, float] = (0.9, 0.999)
    callbacks: Sequence[Callback] = ()
    states: Mapping[str, Stateful] = field(default_factory=dict)
    slow: Sequence[tuple[nn.Module, float]] = ()


def generator_loss(config: PretrainConfig | FinetuneConfig) -> GeneratorLoss:
    """Return the loss against the true colours, with the classifiers that its terms need.

    Raises:
        TeacherError: The perceptual loss's classifier cannot be had.
        ValueError: The recogniser cannot be had, or none is named and the recognition loss has a weight.
    """
    losses = config.losses
    teacher = load_teacher(config.perceptual, config.perceptual_name) if losses.needs_teacher else None
    recognisers: list[Recogniser] = []
    if losses.needs_recogniser:
        files = config.recogniser_file or (None,) * len(config.recogniser)
        recognisers = [Recogniser(name, file) for name, file in zip(config.recogniser, files, strict=True)]
    loss = GeneratorLoss(
        losses, teacher, recognisers, uses_bfloat16(config.run), config.run.two_views, config.run.compile
    )
    return loss.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def settings_fingerprint(config: Config) -> str:
    """Return a hash of a stage's settings, without those that may change when a run is resumed."""
    fields = asdict(config)
    for name in ("output", "cache", "device", "threads", "samples_every", "split_mib"):
        fields["run"].pop(name)
    return hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode()).hexdigest()[:16]


def run_stage(
    config: Config,
    network: nn.Module,
    loss: Callable[..., Tensor],
    data: StageData,
    on_epoch: Callable[[int, nn.Module], None],
    parts: Callable[[], dict[str, Tensor]],
    method: Method | None = None,
) -> nn.Module:
    """Train a network to the end of its schedule, resuming where a killed run stopped.

    Args:
        config: A stage's settings, of which ``run`` is used here.
        network: Called with all elements of a batch but the last; trained in place.
        loss: Called with the network's output and the batch's last element.
        data: The batches.
        on_epoch: Called with the number of finished epochs and the averaged network, every
            ``samples_every`` epochs and after the last; it may raise fastai's ``CancelFitException`` to end the run.
        parts: Returns the last terms of the loss by name, for the log.
        method: How the optimisation differs from the pretraining's; None: it does not.

    Returns:
        The averaged network.

    Raises:
        CheckpointError: The output folder's checkpoint is broken or of other settings.
        DivergedError: The loss is no longer a number.
    """
    run = config.run
    method = method or Method()
    device = data.train.device
    if run.threads:
        torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    if device.type == "cpu":
        keep_freed_memory()
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # all batches of a phase have one shape
        torch.backends.cudnn.benchmark_limit = 3  # of ten algorithms: a semantic branch's first steps took over 50 s
    run.output.mkdir(parents=True, exist_ok=True)
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = Ema(network, run.ema)
    settings = settings_fingerprint(config)
    remove_unfinished(run.output / "checkpoint.pt")
    state = read_checkpoint(run.output / "checkpoint.pt", settings)
    if state:
        remove_others(run.output / "checkpoint.pt")
    done = state["epochs"] if state else 0
    callbacks = [
        EpochOfBatches(data.train),
        StopWhenDiverged(),
        GradientClip(run.clip),
        ema,
        TensorBoardLog(run.output / "tensorboard", parts, done),
        History(done),
        Pace(run.output),
        Checkpoint(run.output / "checkpoint.pt", settings, ema, method.states, done, run.split_mib),
        EveryEpochs(lambda epochs: on_epoch(epochs, ema.network), run.samples_every, done),
        *([Autocast(device)] if uses_bfloat16(run) else []),
        *method.callbacks,
    ]
    learner = _learner(run, network, loss, data, callbacks, method)
    if state:
        network.load_state_dict(state["model"])
        ema.network.load_state_dict(state["ema"])
        cast(OptimWrapper, learner.opt).opt.load_state_dict(state["optimizer"])
        for name, kept in method.states.items():
            kept.load_state_dict(state["states"][name])
        if done >= run.epochs:
            return ema.network
    try:
        with learner.no_bar():
            if method.schedule == "one-cycle":
                rates = [factor * run.learning_rate for factor in (*(factor for _, factor in method.slow), 1.0)]
                learner.fit_one_cycle(run.epochs, rates, pct_start=0.1, start_epoch=done)
            else:
                # fastai's fit_flat_cos forgets its start_epoch.
                rate = combined_cos(0.75, run.learning_rate, run.learning_rate, run.learning_rate / 100)
                scheduler = ParamScheduler({"lr": rate})
                learner.fit(run.epochs, run.learning_rate, cbs=scheduler, start_epoch=done)
    except (CheckpointError, DivergedError) as error:
        # fastai puts the callback's name before the message of what a callback raises.
        raise type(error)(str(error).rsplit("\n\t", 1)[-1]) from error
    return ema.network


def keep_freed_memory() -> None:
    """Let glibc keep the large buffers of a step for the next one, which makes steps on a CPU a fifth faster.

    It would give them back to the system and ask for them anew. The same can be asked of it before a process starts,
    with ``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1``. Where there is no glibc, nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-4, 0)  # M_MMAP_MAX: no buffer is mapped by itself
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: the heap is never cut


def _learner(
    run: RunConfig,
    network: nn.Module,
    loss: Callable[..., Tensor],
    data: StageData,
    callbacks: list[Callback],
    method: Method,
) -> Learner:
    """Return fastai's Learner with its optimizer: PyTorch's AdamW, whose fused form is the fastest.

    The optimizer gets only the parameters that are trainable now.
    """
    device = data.train.device
    adamw = partial(torch.optim.AdamW, weight_decay=run.weight_decay, betas=method.betas, fused=device.type != "mps")
    groups = {id(p): group for group, (part, _) in enumerate(method.slow) for p in part.parameters()}
    full_rate = len(method.slow)

    def split(model: nn.Module) -> list[list[nn.Parameter]]:
        trainable = trainable_params(model)
        return [[p for p in trainable if groups.get(id(p), full_rate) == group] for group in range(full_rate + 1)]

    learner = Learner(
        DataLoaders(*(DataLoader(batches, batch_size=None) for batches in (data.train, data.valid)), device=device),
        network,
        loss_func=loss,
        opt_func=partial(OptimWrapper, opt=adamw),  # type: ignore[arg-type]  (fastai's hint names the result)
        path=run.output,
        splitter=split,
        cbs=callbacks,
    )
    learner.create_opt()
    learner.recorder.smooth_loss = SmoothLoss()
    return learner


def command_line_of(script: str, arguments: list[str]) -> str:
    """Return a script's command line with paths shortened to their names, for a weights file's description."""
    return " ".join([f"python -m training.{script}", *(Path(word).name if "/" in word else word for word in arguments)])
