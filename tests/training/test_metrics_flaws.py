"""The metrics of flaws against cases worked by hand: blue skin, candidates that are one, colours that flicker."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from support.lab import checker, flat_lab

from colorize.color import lab_to_rgb, rgb_to_lab
from training import metrics
from training.diversity import diversity
from training.flicker import WarpError, warp_error
from training.skin import SkinTally, skin_mask, tally_skin


class TestSkin:
    def test_mask_takes_skin_only(self) -> None:
        # skin, dark skin, blue, green, white, nearly black
        picture = np.uint8([[[224, 172, 140], [120, 80, 60], [90, 120, 200], [60, 140, 60], [255] * 3, [22, 12, 8]]])
        mask = skin_mask(picture, rgb_to_lab(picture)[..., 0])
        assert mask.tolist() == [[True, True, False, False, False, False]]

    def test_mask_finds_the_astronaut_s_face(self) -> None:
        face = data.astronaut()[70:170, 180:260]
        assert skin_mask(face, rgb_to_lab(face)[..., 0]).mean() > 0.5

    def test_blue_share_worked_by_hand(self) -> None:
        # blue; brown; bluish but too weak to have a hue; blue outside the mask
        lab = np.float32([[[50, -5, -20], [50, 12, 18], [50, 0, -4], [50, 0, -30]]])
        tally = tally_skin(lab, np.array([[True, True, True, False]]))
        assert (tally.pixels, tally.blue) == (3, 1)
        assert tally.blue_share() == pytest.approx(1 / 3)

    @pytest.mark.parametrize("turn", [-30.0, 10.0, 179.0])
    def test_hue_drift_is_the_turn(self, turn: float) -> None:
        mask = np.ones((24, 32), bool)
        truth = tally_skin(checker((10, 14), (20, 22)), mask)
        angle = np.radians(turn)
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        lab = checker((10, 14), (20, 22))
        lab[..., 1:] = lab[..., 1:] @ rotation
        assert tally_skin(lab, mask).hue_drift(truth) == pytest.approx(turn, abs=1e-3)

    def test_grey_skin_has_no_hue_and_no_skin_no_share(self) -> None:
        mask = np.ones((24, 32), bool)
        truth = tally_skin(flat_lab(60, 15, 20), mask)
        grey = tally_skin(flat_lab(60, 1e-5, -1e-5), mask)
        assert grey.blue_share() == 0
        assert np.isnan(grey.hue_drift(truth))
        assert np.isnan(SkinTally().blue_share())

    def test_tallies_add_up(self) -> None:
        lab = checker((-10, -30), (15, 20), cell=3)
        mask = np.random.default_rng(0).random((24, 32)) < 0.5
        halves = tally_skin(lab[:10], mask[:10]) + tally_skin(lab[10:], mask[10:])
        whole = tally_skin(lab, mask)
        assert (halves.pixels, halves.blue) == (whole.pixels, whole.blue)
        assert halves.hue == pytest.approx(whole.hue)


class TestDiversity:
    def test_a_tint_and_saturation_do_not_count(self) -> None:
        lab = checker((20, 10), (-10, 0))
        stronger = np.float32([1, 1.5, 1.5]) * lab
        tinted = lab + np.float32([0, 5, 12])
        candidates = [lab_to_rgb(one) for one in (lab, stronger, tinted)]
        before = metrics.ciede2000(rgb_to_lab(candidates[0]), rgb_to_lab(candidates[2]))
        assert before > 6
        assert diversity(candidates) < 0.5  # rounding to 8 bits

    def test_other_colours_count(self) -> None:
        one, other = lab_to_rgb(checker((20, 10), (-10, 0))), lab_to_rgb(checker((-10, 0), (20, 10)))
        assert diversity([one, other]) > 15
        assert diversity([one, one]) == 0
        assert diversity([one, one, other]) == pytest.approx(diversity([one, other]) * 2 / 3, rel=0.05)

    def test_of_flat_candidates_is_0(self) -> None:
        assert diversity([lab_to_rgb(flat_lab(50, a, 5)) for a in (-20, 20)]) < 0.5

    def test_refuses_one_candidate(self) -> None:
        with pytest.raises(ValueError, match="two candidates"):
            diversity([lab_to_rgb(flat_lab(50, 0, 0))])


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
