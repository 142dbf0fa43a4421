"""The diversity of candidates: other colours count, a tint or more saturation does not."""

from __future__ import annotations

import numpy as np
import pytest
from support.lab import checker, flat_lab

from colorize.color import lab_to_rgb, rgb_to_lab
from training import metrics
from training.diversity import diversity


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
