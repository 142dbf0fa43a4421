"""Batch sizes that fill a GPU's memory, and the learning rate that belongs to them; the GPU is a made one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.full_memory import LARGEST_FACTOR, with_full_memory

MIB = 2**20
PHASES = {"sizes": (64, 128), "samples": (64_000, 32_000), "batch_sizes": (64, 16), "epoch_steps": 100}
RUN: dict[str, object] = {}
pytestmark = pytest.mark.trains
SOURCES = {"photos": 9}


@pytest.fixture
def large(run):
    """A run of two phases."""
    return replace(run, **PHASES, cache_size=128, learning_rate=1e-3)


def peak_of(run) -> int:
    """Return what a run takes on the made GPU: 100 MiB, and 1 KiB a pixel of its pictures."""
    run.output.mkdir(parents=True, exist_ok=True)
    return 100 * MIB + sum(size**2 * batch * 1024 for size, batch in zip(run.sizes, run.batch_sizes, strict=True))


@pytest.mark.parametrize(("memory", "factor"), [(356, 1.0), (484, 1.5), (228, 0.5), (100_000, LARGEST_FACTOR)])
def test_batches_take_the_memory_and_the_rate_follows_by_the_square_root(large, memory, factor):
    filled = with_full_memory(large, 0.5, 2 * memory * MIB, peak_of)
    assert filled.batch_sizes == (64 * factor, 16 * factor)
    assert filled.learning_rate == pytest.approx(1e-3 * factor**0.5)
    assert filled.samples == large.samples
    assert filled.epoch_steps * filled.batch_sizes[0] == pytest.approx(large.epoch_steps * 64, rel=0.01)
    assert [path.name for path in large.output.iterdir()] == ["batches.json"]


def test_a_run_that_goes_on_has_the_batches_that_it_began_with(large):
    first = with_full_memory(large, 0.5, 2 * 484 * MIB, peak_of)
    assert with_full_memory(large, 0.5, 2 * 228 * MIB, peak_of) == first


def test_a_gpu_without_room_for_two_pictures_is_refused(large):
    with pytest.raises(ValueError, match=r"fill_memory.* 128 px.* 0\.1 GiB"):
        with_full_memory(large, 0.5, 2 * 110 * MIB, peak_of)
