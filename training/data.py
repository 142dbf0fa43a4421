"""Batches of photographs for the generator, made on the training device: (lightness, hints, lab).

All randomness is a function of a seed and the step, so that a resumed run sees what an uninterrupted one would have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset

from colorize.color import rgb_tensor_to_lab
from training.degradation import degrade, early_film, random_curve
from training.hints import draw_hints
from training.mosaics import mosaics
from training.photos import Photos, PhotosError
from training.rendering import reduce_lab
from training.two_views import add_second_views, count_views, share_damage

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Phase:
    """A part of a training run at one picture size.

    Attributes:
        size: Side of the square crops in pixels, a multiple of 32.
        samples: How many pictures the phase sees.
        batch_size: Pictures a step.
        perceptual_size: Side of the truth in pixels, at which classifiers and critics see pictures; 0: ``size``.
    """

    size: int
    samples: int
    batch_size: int
    perceptual_size: int = 0

    @property
    def steps(self) -> int:
        """Number of steps of the phase, at least 1."""
        return max(1, round(self.samples / self.batch_size))


class PhotoBatches(IterableDataset):
    """Batches of one epoch, which is a fixed number of steps; set ``epoch`` before iterating.

    Attributes:
        epoch: Index of the epoch that the next iteration yields.
    """

    def __init__(
        self,
        photos: Photos,
        phases: tuple[Phase, ...],
        epoch_steps: int,
        seed: int,
        device: torch.device | str = "cpu",
        hint_prob: float = 0.5,
        degradation_prob: float = 0.5,
        mosaic: float = 0.0,
        sampling_weights: Mapping[str, int] | None = None,
        early_film_prob: float = 0.0,
        two_views: float = 0.0,
    ) -> None:
        """Put the photographs on the device.

        Args:
            photos: Kept on the training device whole if that is a GPU.
            phases: Followed one after the other; the last one goes on as long as it is asked.
            epoch_steps: Steps of one epoch.
            seed: Together with the step it decides everything.
            device: Where the batches are made.
            hint_prob: Share of the pictures that get colour hints, 0..1.
            degradation_prob: Share of the pictures whose input is damaged as in an old photograph, 0..1.
            mosaic: Share of the pictures that are put together from four photographs, 0..1.
            sampling_weights: How often a round shows each photograph of a folder; 0 leaves it out, and folders that are
                not named have weight 1.
            early_film_prob: Share of the pictures whose input is as on film before about 1925, 0..1.
            two_views: Share of the pictures that are one of two views of a photograph (``training.two_views``), 0..1;
                those have no hints.

        Raises:
            PhotosError: A folder in ``sampling_weights`` has no photograph, or no photograph is left.
        """
        self.photos, self.phases, self.epoch_steps, self.seed = photos, phases, epoch_steps, seed
        self.device = torch.device(device)
        self.hint_prob, self.degradation_prob, self.mosaic = hint_prob, degradation_prob, mosaic
        self.early_film_prob, self.two_views = early_film_prob, two_views
        self.epoch = 0
        self._pixels = torch.from_numpy(photos.pixels)  # shares the mapped file's memory; never written
        if self.device.type != "cpu":
            self._pixels = self._pixels.to(self.device)
        self._extents = torch.from_numpy(photos.extents).to(self.device)
        self._upright = torch.from_numpy(photos.upright).to(self.device)
        self._round = _sampled_indices(photos, sampling_weights or {})
        self._shuffled: tuple[int, Tensor] = (-1, self._round)  # the present round and its order, on the device

    def __len__(self) -> int:
        return self.epoch_steps

    def __iter__(self) -> Iterator[Batch]:
        first = self.epoch * self.epoch_steps
        for step in range(first, first + self.epoch_steps):
            yield self.batch(step)

    def batch(self, step: int) -> Batch:
        """Return the batch of one step.

        Returns:
            lightness (B, 1, S, S) as the generator sees it, degraded or not; hints (B, 3, S, S); lab (B, 3, S, S), the
            true picture, or (B, 3, P, P) where the phase has a perceptual size P; all in network units.
        """
        phase, before = self._locate(step)
        random = torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + step)
        rgb = self._crops(self._choose(before, phase.batch_size), phase.perceptual_size or phase.size, random)
        lab = rgb_tensor_to_lab(mosaics(rgb, self.mosaic, random))
        lab = add_second_views(lab, self.two_views, phase.size)
        small = reduce_lab(lab, phase.size)
        lightness = random_curve(early_film(small, self.early_film_prob, random), random)
        lightness = degrade(lightness, self.degradation_prob, random)
        lightness = share_damage(lightness, self.two_views, lab.shape[-1], random)
        hints = draw_hints(small[:, 1:], self.hint_prob, random)
        if views := count_views(len(lab), self.two_views):
            hints[:views] = hints[-views:] = 0  # a hint in one view alone would keep the two apart
        return lightness, hints, lab

    def _locate(self, step: int) -> tuple[Phase, int]:
        """Return a step's phase and how many samples came before it."""
        samples = 0
        for phase in self.phases[:-1]:
            if step < phase.steps:
                return phase, samples + step * phase.batch_size
            step -= phase.steps
            samples += phase.steps * phase.batch_size
        return self.phases[-1], samples + step * self.phases[-1].batch_size

    def _choose(self, before: int, count: int) -> Tensor:
        """Return the photographs' indices at places before..before + count of an endless series of shuffled rounds."""
        total = len(self._round)
        chosen = []
        while count:
            round_, place = divmod(before, total)
            part = self._order(round_)[place : place + count]
            chosen.append(part)
            before, count = before + len(part), count - len(part)
        return torch.cat(chosen)

    def _order(self, round_: int) -> Tensor:
        """Return the photographs' indices in the order of a round, on the device; a step copies nothing to it."""
        if self._shuffled[0] != round_:
            random = torch.Generator().manual_seed(self.seed + round_)
            shuffled = self._round[torch.randperm(len(self._round), generator=random)]
            self._shuffled = (round_, shuffled.to(self.device))
        return self._shuffled[1]

    def _crops(self, indices: Tensor, size: int, random: torch.Generator) -> Tensor:
        """Return random resized, flipped square crops (B, 3, S, S) in 0..1."""
        canvas = self._pixels[indices].permute(0, 3, 1, 2).float() / 255  # (B, 3, S0, L0)
        count, _, short, long = canvas.shape
        extents, upright = self._extents[indices], self._upright[indices]

        def uniform(low: float, high: float) -> Tensor:
            return torch.empty(count, device=self.device).uniform_(low, high, generator=random)

        # The network is used on whole photographs, so most crops take most of the short side.
        side = short * uniform(0.55, 1.0)
        stretch = uniform(-0.1, 0.1).exp()
        height, width = (side * stretch).clamp_max(short), (side / stretch).clamp_max(short)
        top, left = uniform(0, 1) * (short - height), uniform(0, 1) * (extents - width)
        flip = uniform(0, 1) < 0.5
        # Sampled finer and averaged: bilinear sampling alone would alias where it reduces.
        oversampling = max(1, round(0.8 * short / size))
        place = (torch.arange(size * oversampling, device=self.device) + 0.5) / (size * oversampling)
        # Left and right of an upright photograph lie along the canvas's rows, because it lies transposed.
        down = torch.where((flip & upright)[:, None], 1 - place, place)
        across = torch.where((flip & ~upright)[:, None], 1 - place, place)
        y = (top[:, None] + height[:, None] * down) / short * 2 - 1  # (B, S * finer)
        x = (left[:, None] + width[:, None] * across) / long * 2 - 1
        grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
        transposed = torch.stack(torch.broadcast_tensors(x[:, :, None], y[:, None, :]), dim=-1)
        grid = torch.where(upright[:, None, None, None], transposed, grid)
        crops = F.grid_sample(canvas, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return F.avg_pool2d(crops, oversampling) if oversampling > 1 else crops


def _sampled_indices(photos: Photos, sampling_weights: Mapping[str, int]) -> Tensor:
    """Return the indices of the photographs that one round shows, repeated by their folders' weights, in order."""
    indices = torch.arange(len(photos))
    if not sampling_weights:
        return indices
    if missing := sorted(set(sampling_weights) - set(photos.folders)):
        folders = ", ".join(sorted(set(photos.folders) - {""})) or "none"
        raise PhotosError(f"sampling_weights: no photograph lies in a folder {missing[0]!r}; folders are: {folders}")
    sampled = indices.repeat_interleave(torch.tensor([sampling_weights.get(folder, 1) for folder in photos.folders]))
    if not len(sampled):
        raise PhotosError(f"sampling_weights {dict(sampling_weights)}: no photograph is left")
    return sampled
