"""The batches of a training stage, made of photographs, and the device on which they are made."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch

from colorize.network import choose_device
from training.adversarial import CriticBatches
from training.config import RunConfig
from training.data import PhotoBatches
from training.photos import Photos, PhotosError, load_photos

VALIDATION_STEPS = 8


@dataclass(frozen=True)
class StageData:
    """The batches of a stage.

    Attributes:
        train: Endless, by epochs.
        valid: The same few batches each time.
    """

    train: PhotoBatches | CriticBatches
    valid: PhotoBatches | CriticBatches


def device_of(run: RunConfig) -> torch.device:
    """Return the device of a run.

    Raises:
        ValueError: There is no such device here.
    """
    return choose_device(None if run.device == "auto" else run.device)


@dataclass(frozen=True)
class PhotoData(StageData):
    """Batches of photographs."""

    train: PhotoBatches
    valid: PhotoBatches


def prepare_data(run: RunConfig, hint_prob: float, degradation_prob: float) -> PhotoData:
    """Decode the photographs, or map the cache, and return the batches of a stage.

    Args:
        run: The run's settings.
        hint_prob: Share of pictures with colour hints.
        degradation_prob: Share of pictures with an old photograph's damage.

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
        train, valid = _part(photos, slice(None, -last)), _part(photos, slice(-last, None))
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


def _part(photos: Photos, part: slice) -> Photos:
    return Photos(photos.pixels[part], photos.extents[part], photos.upright[part], folders=photos.folders[part])
