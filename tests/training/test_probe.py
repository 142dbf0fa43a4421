"""The probe of a generator, and the films that it makes of photographs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.data
import torch
import torchvision

from colorize.color import rgb_to_lab
from colorize.network import Generator, GeneratorConfig
from training.classifiers import Teacher
from training.flicker import warp_error
from training.photos import Photos
from training.probe import Probe, ProbeSettings, moving_video, still_video


class TestProbe:
    @pytest.fixture
    def picture(self):
        return np.ascontiguousarray(skimage.data.astronaut()[:96, 150:278])

    def test_a_still_film_keeps_its_colours(self, picture):
        first, second = still_video(picture, 2, seed=1)
        assert first.shape == picture.shape and not np.array_equal(first, second)
        a, b = rgb_to_lab(first), rgb_to_lab(second)
        assert 2 < (a[..., 0] - b[..., 0]).std() < 6
        assert abs(a[..., 1:].mean() - b[..., 1:].mean()) < 0.2

    def test_a_moving_film_moves_and_can_be_followed(self, picture):
        video = list(moving_video(picture, 3))
        assert len(video) == 3 and video[0].shape == video[2].shape
        assert np.abs(video[0].astype(int) - video[2]).mean() > 2
        assert warp_error(video, video).truth < 3

    @pytest.mark.slow
    def test_it_measures(self, picture):
        lying = np.stack([picture, picture[::-1, ::-1]])
        photos = Photos(lying, np.array([128, 100]), np.array([False, True]))
        torch.manual_seed(0)
        teacher = Teacher("mobilenet_v2", torchvision.models.mobilenet_v2())
        probe = Probe(photos, ProbeSettings(pictures=2, videos=1, frames=2), teacher, 32, "cpu")
        generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4))).eval()
        grey = probe(generator, 3, 0.5)
        assert grey.epoch == 3 and grey.critic_accuracy == 0.5
        assert grey.colourfulness < 1 and grey.colourfulness_gap > 0.95
        assert grey.flicker_still < 0.05, "what is grey does not flicker"
        torch.nn.init.normal_(generator.head.weight, std=1.0)
        vivid = probe(generator, 4)
        assert vivid.colourfulness > 5 * grey.colourfulness
        assert vivid.flicker_still > grey.flicker_still
        assert math.isnan(vivid.critic_accuracy)

    def test_too_few_pictures(self, picture):
        with pytest.raises(ValueError, match="too few for a probe"):
            Probe(Photos(picture[None], np.array([128]), np.array([False])), ProbeSettings(), None, 32, "cpu")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="at least 2 pictures"):
            ProbeSettings(pictures=1)
