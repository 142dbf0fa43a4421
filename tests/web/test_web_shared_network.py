"""A network of many visitors: all threads for who is alone, a share each for several, and the same answers."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.answers import answer, random_inputs

from colorize.network import Network
from colorize.web import shared_network
from colorize.web.shared_network import CROWD_SECONDS, SharedNetwork

INPUTS = random_inputs(2, 4, 64, 64)


class Noted:
    """A network that notes what it is asked, and waits in between for who else asks."""

    def __init__(self, network: Network, barrier: threading.Barrier | None = None) -> None:
        self._network, self._barrier = network, barrier
        self.asked: list[str] = []

    def __getattr__(self, name: str):
        return getattr(self._network, name)

    def encode(self, inputs):
        self.asked.append(f"encode {len(inputs)}")
        if self._barrier is not None:
            self._barrier.wait(30)
        return self._network.encode(inputs)

    def decode(self, *arguments):
        self.asked.append(f"decode {len(arguments[0])}")
        return self._network.decode(*arguments)


def test_who_is_alone_gets_all_threads(small_network: Network):
    alone, shared = Noted(small_network), Noted(small_network)
    network = SharedNetwork(alone, shared, 2)
    for _ in range(2):
        assert np.array_equal(answer(network, INPUTS[:1]), answer(small_network, INPUTS[:1]))
    assert alone.asked == ["encode 1", "decode 1"] * 2 and not shared.asked


def test_several_pictures_of_one_visitor_share(small_network: Network):
    alone, shared = Noted(small_network), Noted(small_network)
    assert np.array_equal(answer(SharedNetwork(alone, shared, 2), INPUTS), answer(small_network, INPUTS))
    assert shared.asked == ["encode 2", "decode 2"] and not alone.asked


def test_several_visitors_share(small_network: Network):
    barrier = threading.Barrier(2)
    alone, shared = Noted(small_network, barrier), Noted(small_network, barrier)
    network = SharedNetwork(alone, shared, 2)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(network.encode, [INPUTS[:1], INPUTS[1:]]))
    assert alone.asked == shared.asked == ["encode 1"]


def test_a_free_moment_among_many_visitors_makes_nobody_alone(small_network: Network, monkeypatch: pytest.MonkeyPatch):
    barrier = threading.Barrier(2)
    alone, shared = Noted(small_network, barrier), Noted(small_network, barrier)
    network = SharedNetwork(alone, shared, 2)
    features = small_network.encode(INPUTS[:1])
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(network.encode, [INPUTS[:1], INPUTS[1:]]))
    network.decode(INPUTS[:1], features)
    assert shared.asked[1:] == ["decode 1"]
    later = time.monotonic() + CROWD_SECONDS + 0.1
    monkeypatch.setattr(shared_network.time, "monotonic", lambda: later)
    network.decode(INPUTS[:1], features)
    assert alone.asked[1:] == ["decode 1"]


def test_a_failure_makes_room_too(small_network: Network):
    alone, shared = Noted(small_network), Noted(small_network)
    network = SharedNetwork(alone, shared, 2)
    with pytest.raises(Exception, match=r"."):
        network.encode(INPUTS[:1, :, :0])
    answer(network, INPUTS[:1])
    assert not shared.asked


def test_what_it_says_of_itself(small_network: Network):
    network = SharedNetwork(small_network, small_network, 2)
    for name in ("stride", "render_size", "takes_hints", "latent_dim", "runtime"):
        assert getattr(network, name) == getattr(small_network, name)
    assert network.fingerprint() == small_network.fingerprint()
    assert network.pictures_at_once == 2
