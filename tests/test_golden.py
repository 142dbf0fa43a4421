"""The released weights give the colours that they gave when they were released, seen on small copies of the samples.

``training.release`` makes the thumbnails. bfloat16 in place of float32 changes a picture by a mean CIEDE2000 of at most
0.2; each of the released files is at least 1.3 away from the other.
"""

from __future__ import annotations

import numpy as np
import pytest

from colorize.engine import Colorizer
from colorize.network import read_manifest
from training.metrics import ciede2000
from training.release import GOLDEN, read_golden, thumbnails

LIMIT = 1.0  # mean CIEDE2000 of a picture
OURS = [name for name, entry in read_manifest().items() if "url" not in entry]


@pytest.fixture(scope="module", params=OURS)
def released(request):
    """A released name, its golden thumbnails, and a colorizer of the weights."""
    return request.param, read_golden(GOLDEN / f"{request.param}.npz"), Colorizer(request.param, device="cpu")


def differences(golden, pictures):
    """Return the mean CIEDE2000 of each picture."""
    assert golden.keys() == pictures.keys()
    return {name: ciede2000(pictures[name], golden[name]) for name in golden}


def test_every_released_file_has_golden_thumbnails_and_no_other():
    assert sorted(path.stem for path in GOLDEN.glob("*.npz")) == sorted(OURS)


def test_the_samples_have_their_golden_colours(released):
    _, golden, colorizer = released
    found = differences(golden, thumbnails(colorizer))
    assert len(found) == 4
    assert max(found.values()) < LIMIT, found


@pytest.mark.slow
def test_paler_colours_would_be_noticed(released):
    _, golden, colorizer = released
    found = differences(golden, thumbnails(colorizer.adjusted(saturation=0.5)))
    assert min(found.values()) > LIMIT, found


def test_other_colours_would_be_noticed(released):
    name, golden, _ = released
    (other,) = (other for other in OURS if other != name)
    found = differences(golden, read_golden(GOLDEN / f"{other}.npz"))
    assert min(found.values()) > LIMIT, found


def test_grey_and_exchanged_channels_would_be_noticed(released):
    _, golden, _ = released
    grey = differences(golden, {name: lab * np.float32([1, 0, 0]) for name, lab in golden.items()})
    assert min(grey.values()) > 2 * LIMIT, grey
    exchanged = differences(golden, {name: lab[..., [0, 2, 1]] for name, lab in golden.items()})
    assert min(exchanged.values()) > LIMIT, exchanged
