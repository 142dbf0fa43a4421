"""Probes: figures of a generator on a few fixed photographs and short films, measured while it trains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from colorize.color import Picture, lab_to_rgb, rgb_to_lab
from colorize.engine import Colorizer
from colorize.network import Generator, torch_network
from training.classifiers import Teacher
from training.flicker import warp_error
from training.grading import GREY, TRUTH, Row, classify, summarize
from training.photos import Photos
from training.skin import skin_mask

GRAIN = 3.0  # standard deviation of L of the still film's grain, as in a fast old stock
PAN, ZOOM = 1.5, 1.004  # pixels and factor per frame of the moving film
MARGIN = 24  # pixels around the moving film's window, for the pan


@dataclass(frozen=True)
class ProbeSettings:
    """What is measured while training, and when a run has gone bad; see ``training.stopping`` for the rule.

    Attributes:
        feature_network: Safetensors file of the classifier that grades colours; torchvision's MobileNetV2 if left out.
        pictures: Number of photographs, evenly spaced over the validation's.
        videos: Number of these photographs of which a still and a moving film are made.
        frames: Number of frames of each film.
        hue_drift: By how many degrees the skin's hue may be further off than at the start.
        blue_skin: By how much the share of blue pixels on skin may grow.
        bleeding: Largest bleeding, in units of the photographs' own.
        flicker: Largest growth of the films' excess warp error, as a factor of the start's.
        patience: Probes in a row that may break the limits or be no better before the run stops.
    """

    feature_network: Path | None = None
    pictures: int = 128
    videos: int = 3
    frames: int = 6
    hue_drift: float = 5.0
    blue_skin: float = 0.02
    bleeding: float = 1.0
    flicker: float = 2.0
    patience: int = 5

    def __post_init__(self) -> None:
        if self.pictures < 2 or self.frames < 2 or self.videos < 1 or self.patience < 1:
            raise ValueError("a probe needs at least 2 pictures, 1 film of 2 frames and a patience of 1")


@dataclass(frozen=True)
class ProbeReport:
    """The figures of one probe.

    Attributes:
        epoch: Number of epochs that were done.
        feature_distance: Frechet distance to the true pictures' features, in units of the grey pictures' own.
        colourfulness: Mean over the pictures.
        colourfulness_gap: Difference from the true pictures' colourfulness, in units of the latter.
        ramp_free_share: What is left of the colourfulness without each picture's linear ramp.
        ciede2000: Mean over the pictures.
        hue_drift: |degrees| between the skin's mean hue and the true one.
        blue_skin: Share of skin pixels that are blue.
        bleeding: In units of the photographs' own bleeding.
        flicker_still: Excess warp error of films that are one picture under changing grain, Lab units.
        flicker_moving: The same of films that pan and zoom.
        critic_accuracy: Share of the validation pictures that the critic tells right; NaN without one.
    """

    epoch: int
    feature_distance: float
    colourfulness: float
    colourfulness_gap: float
    ramp_free_share: float
    ciede2000: float
    hue_drift: float
    blue_skin: float
    bleeding: float
    flicker_still: float
    flicker_moving: float
    critic_accuracy: float = math.nan


class Probe:
    """Measures a generator on fixed pictures and films; call it with one."""

    def __init__(
        self, photos: Photos, settings: ProbeSettings, teacher: Teacher, render_size: int, device: str
    ) -> None:
        """Choose the pictures, make the films, and measure the grey and the true pictures once.

        Args:
            photos: The pictures are evenly spaced ones of these.
            settings: How many pictures, films and frames.
            teacher: The classifier that grades the colours.
            render_size: Short side in pixels at which generators run.
            device: Where generators and the classifier run.

        Raises:
            ValueError: There are fewer than two photographs.
        """
        count = min(settings.pictures, len(photos))
        if count < 2:
            raise ValueError(f"{len(photos)} validation photographs are too few for a probe; give at least 2")
        chosen = np.linspace(0, len(photos) - 1, count).round().astype(int)
        self._pictures = [_picture(photos, index) for index in chosen]
        self._teacher, self._render_size, self._device = teacher.to(device), render_size, device
        film_pictures = self._pictures[:: max(1, count // settings.videos)][: settings.videos]
        self._still = [list(still_video(picture, settings.frames, seed)) for seed, picture in enumerate(film_pictures)]
        self._moving = [list(moving_video(picture, settings.frames)) for picture in film_pictures]
        self._labs = [rgb_to_lab(picture) for picture in self._pictures]
        self._grey = self._measure([lab_to_rgb(lab * np.array([1, 0, 0], np.float32)) for lab in self._labs])
        self._truth = self._measure(self._pictures)

    def __call__(self, generator: Generator, epoch: int, critic_accuracy: float = math.nan) -> ProbeReport:
        """Return a generator's figures.

        Args:
            generator: In eval mode; not changed.
            epoch: Number of epochs that it was trained for.
            critic_accuracy: Put into the report as it is.
        """
        colorizer = Colorizer(torch_network(generator, self._device), render_size=self._render_size)
        row = self._measure([_colorize(colorizer, lab[..., 0]) for lab in self._labs])
        figures = summarize({GREY: self._grey, "weights": row, TRUTH: self._truth})
        weights, truth = figures["weights"], figures[TRUTH]
        return ProbeReport(
            epoch=epoch,
            feature_distance=weights["feature_distance_ratio"],
            colourfulness=weights["colourfulness"],
            colourfulness_gap=weights["colourfulness_gap"] / truth["colourfulness"],
            ramp_free_share=weights["ramp_free_share"],
            ciede2000=weights["ciede2000"],
            hue_drift=abs(weights["skin_hue_drift"]),
            blue_skin=weights["skin_blue_share"],
            bleeding=weights["bleeding"] / truth["bleeding"] if truth["bleeding"] else math.nan,
            flicker_still=_flicker(colorizer, self._still),
            flicker_moving=_flicker(colorizer, self._moving),
            critic_accuracy=critic_accuracy,
        )

    def _measure(self, pictures: list[Picture]) -> Row:
        row = Row()
        for picture, truth, lab in zip(pictures, self._pictures, self._labs, strict=True):
            pooled, classes = classify(self._teacher, [picture])
            row.features += pooled
            row.classes += classes
            row.add(picture, truth, lab, skin_mask(truth, lab[..., 0]))
        return row


def still_video(picture: Picture, frames: int, seed: int) -> Iterator[Picture]:
    """Yield frames of one picture with the same colours under changing grain, uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    lab = rgb_to_lab(picture)
    for _ in range(frames):
        grainy = lab.copy()
        grainy[..., 0] = np.clip(lab[..., 0] + random.normal(0, GRAIN, lab.shape[:2]), 0, 100)
        yield lab_to_rgb(grainy)


def moving_video(picture: Picture, frames: int) -> Iterator[Picture]:
    """Yield frames of a slow pan and zoom over a picture, uint8 and a little smaller than it."""
    height, width = picture.shape[:2]
    margin = min(MARGIN, min(height, width) // 4)
    size = (width - 2 * margin, height - 2 * margin)
    for index in range(frames):
        scale, shift = ZOOM**index, PAN * (index - (frames - 1) / 2)
        offsets = (margin + shift, margin + shift / 2)
        matrix = np.array([[1 / scale, 0, offsets[0]], [0, 1 / scale, offsets[1]]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        yield np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _picture(photos: Photos, index: int) -> Picture:
    """Return a cached photograph (H, W, 3) without padding and transposition."""
    pixels = photos.pixels[index][:, : int(photos.extents[index])]
    return np.ascontiguousarray(pixels.transpose(1, 0, 2) if photos.upright[index] else pixels)


def _colorize(colorizer: Colorizer, lightness: np.ndarray) -> Picture:
    return lab_to_rgb(np.dstack([lightness, colorizer.predict_full_ab(lightness)]))


def _flicker(colorizer: Colorizer, videos: list[list[Picture]]) -> float:
    """Return the mean excess warp error of films after colorizing."""
    excess = []
    for video in videos:
        colorized = [_colorize(colorizer, rgb_to_lab(frame)[..., 0]) for frame in video]
        excess.append(warp_error(colorized, video).excess)
    return float(np.nanmean(excess))
