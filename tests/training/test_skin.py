"""The metrics of skin against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from support.lab import checker, flat_lab

from colorize.color import rgb_to_lab
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
