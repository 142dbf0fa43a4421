"""Guides: how far the colours of key frames reach where the motion cannot be followed back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from colorize.color import Floats
from colorize.motion import Grey, Guide, KeyColors, KnownKeys, classify_frames, guide_frames

SIZE = (96, 144)
RED = (40.0, 20.0)


def guides(greys: list[Floats], key: int, ab: Floats) -> list[Guide]:
    """Return the guides of grey frames 0..255 of which one has a key frame."""

    def of_key(index: int, grey: Grey) -> KeyColors:
        return KeyColors(ab, np.ones(grey.shape, np.float32))

    inputs = [np.asarray(np.clip(grey, 0, 255) / 127.5 - 1, np.float32)[None, None] for grey in greys]
    found = list(guide_frames(classify_frames(inputs), 0, [KnownKeys((key,), of_key)]))
    return [guide for guide in found if guide is not None]


def wide_picture(width: int) -> Floats:
    coarse = np.random.default_rng(0).uniform(40, 210, (8, width // 12)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, SIZE[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def test_grain_that_hides_the_motion_does_not_take_the_colours_away() -> None:
    random = np.random.default_rng(0)
    greys = [np.float32(128) + random.normal(0, 6, SIZE).astype(np.float32) for _ in range(10)]
    found = guides(greys, 0, np.full((*SIZE, 2), RED, np.float32))
    assert len(found) == 10
    assert min(float(guide.share.mean()) for guide in found) > 0.9
    np.testing.assert_allclose(found[-1].ab, np.broadcast_to(np.float32(RED), (*SIZE, 2)), atol=0.5)


@pytest.mark.parametrize("key", [0, 7])
def test_what_just_comes_into_the_picture_takes_the_colours_at_its_border(key: int) -> None:
    wide = wide_picture(SIZE[1] + 24)
    wide[:, -40:] = wide[:, :40] = 90
    greys = [wide[:, x : x + SIZE[1]] for x in range(0, 8)]
    found = guides(greys, key, np.full((*SIZE, 2), RED, np.float32))
    assert len(found) == 8
    assert min(float(guide.share[8:-8].min()) for guide in found) > 0.5


def test_what_looks_different_takes_none_of_the_colours_behind_it() -> None:
    """A dark thing appears in the middle of an even red wall that the key frame shows without it."""
    wall = wide_picture(SIZE[1])
    with_thing = wall.copy()
    with_thing[34:62, 58:86] = 5
    found = guides([wall, wall, *[with_thing] * 4], 0, np.full((*SIZE, 2), RED, np.float32))
    assert float(found[1].share.min()) > 0.95
    assert float(found[3].confidence[42:54, 66:78].max()) < 0.1
    assert float(found[3].share[42:54, 66:78].mean()) < 0.9
