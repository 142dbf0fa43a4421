"""Fixtures of the tests of training: a photograph and a teacher."""

from __future__ import annotations

import pytest
import skimage.data
import torch
import torchvision

from training.classifiers import Teacher


@pytest.fixture(scope="package")
def rgb():
    """A photograph and its mirror image, (2, 3, 128, 128), sRGB 0..1."""
    picture = torch.from_numpy(skimage.data.astronaut()[:128, 100:228]).permute(2, 0, 1).float() / 255
    return torch.stack([picture, picture.flip(2)])


@pytest.fixture(scope="package")
def teacher():
    """A random teacher; not to be changed."""
    torch.manual_seed(0)
    return Teacher("mobilenet_v2", torchvision.models.mobilenet_v2())
