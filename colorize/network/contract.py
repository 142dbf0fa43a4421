"""The network contract: all that the rest of the program asks of a network that colours, whatever computes it.

Arrays go in and come out. What a network has seen stays in its own form between ``encode`` and ``decode``, so that a
film can change it there (``colorize.motion.aggregation``).
"""

from __future__ import annotations

from typing import Any, Protocol

from colorize.base import PRECISIONS, Spec
from colorize.color import Floats


class Features(Protocol):
    """What a network has seen of some pictures of one shape; it stays where the network runs."""

    @property
    def bottleneck(self) -> Floats | None:
        """The coarsest feature maps, (n, C, h', w') float32; None: the network offers none."""
        ...

    def feature_maps(self) -> tuple[Floats, ...]:
        """Return what can be compared between pictures, from fine to coarse, (n, C, h', w') float32 each; may be none.

        Where there is a bottleneck, it is the last of them.
        """
        ...

    def with_bottleneck(self, bottleneck: Floats) -> Features:
        """Return the same features with another bottleneck of the same shape, float32."""
        ...


class Network(Protocol):
    """A network with its weights, which may run in several threads at once.

    Attributes:
        stride: Render sizes are multiples of it; the network takes pictures of any size all the same.
        render_size: Short side in pixels of what it sees best.
        takes_hints: Whether it follows colour hints.
        latent_dim: Length of its latent vector; 0: it has none.
        runtime: What computes it, where and in which number format, such as ``torch 2.14.0, cpu, bfloat16``. With
            another runtime the last bits of an answer may differ.
    """

    stride: int
    render_size: int
    takes_hints: bool
    latent_dim: int
    runtime: str

    def fingerprint(self) -> str:
        """Return hex digits that differ from those of every network that gives other answers, such as a SHA-256."""
        ...

    def encode(self, inputs: Floats) -> Features:
        """Return what the network sees of pictures.

        Args:
            inputs: (n, 1, h, w) float32, lightness L / 50 - 1; or (n, 4, h, w), where the hint map follows it: ab / 110
                where a colour is given, else 0, then the 0/1 mask of these places.
        """
        ...

    def decode(self, inputs: Floats, features: Any, latent: Floats | None = None) -> Floats:
        """Return the ab of pictures, (n, h, w, 2) float32, ab / 110.

        Args:
            inputs: As for ``encode``.
            features: This network's ``encode`` of them, perhaps with another bottleneck.
            latent: (n, latent_dim) float32; None: the deterministic answer.
        """
        ...


def check_precision(precision: str | None) -> None:
    """Check that a number format of a network is known; None: the network's runtime chooses it.

    Raises:
        ValueError: It is not.
    """
    if precision is not None:
        Spec("number format of a network", choices=PRECISIONS).check("precision", precision)
