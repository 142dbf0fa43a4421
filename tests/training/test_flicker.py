"""The warp error: zero without change, along the motion, as large as the flicker."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from colorize.color import lab_to_rgb, rgb_to_lab
from training.flicker import WarpError, warp_error


class TestWarpError:
    @staticmethod
    def moving(count: int, step: int) -> list[np.ndarray]:
        """Return frames in which the photograph slides to the left by whole pixels."""
        photo = data.astronaut()
        return [photo[100:196, 60 + step * index : 188 + step * index] for index in range(count)]

    def test_of_a_still_clip_is_0(self) -> None:
        frames = self.moving(3, 0)
        assert warp_error(frames, frames) == WarpError(0, 0)

    def test_follows_the_motion(self) -> None:
        frames = self.moving(4, 5)
        error = warp_error(iter(frames), iter(frames))
        assert error.excess == 0
        still = [rgb_to_lab(frame)[..., 1:] for frame in frames[:2]]
        unfollowed = np.linalg.norm(still[1] - still[0], axis=2).mean()
        assert error.truth < 0.25 * unfollowed

    def test_flicker_is_its_size(self) -> None:
        truth = self.moving(3, 0)
        lightness = np.full(truth[0].shape[:2], 60, np.float32)
        video = [lab_to_rgb(np.dstack([lightness, lightness * 0 + a, lightness * 0])) for a in (0, 10, 0)]
        error = warp_error(video, truth)
        assert error.video == pytest.approx(10, abs=0.5)
        assert error.excess == error.video

    def test_refuses_one_frame_and_films_of_different_length(self) -> None:
        frames = self.moving(3, 1)
        with pytest.raises(ValueError, match="two frames"):
            warp_error(frames[:1], frames[:1])
        with pytest.raises(ValueError):
            warp_error(frames[:2], frames)
