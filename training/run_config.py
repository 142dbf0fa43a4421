"""Settings that every training stage shares: photographs, sizes, optimisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from training.data import Phase

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class RunConfig:
    """What every training run needs.

    Attributes:
        photos: Folders or tars of colour photographs to train on.
        output: Folder of the run: checkpoint, weights, log, samples.
        validation: Folder or tar of other photographs; without it the last 1 % of the training photographs.
        cache: Folder of the decoded photographs; None: ``photo-cache`` in the output folder.
        cache_size: Short side in pixels of the decoded photographs; at least the largest picture size.
        sizes: Picture size in pixels of each phase, multiples of 32.
        view: Side in pixels at which classifiers and critics look: the small prediction enlarged on a lightness of
            this size, as at use (``training.views``). A multiple of 32 and at least the largest size; 0: the size.
        pictures: How many pictures each phase sees.
        batch_sizes: Pictures a step in each phase.
        mosaic: Share of pictures put together from four photographs (``training.mosaics``).
        repeats: How often a round shows each photograph of a folder: ``--repeats street 4 sky 0``. Folders are the
            first ones of the names within a source; those not named are shown once. Validation has no repeats.
        epoch_steps: Steps between two checkpoints; also one row of the log.
        learning_rate: Peak of the one cycle.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        ema: Decay of the averaged weights per step.
        seed: Of everything random.
        device: auto: CUDA, then MPS, then the CPU.
        bf16: Run the networks in bfloat16 (autocast).
        threads: Of the CPU; 0: PyTorch's choice.
        samples_every: Epochs between two sample sheets.
    """

    photos: tuple[Path, ...]
    output: Path
    validation: Path | None = None
    cache: Path | None = None
    cache_size: int = 224
    sizes: tuple[int, ...] = (64, 128, 192)
    view: int = 0
    pictures: tuple[int, ...] = (3_000_000, 1_500_000, 500_000)
    batch_sizes: tuple[int, ...] = (256, 128, 64)
    mosaic: float = 0.0
    repeats: dict[str, int] = field(default_factory=dict)
    epoch_steps: int = 500
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    device: Device = "auto"
    bf16: bool = True
    threads: int = 0
    samples_every: int = 1

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.pictures) == len(self.batch_sizes) > 0:
            raise ValueError(
                f"sizes {self.sizes}, pictures {self.pictures} and batch_sizes {self.batch_sizes} must be equally many"
            )
        for size in self.sizes:
            if size < 32 or size % 32:
                raise ValueError(f"size {size} is not a multiple of 32")
        if self.view and (self.view % 32 or self.view < max(self.sizes)):
            raise ValueError(f"view {self.view} is not a multiple of 32 of at least the largest size {max(self.sizes)}")
        if max(*self.sizes, self.view) > self.cache_size:
            largest = max(*self.sizes, self.view)
            raise ValueError(f"cache_size {self.cache_size} is smaller than the largest picture size {largest}")
        if not 0 <= self.mosaic <= 1:
            raise ValueError(f"mosaic {self.mosaic:g} is not a share, 0..1")
        for folder, times in self.repeats.items():
            if times < 0:
                raise ValueError(f"repeats: {folder} {times} must be 0 or more")
        if min(*self.pictures, *self.batch_sizes, self.epoch_steps) < 1:
            raise ValueError("pictures, batch_sizes and epoch_steps must be at least 1")

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of the run."""
        parts = zip(self.sizes, self.pictures, self.batch_sizes, strict=True)
        return tuple(Phase(size, pictures, batch_size, self.view) for size, pictures, batch_size in parts)

    @property
    def epochs(self) -> int:
        """Epochs of the whole run; the last phase is lengthened to fill the last one."""
        return -(-sum(phase.steps for phase in self.phases) // self.epoch_steps)
