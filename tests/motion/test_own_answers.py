"""The network's own answers as a key frame: their mean, where the motion leads them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from colorize.color import Floats
from colorize.motion import ChosenKeys, Grey, OwnAnswer, classify_frames, guide_frames

SIZE, FRAMES = (96, 144), 13
OFFSETS = (10.0, 12.0, 14.0, 16.0, 60.0)  # of the answers to five frames, one of them far off


def test_the_key_frame_is_the_mean_of_the_answers_along_the_motion() -> None:
    """A pan over a picture that is red on its left and green on its right; each answer is more or less red besides."""
    coarse = np.random.default_rng(0).uniform(40, 210, (8, 15)).astype(np.float32)
    width = SIZE[1] + 3 * FRAMES
    wide = np.asarray(cv2.resize(coarse, (width, SIZE[0]), interpolation=cv2.INTER_CUBIC), np.float32)
    greys = [wide[:, 3 * index : 3 * index + SIZE[1]] for index in range(FRAMES)]
    places = {np.clip(np.rint(grey), 0, 255).astype(np.uint8).tobytes(): index for index, grey in enumerate(greys)}
    asked: list[int] = []

    def predict(frames: Sequence[Grey]) -> list[Floats]:
        asked.extend(places[np.ascontiguousarray(frame).tobytes()] for frame in frames)
        return [answer(index, offset) for index, offset in zip(asked, OFFSETS, strict=True)]

    def answer(index: int, offset: float) -> Floats:
        a = np.where(np.arange(SIZE[1]) + 3 * index < width / 2, 20, -20) + offset
        return np.dstack([np.broadcast_to(a, SIZE), np.zeros(SIZE)]).astype(np.float32)

    inputs = [np.asarray(np.clip(grey, 0, 255) / 127.5 - 1, np.float32)[None, None] for grey in greys]
    guides = list(guide_frames(classify_frames(inputs), 0, [ChosenKeys(FRAMES, OwnAnswer(predict))]))
    assert len(guides) == FRAMES and len(asked) == len(OFFSETS)
    chosen = asked[2]  # one in the middle is the most like all others
    guide = guides[chosen]
    assert guide is not None
    wanted = answer(chosen, float(np.mean(OFFSETS)))
    inside = np.abs(guide.ab - wanted)[8:-8, 3 * FRAMES : -3 * FRAMES, 0]  # what all five frames show
    assert np.median(inside) < 1 and inside.mean() < 3
