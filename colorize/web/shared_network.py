"""A network that many visitors ask at once: a picture that is alone gets all threads, several get a share each."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from colorize.base import give_back_freed_memory
from colorize.color import Floats
from colorize.network import Features, Network

CROWD_SECONDS = 2.0
"""So long after two pictures were computed at once nobody counts as alone: between two of many a moment is free."""


class SharedNetwork:
    """One network that is loaded twice, as a ``Network``: which of both computes hangs on who else asks.

    A processor's threads that compute a picture together wait for each other: two pictures side by side, each with its
    share of the threads, take a seventh less of its time, but one that is alone takes half as long again. The answers
    are the same.

    Attributes:
        pictures_at_once: How many pictures are computed side by side.
    """

    def __init__(self, alone: Network, shared: Network, pictures_at_once: int) -> None:
        """Take both.

        Args:
            alone: Computes a picture by all threads.
            shared: Computes several pictures at once, each by its share of them.
            pictures_at_once: How many.
        """
        self.stride, self.render_size = shared.stride, shared.render_size
        self.takes_hints, self.latent_dim, self.runtime = shared.takes_hints, shared.latent_dim, shared.runtime
        self.pictures_at_once = pictures_at_once
        self._alone, self._shared = alone, shared
        self._lock = threading.Lock()
        self._at_work = 0
        self._last_crowd = -math.inf  # when two pictures were last at work, by ``time.monotonic``

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights; see ``Network``."""
        return self._shared.fingerprint()

    def encode(self, inputs: Floats) -> Features:
        """Return the feature maps of inputs; see ``Network``."""
        with self._chosen(len(inputs)) as network:
            return network.encode(inputs)

    def decode(self, inputs: Floats, features: Any, latent: Floats | None = None) -> Floats:
        """Return the ab of inputs; see ``Network``."""
        with self._chosen(len(inputs)) as network:
            return network.decode(inputs, features, latent)

    @contextmanager
    def _chosen(self, pictures: int) -> Iterator[Network]:
        """Give the network that computes so many pictures beside those that are computed already."""
        with self._lock:
            now = time.monotonic()
            if self._at_work:
                if now - self._last_crowd > CROWD_SECONDS:
                    give_back_freed_memory()  # what the other one took
                self._last_crowd = now
            is_alone = pictures == 1 and now - self._last_crowd > CROWD_SECONDS
            self._at_work += 1
        try:
            yield self._alone if is_alone else self._shared
        finally:
            with self._lock:
                self._at_work -= 1
                if self._at_work:
                    self._last_crowd = time.monotonic()
