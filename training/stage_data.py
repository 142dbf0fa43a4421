"""The training and validation batches of a stage, and the device on which they are made."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch

from colorize.network import choose_device, choose_precision
from training.adversarial import CriticBatches
from training.config import RunConfig
from training.data import PhotoBatches
from training.photos import Photos, PhotosError, load_photos

VALIDATION_STEPS = 8  # at most


@dataclass(frozen=True)
class StageData:
    """The batches of a stage.

    Attributes:
        train: Batches of the run, one epoch at a time.
        valid: The same few batches each time.
    """

    train: PhotoBatches | CriticBatches
    valid: PhotoBatches | CriticBatches


def device_of(run: RunConfig) -> torch.device:
    """Return the device that a run asks for.

    Raises:
        ValueError: There is no such device here.
    """
    return choose_device(None if run.device == "auto" else run.device)


def uses_bfloat16(run: RunConfig) -> bool:
    """Return whether a run's networks compute in bfloat16: if it is asked for and the device does not emulate it."""
    return run.bf16 and choose_precision(device_of(run)) == torch.bfloat16


@dataclass(frozen=True)
class PhotoData(StageData):
    """Batches of photographs for a generator."""

    train: PhotoBatches
    valid: PhotoBatches


def prepare_data(run: RunConfig, hint_prob: float, degradation_prob: float) -> PhotoData:
    """Return the batches of a stage, from the cache or from photographs that are decoded now.

    Args:
        run: The run's settings.
        hint_prob: Share of the pictures with colour hints, 0..1.
        degradation_prob: Share of the pictures with an old photograph's damage, 0..1.

    Raises:
        PhotosError: Too few photographs for one batch.
    """
    cache = run.cache or run.output / "photo-cache"
    photos = load_photos(run.photos, cache, run.cache_size)
    for name, reason in photos.bad:
        warnings.warn(f"{name}: left out ({reason})", stacklevel=2)
    if run.validation is not None:
        train, valid = photos, load_photos([run.validation], cache, run.cache_size)
    else:
        last = max(1, len(photos) // 100)
        train, valid = _slice(photos, slice(None, -last)), _slice(photos, slice(-last, None))
    if len(train) < max(run.batch_sizes):
        raise PhotosError(f"{len(train)} photographs are too few for a batch of {max(run.batch_sizes)}")
    device = device_of(run)
    phase = run.phases[-1]
    return PhotoData(
        PhotoBatches(
            train,
            run.phases,
            run.epoch_steps,
            run.seed,
            device,
            hint_prob,
            degradation_prob,
            run.mosaic,
            run.sampling_weights,
            run.early_film,
            run.two_views,
        ),
        PhotoBatches(
            valid,
            (phase,),
            min(VALIDATION_STEPS, -(-len(valid) // phase.batch_size)),
            1,
            device,
            hint_prob,
            degradation_prob,
        ),
    )


def _slice(photos: Photos, chosen: slice) -> Photos:
    return Photos(photos.pixels[chosen], photos.extents[chosen], photos.upright[chosen], folders=photos.folders[chosen])
