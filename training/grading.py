"""Grading: the figures of colorized pictures against their truths, gathered picture by picture and summed up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from colorize.color import Picture, rgb_to_lab
from training import metrics
from training.classifiers import Teacher
from training.metrics import Floats
from training.skin import SkinTally, tally_skin

GREY, TRUTH = "grey", "truth"  # the rows between which every figure is read
CLASSIFIER_SIZE = 224  # side in pixels of what ImageNet classifiers see


@dataclass
class Row:
    """The figures of one row of the table, gathered picture by picture; the pictures are not kept.

    Attributes:
        figures: Metrics by name, of each picture.
        features: The classifier's pooled features of each picture.
        classes: The classifier's likeliest class of each picture.
        histogram: Of ab, summed over the pictures.
        skin: Colours of skin, summed over the pictures.
    """

    figures: list[dict[str, float]] = field(default_factory=list)
    features: list[Floats] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    histogram: np.ndarray = field(default_factory=lambda: np.zeros((metrics.AB_BINS, metrics.AB_BINS), np.int64))
    skin: SkinTally = field(default_factory=SkinTally)

    def add(self, picture: Picture, truth: Picture, truth_lab: Floats, skin: np.ndarray) -> None:
        """Measure one picture against its truth.

        Args:
            picture: uint8 (H, W, 3) RGB.
            truth: Of the same shape.
            truth_lab: The truth in Lab, L 0..100.
            skin: Where the truth shows skin, bool (H, W).
        """
        lab = rgb_to_lab(picture)
        self.figures.append(
            {
                "psnr": metrics.psnr(picture, truth),
                "ciede2000": metrics.ciede2000(lab, truth_lab),
                "colourfulness": metrics.colourfulness(picture),
                "colourfulness_absolute": metrics.colourfulness(picture, absolute=True),
                "ramp_free_colourfulness": metrics.ramp_free_colourfulness(lab),
                "bleeding": metrics.bleeding(lab, truth_lab[..., 0]),
            }
        )
        self.histogram += metrics.ab_histogram(lab)
        self.skin += tally_skin(lab, skin)

    def mean(self, name: str) -> float:
        """Return a metric's mean over the pictures where it is finite; equal pictures have an infinite PSNR."""
        values = np.array([figures[name] for figures in self.figures])
        finite = values[np.isfinite(values)]
        return float(finite.mean()) if len(finite) else float(values[0])


@torch.no_grad()
def classify(teacher: Teacher, pictures: Sequence[Picture]) -> tuple[list[Floats], list[int]]:
    """Return a classifier's pooled features (C,) and likeliest class of each picture; the pictures share a size."""
    batch = np.stack([_classifier_input(picture) for picture in pictures])
    device = next(teacher.parameters()).device
    output = teacher(torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float() / 255)
    classes: list[int] = output.logits.argmax(dim=1).tolist()
    return list(output.pooled.cpu().numpy()), classes


def _classifier_input(picture: Picture) -> Picture:
    """Return the middle square of a picture whose short side is resized to 224 px."""
    height, width = picture.shape[:2]
    scale = CLASSIFIER_SIZE / min(height, width)
    size = (max(CLASSIFIER_SIZE, round(width * scale)), max(CLASSIFIER_SIZE, round(height * scale)))
    kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(picture, size, interpolation=kernel), np.uint8)
    left, top = (size[0] - CLASSIFIER_SIZE) // 2, (size[1] - CLASSIFIER_SIZE) // 2
    return resized[top : top + CLASSIFIER_SIZE, left : left + CLASSIFIER_SIZE]


def summarize(rows: Mapping[str, Row]) -> dict[str, dict[str, float]]:
    """Return each row's metrics over all pictures, by row and name; NaN where one has no meaning, as grey skin's hue.

    Args:
        rows: By name, at least grey and truth, with the same pictures in the same order.
    """
    truth = rows[TRUTH]
    features = {name: np.stack(row.features) for name, row in rows.items()}
    top1 = {name: float(np.mean(np.equal(row.classes, truth.classes))) for name, row in rows.items()}
    distances = {name: metrics.frechet_distance(features[name], features[TRUTH]) for name in rows}
    results = {}
    for name, row in rows.items():
        means = {key: row.mean(key) for key in row.figures[0]}
        plain, ramp_free = means["colourfulness"], means["ramp_free_colourfulness"]
        results[name] = {
            **means,
            "colourfulness_gap": abs(plain - truth.mean("colourfulness")),
            "colourfulness_absolute_gap": abs(means["colourfulness_absolute"] - truth.mean("colourfulness_absolute")),
            "ramp_free_share": ramp_free / plain if plain > 0.5 else math.nan,  # less is a grey picture's rounding
            "top1": top1[name],
            "top1_gain": metrics.top1_gain(top1[name], top1[GREY], top1[TRUTH]),
            "feature_distance": distances[name],
            "feature_distance_ratio": distances[name] / distances[GREY] if distances[GREY] else math.nan,
            "ab_histogram_distance": metrics.histogram_distance(row.histogram, truth.histogram),
            "skin_blue_share": row.skin.blue_share(),
            "skin_hue_drift": row.skin.hue_drift(truth.skin),
        }
    return results
