"""Sampling weights: a round shows the photographs of some folders more often, and validation does not change."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.photos import plain_indices, plain_photos, write_photos

from training.config import RunConfig
from training.data import Phase, PhotoBatches
from training.photos import PhotosError, load_photos
from training.stage_data import prepare_data

PHASES = (Phase(32, 12, 4),)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "photos" / "street" / "wide", 3)
    write_photos(folder / "photos" / "sky", 2)
    write_photos(folder / "photos", 4)
    return load_photos([folder / "photos"], folder / "cache", 64, progress=False)


def test_a_photograph_lies_in_the_first_folder_of_its_name(photos):
    assert Counter(photos.folders) == {"street": 3, "sky": 2, "": 4}


@given(street=st.integers(0, 4), sky=st.integers(0, 4), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=15)
def test_a_round_shows_each_photograph_as_often_as_asked(street, sky, seed):
    plain = plain_photos(["street"] * 3 + ["sky"] * 2 + [""] * 4)
    phase = Phase(32, 1, 3 * street + 2 * sky + 4)  # a step is a round
    batches = PhotoBatches(plain, (phase,), 2, seed, sampling_weights={"street": street, "sky": sky})
    times = {"street": street, "sky": sky, "": 1}
    for _, _, lab in batches:
        seen = Counter(plain_indices(plain, lab))
        assert seen == Counter({i: times[folder] for i, folder in enumerate(plain.folders) if times[folder]})


def test_weights_of_one_change_nothing(photos):
    plain, once = (PhotoBatches(photos, PHASES, 3, 1, sampling_weights=weights) for weights in (None, {"sky": 1}))
    assert all(torch.equal(a, b) for a, b in zip(plain.batch(2), once.batch(2), strict=True))


@pytest.mark.parametrize(
    ("sampling_weights", "message"),
    [({"sea": 2}, r"'sea'.*sky"), ({"street": 0, "sky": 0, "": 0}, "no photograph")],
)
def test_folders_that_are_not_there_are_an_error(photos, sampling_weights, message):
    with pytest.raises(PhotosError, match=message):
        PhotoBatches(photos, PHASES, 3, 0, sampling_weights=sampling_weights)


def test_a_negative_number_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"sampling_weights.*sky -1 "):
        RunConfig(photos=(tmp_path,), output=tmp_path, sampling_weights={"sky": -1})


def test_a_stage_samples_by_weight_and_its_validation_does_not(tmp_path):
    write_photos(tmp_path / "photos" / "street", 8)
    write_photos(tmp_path / "photos" / "sky", 8)
    run = RunConfig(
        (tmp_path / "photos",), tmp_path, sizes=(32,), samples=(8,), batch_sizes=(4,), cache_size=32, seed=2
    )
    weighted, plain = (prepare_data(settings, 0, 0) for settings in (replace(run, sampling_weights={"sky": 0}), run))
    assert not torch.equal(weighted.train.batch(0)[2], plain.train.batch(0)[2])
    assert torch.equal(weighted.valid.batch(0)[2], plain.valid.batch(0)[2])
