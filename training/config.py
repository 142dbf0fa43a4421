"""Settings of the training stages: frozen dataclasses from which tyro makes the command lines."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from colorize.network import HEADS, SEMANTIC_NETWORKS, GeneratorConfig
from training.adversarial import AdversarialName
from training.data import Phase
from training.objective import LossWeights
from training.probe import ProbeSettings

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class RunConfig:
    """Settings of every training run.

    Attributes:
        photos: Folders or tars of colour photographs to train on.
        output: Folder of the run: checkpoint, weights, log, sample sheets.
        validation: Folder or tar of other photographs; None: the last 1 % of the training photographs.
        cache: Folder of the decoded photographs; None: ``photo-cache`` in the output folder.
        cache_size: Short side in pixels of the decoded photographs; at least the largest picture size.
        sizes: Picture size in pixels of each phase, multiples of 32.
        perceptual_size: Side in pixels of what classifiers and critics see: the prediction, enlarged on a lightness of
            this size, as at use (``training.rendering``). A multiple of 32 and at least the largest size; 0: the
            size.
        samples: How many pictures each phase sees; with ``minutes`` their proportions.
        batch_sizes: Pictures a step in each phase.
        minutes: End the run, its learning rate at the end of the schedule, after so many minutes (``training.budget``);
            0: after ``samples``.
        split_mib: Write the checkpoint in parts of at most so many MiB (``training.parts``); 0: as one file.
        mosaic: Share of pictures put together from four photographs (``training.mosaics``).
        early_film: Share of pictures seen as on film before about 1925: blind to red, burnt out, stained
            (``training.degradation``).
        two_views: Share of pictures that are one of two views of a photograph, on which the agreement loss works
            (``training.two_views``).
        sampling_weights: How often a round shows each photograph of a folder: ``--sampling-weights street 4 sky 0``.
            Folders are the first ones of the names within a source; those not named have weight 1. The validation
            shows each photograph once.
        epoch_steps: Steps between two checkpoints; also one row of the log.
        learning_rate: Peak of the one cycle.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        ema: Decay of the averaged weights per step.
        seed: Of everything random.
        device: auto: CUDA, then MPS, then the CPU.
        bf16: Run the networks in bfloat16 (autocast) where the device does not have to emulate it.
        compile: Let torch.compile make single kernels of the losses' arithmetic; the first steps of each phase wait for
            it, unless its cache on disk has them.
        threads: Of the CPU; 0: PyTorch's choice.
        samples_every: Epochs between two sample sheets.
    """

    photos: tuple[Path, ...]
    output: Path
    validation: Path | None = None
    cache: Path | None = None
    cache_size: int = 224
    sizes: tuple[int, ...] = (64, 128, 192)
    perceptual_size: int = 0
    samples: tuple[int, ...] = (3_000_000, 1_500_000, 500_000)
    batch_sizes: tuple[int, ...] = (256, 128, 64)
    minutes: float = 0.0
    split_mib: float = 0.0
    mosaic: float = 0.0
    early_film: float = 0.0
    two_views: float = 0.0
    sampling_weights: dict[str, int] = field(default_factory=dict)
    epoch_steps: int = 500
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    device: Device = "auto"
    bf16: bool = True
    compile: bool = False
    threads: int = 0
    samples_every: int = 1

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.samples) == len(self.batch_sizes) > 0:
            raise ValueError(
                f"sizes {self.sizes}, samples {self.samples} and batch_sizes {self.batch_sizes} must be equally many"
            )
        for size in self.sizes:
            if size < 32 or size % 32:
                raise ValueError(f"size {size} is not a multiple of 32")
        if self.perceptual_size and (self.perceptual_size % 32 or self.perceptual_size < max(self.sizes)):
            raise ValueError(
                f"perceptual_size {self.perceptual_size} is not a multiple of 32 of at least the largest size "
                f"{max(self.sizes)}"
            )
        if max(*self.sizes, self.perceptual_size) > self.cache_size:
            largest = max(*self.sizes, self.perceptual_size)
            raise ValueError(f"cache_size {self.cache_size} is smaller than the largest picture size {largest}")
        if min(self.minutes, self.split_mib) < 0:
            raise ValueError(f"minutes {self.minutes:g} and split_mib {self.split_mib:g} must be 0 or more")
        for name, share in (("mosaic", self.mosaic), ("early_film", self.early_film), ("two_views", self.two_views)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} {share:g} is not a share, 0..1")
        for folder, weight in self.sampling_weights.items():
            if weight < 0:
                raise ValueError(f"sampling_weights: {folder} {weight} must be 0 or more")
        if min(*self.samples, *self.batch_sizes, self.epoch_steps) < 1:
            raise ValueError("samples, batch_sizes and epoch_steps must be at least 1")

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of the run, in order."""
        settings = zip(self.sizes, self.samples, self.batch_sizes, strict=True)
        return tuple(Phase(size, samples, batch_size, self.perceptual_size) for size, samples, batch_size in settings)

    def short_run(self, name: str, size: int, batch_size: int, steps: int) -> RunConfig:
        """Return a run of a few steps of one phase, which is measured before the run itself begins.

        Args:
            name: Of its own folder in the output folder.
            size: Side of its pictures in pixels.
            batch_size: Pictures of each step.
            steps: How many.
        """
        return replace(
            self,
            output=self.output / name,
            cache=self.cache or self.output / "photo-cache",  # so that photographs are decoded once
            sizes=(size,),
            samples=(batch_size * steps,),
            batch_sizes=(batch_size,),
            epoch_steps=steps,
            minutes=0.0,
        )

    @property
    def epochs(self) -> int:
        """Number of epochs of the run; the last phase is lengthened to fill the last epoch."""
        return -(-sum(phase.steps for phase in self.phases) // self.epoch_steps)


@dataclass(frozen=True)
class DistillConfig:
    """Teach a ResNet, which is fed grey, to predict what an ImageNet classifier sees in the colour picture.

    Attributes:
        run: Settings of every training run.
        backbone: ResNet to teach.
        teacher: Safetensors file of a torchvision classifier; None: ``teacher_name`` with torchvision's weights.
        teacher_name: A torchvision classifier.
        teacher_size: Side in pixels of the teacher's colour picture; the student's grey picture may be smaller.
    """

    run: Annotated[RunConfig, tyro.conf.arg(name="")]
    backbone: str = "resnet34"
    teacher: Path | None = None
    teacher_name: str = "mobilenet_v2"
    teacher_size: int = 160


@dataclass(frozen=True)
class PretrainConfig:
    """Train the generator alone, with losses against the true colours.

    Attributes:
        run: Settings of every training run.
        losses: Weights of the losses.
        backbone: ResNet of a new generator.
        decoder_widths: Channels of a new generator's five up blocks, from 1/16 to 1/1 of the input.
        encoder_weights: ``none``, ``imagenet`` (torchvision's, downloaded), a file of ``distill_encoder``, or
            safetensors of a torchvision ResNet.
        encoder_rate: Factor of the learning rate for the encoder: below 1, what its weights know is not unlearned
            while the decoder begins.
        semantic_branch: A name in ``colorize.network.semantic.SEMANTIC_NETWORKS``: a classifier whose features join the
            bottleneck. Empty: that of ``weights`` if those have one.
        semantic_weights: Safetensors of timm's weights of the semantic branch (``tf_efficientnet_lite0`` and so on);
            None: timm downloads them. Ignored where ``weights`` have the semantic branch already.
        semantic_rate: Factor of the learning rate for the semantic branch, but not for its projections into the
            bottleneck.
        head: A name in ``colorize.network.generator.HEADS`` for a new generator. ``weights`` keep theirs, or have a
            regression replaced by a classification with nearly the same colours at first.
        weights: Weights file to start from instead of a new generator.
        perceptual: Safetensors file of the classifier for the perceptual loss; None: ``perceptual_name`` with
            torchvision's weights.
        perceptual_name: A torchvision classifier with listed inner layers.
        recogniser: timm's names of other classifiers, for the recognition and the embedding loss.
        recogniser_file: Safetensors of their weights, in this order; left out: timm downloads them.
        hint_prob: Share of the pictures with colour hints.
        degradation_prob: Share of the pictures with an old photograph's damage.
        decoder_only: Encoder and semantic branch are frozen, and so are all batch-norm statistics: for a short training
            on from weights that are nearly good. Needs ``losses.distillation`` 0.
        deep_rate: With ``decoder_only``: factor of the learning rate for the last two stages of encoder and semantic
            branch and for the semantic branch's projections into the bottleneck; 0: they are frozen too.
        render_size: Short side in pixels at which the weights are to be used; 0: the last phase's size.
        keep_epoch: Epoch after which the averaged weights are kept as ``kept.safetensors`` too, a multiple of
            ``samples_every``; 0: only the last ones are kept.
        fill_memory: Share of a GPU's memory, 0..1, that batches are made to take, smaller or larger ones, with the
            learning rate that belongs to them (``training.full_memory``); 0: they stay as they are, as on a CPU.
    """

    run: Annotated[RunConfig, tyro.conf.arg(name="")]
    losses: LossWeights = field(default_factory=LossWeights)
    backbone: str = "resnet34"
    decoder_widths: tuple[int, ...] = GeneratorConfig().decoder_widths
    encoder_weights: str = "none"
    encoder_rate: float = 1.0
    semantic_branch: str = ""
    semantic_weights: Path | None = None
    semantic_rate: float = 0.1
    head: str = "regression"
    weights: Path | None = None
    perceptual: Path | None = None
    perceptual_name: str = "vgg16_bn"
    recogniser: tuple[str, ...] = ()
    recogniser_file: tuple[Path, ...] = ()
    hint_prob: float = 0.5
    degradation_prob: float = 0.5
    decoder_only: bool = False
    deep_rate: float = 0.0
    render_size: int = 0
    keep_epoch: int = 0
    fill_memory: float = 0.0

    def __post_init__(self) -> None:
        _check_recognisers(self.recogniser, self.recogniser_file)
        if self.decoder_only and self.losses.distillation:
            raise ValueError("decoder_only: the encoder stands still and cannot be taught; add --losses.distillation 0")
        if not self.deep_rate >= 0:
            raise ValueError(f"deep_rate {self.deep_rate:g} must be 0 or more")
        if self.deep_rate and not self.decoder_only:
            raise ValueError(f"deep_rate {self.deep_rate:g} belongs to decoder_only; add --decoder-only")
        if self.encoder_rate <= 0:
            raise ValueError(f"encoder_rate {self.encoder_rate} must be above 0; 1 is the rate of all else")
        if self.semantic_rate <= 0:
            raise ValueError(f"semantic_rate {self.semantic_rate} must be above 0; 1 is the rate of all else")
        if self.semantic_branch and self.semantic_branch not in SEMANTIC_NETWORKS:
            raise ValueError(
                f"unknown semantic branch {self.semantic_branch!r}; choose one of {', '.join(SEMANTIC_NETWORKS)}"
            )
        if self.head not in HEADS:
            raise ValueError(f"unknown head {self.head!r}; choose one of {', '.join(HEADS)}")
        if not 0 <= self.fill_memory <= 1:
            raise ValueError(f"fill_memory {self.fill_memory:g} is not a share, 0..1")
        every, epochs = self.run.samples_every, self.run.epochs
        if not self.run.minutes and not (0 <= self.keep_epoch <= epochs and self.keep_epoch % every == 0):
            raise ValueError(f"keep_epoch {self.keep_epoch} is not one of 0, {every}, {2 * every} ... {epochs}")


@dataclass(frozen=True)
class PretrainCriticConfig:
    """Train a critic alone to tell real photographs from those of a frozen generator (NoGAN's second part).

    Attributes:
        run: Settings of every training run.
        weights: Weights file of the generator.
        critic: A name in ``training.critic.CRITICS``.
        loss: A name in ``training.adversarial.ADVERSARIAL_LOSSES``.
        enhancement: Factor of the real photographs' chroma.
        hint_prob: Share of the pictures with colour hints.
        degradation_prob: Share of the pictures with an old photograph's damage.
        classifier: Safetensors file of the MobileNetV2 that a ``projected`` critic stands on; None: torchvision's.
    """

    run: Annotated[RunConfig, tyro.conf.arg(name="")]
    weights: Path
    critic: str = "projected"
    loss: AdversarialName = "hinge"
    enhancement: float = 1.0
    hint_prob: float = 0.25
    degradation_prob: float = 0.3
    classifier: Path | None = None


def _finetuning_losses() -> LossWeights:
    # The encoder is frozen by default, so there is nothing to distil into it.
    return LossWeights(distillation=0)


@dataclass(frozen=True)
class FinetuneConfig:
    """Train generator and critic against each other for a short time, and choose a checkpoint by a rule.

    Attributes:
        run: Settings of every training run; its learning rate is the generator's.
        weights: Weights file of the pretrained generator.
        losses: Weights of the losses against the true colours.
        adversarial: Weight of the adversarial loss.
        critic: A name in ``training.critic.CRITICS``; the default is the one that helped at equal budgets.
        critic_weights: File of ``training.pretrain_critic`` for the first cycle; None: train a critic first.
        critic_samples: How many pictures the critic sees alone before each cycle that has no ``critic_weights``.
        loss: A name in ``training.adversarial.ADVERSARIAL_LOSSES``.
        schedule: ``alternate``: one step of the critic, one of the generator; ``threshold``: DeOldify's rule, the
            critic until its loss is under ``threshold``, then one step of the generator.
        threshold: For ``schedule``; DeOldify's .65 belongs to BCE, where .69 is guessing. Hinge guesses at 1.
        critic_learning_rate: Two time scales (Heusel et al. 2017): the critic learns faster.
        enhancement: Factor of the chroma of the photographs that the critic gets as real. At equal budgets 1.2
            did not help (docs/experiments.md).
        train_encoder: Train the encoder and the semantic branch too.
        cycles: How often the two parts, critic alone and both together, are repeated.
        hint_prob: Share of the pictures with colour hints.
        degradation_prob: Share of the pictures with an old photograph's damage.
        perceptual: Safetensors file of the classifier for the perceptual loss, on which a ``projected`` critic stands
            too; None: torchvision's weights.
        perceptual_name: A torchvision classifier with listed inner layers.
        recogniser: timm's names of other classifiers, for the recognition and the embedding loss.
        recogniser_file: Safetensors of their weights, in this order; left out: timm downloads them.
        render_size: Short side in pixels at which the weights are to be used; 0: the last phase's size.
        latent_dim: Length of the noise vector that a generator without one is given.
        mode_seeking: Weight of the loss that keeps two noise vectors' pictures apart; needs a generator with one.
        probe: What is measured while training, and when to stop.
    """

    run: Annotated[RunConfig, tyro.conf.arg(name="")]
    weights: Path
    losses: LossWeights = field(default_factory=_finetuning_losses)
    adversarial: float = 0.15
    critic: str = "projected"
    critic_weights: Path | None = None
    critic_samples: int = 20_000
    loss: AdversarialName = "hinge"
    schedule: Literal["alternate", "threshold"] = "alternate"
    threshold: float = 0.65
    critic_learning_rate: float = 4e-4
    enhancement: float = 1.0
    train_encoder: bool = False
    cycles: int = 1
    hint_prob: float = 0.25
    degradation_prob: float = 0.3
    perceptual: Path | None = None
    perceptual_name: str = "vgg16_bn"
    recogniser: tuple[str, ...] = ()
    recogniser_file: tuple[Path, ...] = ()
    render_size: int = 0
    latent_dim: int = 0
    mode_seeking: float = 0.0
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        _check_recognisers(self.recogniser, self.recogniser_file)


def _check_recognisers(names: tuple[str, ...], files: tuple[Path, ...]) -> None:
    if files and len(files) != len(names):
        raise ValueError(f"{len(names)} recognisers, but {len(files)} recogniser_file: name a file for each, or none")
