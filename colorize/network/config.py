"""The architecture of a generator, as it stands in a weights file; readable without torch."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

LIGHTNESS_CHANNELS = 1
HINT_CHANNELS = 3
AB_CHANNELS = 2
STRIDE = 32  # the coarsest encoder feature; inputs are padded to a multiple of it
MAX_HUE_AGREEMENT_POWER = 4  # beyond it nearly all is grey
NAME = r"[A-Za-z0-9_-]{1,40}"  # of a backbone, a semantic branch or a head; the name of the graph's file has all three
MAX_WIDTH = 4096  # channels, far more than any network here has: a damaged number would take all memory


@dataclass(frozen=True)
class GeneratorConfig:
    """A generator's architecture; it travels inside the weights file.

    Attributes:
        backbone: The encoder, one of ``BACKBONES``.
        decoder_widths: Channels of the five up blocks, from 1/16 to 1/1 of the input.
        latent_dim: Length of the latent vector, 0 for a generator without one.
        semantic_branch: One of ``SEMANTIC_NETWORKS``, a classifier whose features are added to the bottleneck; empty:
            none.
        head: One of ``HEADS``.
        hue_agreement_power: 0..4: how far a head that classifies reduces chroma where it doubts the hue (see
            ``colorize.network.bins``).

    Raises:
        ValueError: A field is of another type or out of range, or two do not go together.
    """

    backbone: str = "resnet34"
    decoder_widths: tuple[int, ...] = (192, 128, 64, 32, 16)
    latent_dim: int = 0
    semantic_branch: str = ""
    head: str = "regression"
    hue_agreement_power: float = 0.0

    def __post_init__(self) -> None:
        for name in ("backbone", "semantic_branch", "head"):
            value = getattr(self, name)
            may_be_empty = name == "semantic_branch"
            if not isinstance(value, str) or not (re.fullmatch(NAME, value) or (may_be_empty and not value)):
                raise ValueError(f"{name} {value!r} is no name")
        if isinstance(self.decoder_widths, list):  # of JSON
            object.__setattr__(self, "decoder_widths", tuple(self.decoder_widths))
        widths = self.decoder_widths
        if not isinstance(widths, tuple) or len(widths) != 5 or not all(_is_count(width, 1) for width in widths):
            raise ValueError(f"decoder_widths must be five whole numbers within 1..{MAX_WIDTH}, not {widths!r}")
        power = self.hue_agreement_power
        if not isinstance(power, int | float) or not 0 <= power <= MAX_HUE_AGREEMENT_POWER:
            raise ValueError(f"hue_agreement_power {power!r} is not within 0..{MAX_HUE_AGREEMENT_POWER}")
        if self.hue_agreement_power and self.head != "classification":
            raise ValueError(
                f"hue_agreement_power {self.hue_agreement_power:g} needs a head that classifies, not a {self.head}"
            )
        if not _is_count(self.latent_dim, 0):
            raise ValueError(f"latent_dim must be a whole number within 0..{MAX_WIDTH}, not {self.latent_dim!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {**asdict(self), "decoder_widths": list(self.decoder_widths)}

    @classmethod
    def from_dict(cls, fields: Any) -> GeneratorConfig:
        """Build a config from ``to_dict``'s result, or from what a file holds in its place.

        Raises:
            ValueError: It is no mapping, a field is unknown, or its value is out of range.
        """
        if not isinstance(fields, dict):
            raise ValueError(f"config {fields!r} is no mapping of fields")
        if foreign := sorted(set(fields) - set(cls.__dataclass_fields__)):
            raise ValueError(f"config has the unknown field {foreign[0]!r}")
        return cls(**fields)


def _is_count(value: Any, low: int) -> bool:
    """Tell whether a value is a whole number from ``low`` to ``MAX_WIDTH``."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= MAX_WIDTH
