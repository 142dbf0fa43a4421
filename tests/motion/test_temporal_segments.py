"""Steady colours of films in segments: how often the network runs, how far is looked ahead, what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from support.motion import SIZE, STEADY, Paintbox, as_input, painter, pan

from colorize.engine import Colorizer
from colorize.motion import TemporalOptions, TemporalPainter, classify_frames
from colorize.motion.temporal import MAX_REST, MAX_SPARSE_GAP
from colorize.network import Network


@pytest.mark.parametrize("every", [2, 5])
def test_every_counts_the_networks_frames(every: int) -> None:
    steady = painter(TemporalOptions("fast", every))
    list(steady.predict_ab(pan(9, 31)))
    assert steady.network_frames == 1 + 30 // every


def test_automatic_is_sparse_where_motion_is_slow_and_dense_where_flow_fails() -> None:
    slow, lost = painter(TemporalOptions()), painter(TemporalOptions())
    list(slow.predict_ab(pan(10, 37, 1)))
    random = np.random.default_rng(0)
    list(lost.predict_ab([as_input(random.uniform(-0.5, 0.5, SIZE)) for _ in range(33)]))
    assert slow.network_frames == 1 + 36 // MAX_SPARSE_GAP
    assert lost.network_frames > 30


@pytest.mark.parametrize(
    ("options", "rest", "more"),
    [
        (TemporalOptions("fast"), MAX_REST, 0),
        (TemporalOptions("fast"), MAX_REST + 1, 1),
        (TemporalOptions("fast", MAX_SPARSE_GAP), 1, 1),  # a number that the user says is kept
    ],
    ids=str,
)
def test_the_rest_of_a_scene_or_segment_needs_no_anchor_of_its_own(
    options: TemporalOptions, rest: int, more: int
) -> None:
    frames, steady = 1 + MAX_SPARSE_GAP + rest, painter(options)
    list(steady.predict_ab([*pan(10, frames), *pan(12, frames)]))  # a cut ends the first rest, the segment the other
    assert steady.network_frames == 2 * (2 + more)


@pytest.mark.parametrize(
    ("options", "cut_at_seam"),
    [*((options, False) for options in STEADY), (STEADY[0], True), (STEADY[2], True)],
    ids=str,
)
def test_restored_segments_are_bit_equal(options: TemporalOptions, cut_at_seam: bool, small_network: Network) -> None:
    colorizer = Colorizer(small_network, render_size=64)
    inputs = [*pan(11, 14), *pan(12, 14)] if cut_at_seam else pan(11, 28)
    segments = [inputs[:5], inputs[5:14], inputs[14:15], inputs[15:]]
    whole = TemporalPainter(colorizer, options)
    expected = [list(whole.predict_ab(segment)) for segment in segments]
    state: dict[str, np.ndarray] = {}
    for segment, results in zip(segments, expected, strict=True):
        resumed = TemporalPainter(colorizer, options)
        resumed.restore(state)
        for ab, result in zip(resumed.predict_ab(segment), results, strict=True):
            np.testing.assert_array_equal(ab, result)
        state = {name: array.copy() for name, array in resumed.state().items()}


@pytest.mark.parametrize("options", [*STEADY, TemporalOptions("off")], ids=str)
def test_segments_of_one_call_are_those_of_a_call_each(options: TemporalOptions) -> None:
    inputs, ends = pan(11, 28), (4, 13, 14, 27)
    frames = classify_frames(inputs)
    marked: list[Any] = [(frame, "segment" if index in ends else None) for index, frame in enumerate(frames)]
    together = list(painter(options).predict_segments(marked))
    each, begin = painter(options), 0
    for end in ends:
        for (ab, _), alone in zip(together[begin : end + 1], each.predict_ab(inputs[begin : end + 1]), strict=True):
            np.testing.assert_array_equal(ab, alone)
        state = together[end][1]
        assert state is not None and state.keys() == each.state().keys()
        for name, value in each.state().items():
            np.testing.assert_array_equal(state[name], value)
        begin = end + 1
    assert [state is not None for _, state in together] == [end is not None for _, end in marked]


@pytest.mark.parametrize("options", [*STEADY, TemporalOptions("off")], ids=str)
def test_a_scene_does_not_depend_on_those_before_it(options: TemporalOptions) -> None:
    scenes = [pan(seed, count) for seed, count in ((11, 14), (12, 1), (13, 9))]
    frames = list(classify_frames([network_input for scene in scenes for network_input in scene]))
    ends = np.cumsum([len(scene) for scene in scenes]) - 1
    marked: list[Any] = [(frame, "scene" if index in ends else None) for index, frame in enumerate(frames)]
    together = list(painter(options).predict_segments(marked))
    alone = [ab for scene in scenes for ab in painter(options).predict_ab(scene)]
    for (ab, _), expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(ab, expected)
    assert [together[end][1] for end in ends] == [{}, {}, {}]


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_the_seam_of_two_segments_is_no_jump(options: TemporalOptions) -> None:
    inputs = pan(13, 48, 0)
    steady = painter(options, 5.0)
    results = [*steady.predict_ab(inputs[:24]), *steady.predict_ab(inputs[24:])]
    steps = [np.abs(now - before).mean() for before, now in pairwise(results)]
    assert steps[23] <= max(steps[:23] + steps[24:])


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_lookahead_is_bounded(options: TemporalOptions) -> None:
    taken = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal taken
        for frame in pan(14, 90):
            taken += 1
            yield frame

    ahead = [taken - index for index, _ in enumerate(painter(options).predict_ab(counted()))]
    assert max(ahead) <= 56


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
def test_batches_are_not_larger_than_asked(mode) -> None:
    box = Paintbox()
    list(TemporalPainter(Colorizer(box), TemporalOptions(mode), 3).predict_ab(pan(15, 20)))
    assert max(box.batches) <= 3


@pytest.mark.parametrize("options", STEADY, ids=str)
def test_another_size_begins_anew(options: TemporalOptions) -> None:
    small = [as_input(frame[0, 0][:32, :64]) for frame in pan(16, 5)]
    results = list(painter(options).predict_ab([*pan(16, 6), *small]))
    assert [ab.shape[:2] for ab in results] == [SIZE] * 6 + [(32, 64)] * 5


def test_bad_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"temporal 'slow' is unknown; .*off, fast, best"):
        TemporalOptions("slow")
    with pytest.raises(ValueError, match=r"every 0 is not within 1\.\.16"):
        TemporalOptions("fast", 0)
    with pytest.raises(ValueError, match=r"every 4 .* use temporal fast or best"):
        TemporalOptions("off", 4)
    with pytest.raises(ValueError, match="batch size 0"):
        painter(TemporalOptions(), batch_size=0)


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks 'ab'"):
        painter(TemporalOptions()).restore({"grey": np.zeros(SIZE, np.uint8)})
    good = painter(TemporalOptions())
    list(good.predict_ab(pan(0, 3)))
    with pytest.raises(ValueError, match="colour the film anew"):
        painter(TemporalOptions()).restore({**good.state(), "ab": np.zeros((3, 3, 2), np.float32)})
