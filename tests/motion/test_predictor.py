"""The network's colours of frames that are computed side by side: those of one after the other, in their order."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from support.motion import SIZE, STEADY, NoFeatures, pan

from colorize.engine import Colorizer
from colorize.motion import TemporalOptions, TemporalPainter, classify_frames
from colorize.motion.frames import PlannedFrame
from colorize.motion.predictor import FramePredictor
from colorize.network import Network


class Beside:
    """A network that computes some pictures side by side, and counts how many; the first ones take the longest."""

    def __init__(self, network: Network, pictures_at_once: int, seconds: float = 0.0) -> None:
        self.pictures_at_once = pictures_at_once
        self.most = 0
        self._network = network
        self._delays = iter(seconds * (6 - index % 6) / 6 for index in range(1000))
        self._now = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def encode(self, inputs: np.ndarray) -> Any:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            delay = next(self._delays)
        try:
            features = self._network.encode(inputs)
            time.sleep(delay)
            return features
        finally:
            with self._lock:
                self._now -= 1


def marked(frames: list[np.ndarray], ends: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield frames of which some end segments, and the last a scene."""
    for index, frame in enumerate(classify_frames(frames)):
        last = index == len(frames) - 1
        yield frame, "scene" if last else "segment" if index in ends else None


@pytest.mark.parametrize("options", STEADY, ids=str)
@pytest.mark.parametrize("at_once", [2, 5])
def test_colours_and_states_are_those_of_one_after_the_other(
    options: TemporalOptions, at_once: int, small_network: Network
) -> None:
    inputs, ends = [*pan(11, 14), *pan(12, 30)], (4, 13, 14, 27)
    alone = TemporalPainter(Colorizer(small_network, render_size=64), options, batch_size=1)
    expected = list(alone.predict_segments(marked(inputs, ends)))
    network = Beside(small_network, at_once, seconds=0.05)
    beside = TemporalPainter(Colorizer(network, render_size=64), options)
    results = list(beside.predict_segments(marked(inputs, ends)))
    assert network.most > 1
    assert beside.network_frames == alone.network_frames
    for (ab, state), (expected_ab, expected_state) in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ab, expected_ab)
        assert (state is None, (state or {}).keys()) == (expected_state is None, (expected_state or {}).keys())
        for name, value in (state or {}).items():
            np.testing.assert_array_equal(value, (expected_state or {})[name])


def test_no_more_pictures_are_computed_than_the_user_says(small_network: Network) -> None:
    network = Beside(small_network, 5, seconds=0.02)
    painter = TemporalPainter(Colorizer(network, render_size=64), TemporalOptions("best"), batch_size=2)
    list(painter.predict_ab(pan(3, 20)))
    assert network.most == 2


def test_an_error_of_one_picture_ends_the_film_with_it(small_network: Network) -> None:
    class Failing(Beside):
        def encode(self, inputs: np.ndarray) -> Any:
            if next(self._delays) < 0.02:
                raise RuntimeError("a picture too many")
            return super().encode(inputs)

    painter = TemporalPainter(Colorizer(Failing(small_network, 3, 0.05), render_size=64), TemporalOptions("best"))
    with pytest.raises(RuntimeError, match="a picture too many"):
        list(painter.predict_ab(pan(5, 40)))


def test_a_film_that_nobody_goes_on_with_leaves_no_threads(small_network: Network) -> None:
    before = threading.active_count()
    painter = TemporalPainter(Colorizer(Beside(small_network, 3, 0.02), render_size=64), TemporalOptions("best"))
    predicted = painter.predict_segments(marked(pan(6, 80), ()))
    first = list(islice(predicted, 3))
    assert [ab.shape for ab, _ in first] == [(*SIZE, 2)] * 3
    predicted.close()
    assert threading.active_count() == before


class Quick:
    """A network that answers almost at once."""

    pictures_at_once, takes_hints = 2, False

    def encode(self, inputs: np.ndarray) -> NoFeatures:
        time.sleep(0.0005)
        return NoFeatures()

    def decode(self, inputs: np.ndarray, features: NoFeatures) -> np.ndarray:
        return np.zeros((len(inputs), 2, 2, 2), np.float32)


def test_a_film_can_be_given_up_at_any_moment() -> None:
    """Pictures wait for those before them; none may wait for one that is never begun."""
    grey = np.zeros((2, 2), np.uint8)
    light = np.zeros((1, 1, 2, 2), np.float32)
    frame = PlannedFrame(light, grey, "same", (), None, grey, None, None, None, None, True, None)
    network: Any = Quick()

    def give_up_often() -> None:
        for _ in range(400):
            predicted: Any = FramePredictor(network, 8).predict([frame] for _ in range(200))
            next(predicted)
            predicted.close()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads change places all the time
    try:
        thread = threading.Thread(target=give_up_often, daemon=True)
        thread.start()
        thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert not thread.is_alive()
