"""The network's own answers as a key frame: the surest of some frames of a scene, and the mean of all of them there.

A single answer has stronger colours than a film that is coloured frame by frame, whose answers are averaged; so each is
followed along the motion to the frame that was chosen, and counts there as far as that can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from colorize.color import Floats
from colorize.motion.carried import Carried
from colorize.motion.flow import Grey
from colorize.motion.key_colors import KeyColors
from colorize.motion.key_layers import TrackedGrey


@dataclass(frozen=True, eq=False)
class OwnAnswer:
    """The choice of the network's own answers.

    Attributes:
        predict: Returns the ab (h, w, 2) of frames, each by itself.
    """

    predict: Callable[[Sequence[Grey]], Sequence[Floats]]

    def __call__(self, part: Sequence[TrackedGrey], candidates: Sequence[int]) -> tuple[int, KeyColors]:
        """Return the frame whose answer is the surest, and the mean of all answers there; see ``Choice``."""
        answers = self.predict([part[place].whole for place in candidates])
        surest = surest_of(answers)
        ab = _mean_at(part, candidates, answers, surest)
        return candidates[surest], KeyColors(ab, np.ones(ab.shape[:2], np.float32))


def surest_of(answers: Sequence[Floats]) -> int:
    """Return which of the network's answers (h, w, 2) to frames of a scene is the surest: the most like all others.

    What counts is how much of the frame has which colour, so the motion does not.
    """
    shares = np.stack([_color_shares(ab) for ab in answers])
    return int(np.argmin(np.abs(shares[:, None] - shares[None]).sum(axis=(1, 2, 3))))


def _color_shares(ab: Floats) -> Floats:
    """Return which share of a frame each of 16 x 16 parts of the ab plane has, softly divided."""
    counts = cv2.calcHist([ab[..., 0].ravel(), ab[..., 1].ravel()], [0, 1], None, [16, 16], [-80, 80, -80, 80])
    return np.asarray(cv2.GaussianBlur(counts, (5, 5), 1.0) / ab[..., 0].size, np.float32)


def _mean_at(part: Sequence[TrackedGrey], places: Sequence[int], answers: Sequence[Floats], chosen: int) -> Floats:
    """Return the mean ab (h, w, 2) of answers as the motion leads them to one of their frames.

    Args:
        part: Frames of a scene.
        places: Indices in it of the frames with answers, rising.
        answers: Their ab.
        chosen: Which of them.
    """
    own = np.full(answers[chosen].shape[:2], 1 / len(places), np.float32)  # weight of one answer where it lies
    mean = KeyColors(answers[chosen], own)
    for side in (range(chosen), range(len(places) - 1, chosen, -1)):  # from either end on
        collected: KeyColors | None = None
        for number, following in zip(side, [*side, chosen][1:], strict=True):
            answer = KeyColors(answers[number], own)
            collected = answer if collected is None else _mixed(collected, answer)
            collected = _followed(collected, part, places[number], places[following])
        if collected is not None:
            mean = _mixed(mean, collected)
    return mean.ab


def _mixed(one: KeyColors, other: KeyColors) -> KeyColors:
    """Return the mean of two colours by their weights, with the sum of these."""
    weight = one.weight + other.weight
    share = other.weight / np.maximum(weight, np.float32(1e-6))
    ab = one.ab + cv2.merge([share, share]) * (other.ab - one.ab)
    return KeyColors(np.asarray(ab, np.float32), np.asarray(weight, np.float32))


def _followed(colors: KeyColors, part: Sequence[TrackedGrey], begin: int, end: int) -> KeyColors:
    """Return the colours of one frame of a part as they lie in another, weighted by how far the motion is trusted."""
    carried = Carried.begin(colors, part[begin].grey)
    ahead = 1 if end > begin else -1
    for place in range(begin + ahead, end + ahead, ahead):
        frame, step = part[place], part[place if ahead == 1 else place + 1].step
        backward, forward = step.backward.astype(np.float32), step.forward.astype(np.float32)
        to_nearer, from_nearer = (backward, forward) if ahead == 1 else (forward, backward)
        carried = carried.moved(frame.grey, to_nearer, from_nearer, frame.flow)
    reached = carried.reached(part[end].grey)
    return KeyColors(reached.ab, reached.confidence)
