"""The released weights, as a user gets them: whole, described truthfully, and giving colours that make sense."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from colorize.base import DEFAULT_WEIGHTS, sha256
from colorize.batch import RESULT_SUFFIX
from colorize.color import rgb_to_lab
from colorize.engine import Colorizer
from colorize.network import find_weights, read_info, read_manifest
from colorize.photo import read_image

SAMPLES = Path(__file__).parent.parent / "samples"
MIB = 2**20


OURS = [name for name, entry in read_manifest().items() if "url" not in entry]
PUBLISHED = [name for name, entry in read_manifest().items() if "url" in entry]


@pytest.mark.parametrize("name", OURS)
def test_a_released_file_is_what_the_manifest_says(name):
    entry, path = read_manifest()[name], find_weights(name)
    assert path.stat().st_size == entry["bytes"] < 48 * MIB
    assert sha256(path) == entry["sha256"]
    info = read_info(path)
    assert info.config.to_dict() == entry["config"]
    assert info.render_size == entry["render_size"]
    assert info.metrics == entry["metrics"]
    assert "research" in entry["license"]


def test_the_default_is_released_and_all_fit_the_repository():
    manifest = read_manifest()
    assert DEFAULT_WEIGHTS in OURS
    assert sum(manifest[name]["bytes"] for name in OURS) < 95 * MIB


def test_the_three_published_networks_are_listed():
    assert PUBLISHED == ["deoldify-artistic", "deoldify-stable", "deoldify-video"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_file_can_be_fetched_and_checked(name):
    entry = read_manifest()[name]
    assert entry["url"].startswith("https://")
    assert entry["license"].startswith("MIT")
    assert entry["render_size"] % 16 == 0
    # The tensors alone have this many bytes; the rest is the pickle around them.
    assert 0 < entry["bytes"] - {"deoldify-artistic": 255_070_532}.get(name, 873_920_916) < 200_000
    assert re.fullmatch("[0-9a-f]{64}", entry["sha256"])


@pytest.fixture(scope="module")
def coloured():
    """Lab pictures of the samples in the default weights' colours."""
    colorizer = Colorizer()
    # Whoever followed the README has a coloured one beside them.
    paths = sorted(path for path in SAMPLES.glob("*.jpg") if RESULT_SUFFIX not in path.stem)
    return {path.stem: rgb_to_lab(colorizer(read_image(path))) for path in paths}


def test_no_sample_stays_grey(coloured):
    chroma = {name: float(np.hypot(lab[..., 1], lab[..., 2]).mean()) for name, lab in coloured.items()}
    assert len(chroma) == 4
    assert min(chroma.values()) > 4, chroma


def test_a_face_is_warm(coloured):
    face = coloured["astronaut"][100:150, 200:250]  # cheeks, nose and mouth
    assert face[..., 1].mean() > 2
    assert face[..., 2].mean() > 4


def test_not_everything_has_the_same_colour(coloured):
    # The spread of hue within a picture, which a brown veil over everything has not.
    spread = {name: float(lab[..., 1:].reshape(-1, 2).std(axis=0).sum()) for name, lab in coloured.items()}
    assert max(spread.values()) > 8, spread
