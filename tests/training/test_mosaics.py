"""Mosaics: four parts that meet in one point, each a whole picture's, and nothing else changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.photos import write_photos

from training.config import RunConfig
from training.data import Phase, PhotoBatches
from training.mosaics import MIN_MARGIN, mosaics
from training.photos import load_photos
from training.stage_data import prepare_data


def source(seed=0):
    return torch.Generator().manual_seed(seed)


@given(count=st.integers(1, 9), side=st.sampled_from([32, 64, 96]), seed=st.integers(0, 99))
@settings(deadline=None)
def test_four_parts_meet_in_one_point(count, side, seed):
    grey = torch.arange(count).float()[:, None, None, None].expand(count, 3, side, side)
    made = mosaics(grey, 1.0, source(seed))
    assert made.shape == grey.shape
    for index, picture in enumerate(made[:, 0]):
        corners = [picture[0, 0], picture[0, -1], picture[-1, 0], picture[-1, -1]]
        assert [round(corner.item()) for corner in corners] == [(index - part) % count for part in range(4)]
        if count >= 4:
            heights = {int(((column - column[0]).abs() < 0.5).sum()) for column in (picture[:, 0], picture[:, -1])}
            widths = {int(((row - row[0]).abs() < 0.5).sum()) for row in (picture[0], picture[-1])}
            assert len(heights) == len(widths) == 1  # the same lines divide both halves
            for length in (*heights, *widths):
                assert MIN_MARGIN * side - 1 <= length <= (1 - MIN_MARGIN) * side + 1


def test_a_part_keeps_its_picture_s_aspect():
    # A disc stays a disc: as wide as high, wherever the four meet.
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    disc = ((x + 0.4) ** 2 + (y + 0.4) ** 2 < 0.16).float().expand(1, 3, 64, 64)
    for seed in range(5):
        part = mosaics(disc, 1.0, source(seed))[0, 0, :19, :19] > 0.5  # within the first part, wherever they meet
        assert abs(int(part.any(dim=0).sum()) - int(part.any(dim=1).sum())) <= 1


def test_a_share_of_the_pictures_is_replaced_and_the_others_are_untouched():
    pictures = torch.rand(400, 1, 32, 32, generator=source(1))
    made = mosaics(pictures, 0.3, source(2))
    kept = (made == pictures).flatten(1).all(dim=1)
    assert 0.6 < kept.float().mean() < 0.8


def test_no_share_draws_nothing():
    # Runs without mosaics go on from their checkpoints as before.
    pictures, random = torch.rand(4, 3, 32, 32), source(3)
    before = random.get_state()
    assert mosaics(pictures, 0.0, random) is pictures
    assert torch.equal(before, random.get_state())


def test_batches_hold_mosaics(tmp_path):
    write_photos(tmp_path / "photos", 8)
    photos = load_photos([tmp_path / "photos"], tmp_path / "cache", 64, progress=False)
    phases = (Phase(32, 8, 8, 64),)
    plain, mixed, again = (PhotoBatches(photos, phases, 3, 0, degradation_prob=0, mosaic=share) for share in (0, 1, 1))
    assert torch.equal(mixed.batch(1)[2], again.batch(1)[2])
    assert not torch.equal(mixed.batch(1)[2], plain.batch(1)[2])
    lightness, _, lab = mixed.batch(1)
    assert lightness.shape == (8, 1, 32, 32)
    assert lab.shape == (8, 3, 64, 64)
    small = torch.nn.functional.interpolate(lab[:, :1], size=(32, 32), mode="area")
    assert torch.corrcoef(torch.stack([small.flatten(), lightness.flatten()]))[0, 1] > 0.9  # of the same pictures


def test_a_stage_trains_on_mosaics_and_is_validated_without(tmp_path):
    write_photos(tmp_path / "photos", 8)
    run = RunConfig(
        (tmp_path / "photos",), tmp_path, sizes=(32,), samples=(8,), batch_sizes=(4,), cache_size=32, mosaic=1
    )
    mixed, plain = (prepare_data(settings, 0, 0) for settings in (run, replace(run, mosaic=0)))
    assert not torch.equal(mixed.train.batch(0)[2], plain.train.batch(0)[2])
    assert torch.equal(mixed.valid.batch(0)[2], plain.valid.batch(0)[2])


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_beyond_0_to_1_is_an_error(share, tmp_path):
    with pytest.raises(ValueError, match=r"mosaic .* is not a share, 0\.\.1"):
        RunConfig(photos=(tmp_path,), output=tmp_path, mosaic=share)
