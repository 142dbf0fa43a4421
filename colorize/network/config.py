"""The architecture of a generator, as it stands in a weights file; readable without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LIGHTNESS_CHANNELS = 1
HINT_CHANNELS = 3
AB_CHANNELS = 2
STRIDE = 32  # the coarsest encoder feature; inputs are padded to a multiple of it
MAX_HUE_AGREEMENT_POWER = 4  # beyond it nearly all is grey


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
        ValueError: A field is out of range, or two do not go together.
    """

    backbone: str = "resnet34"
    decoder_widths: tuple[int, ...] = (192, 128, 64, 32, 16)
    latent_dim: int = 0
    semantic_branch: str = ""
    head: str = "regression"
    hue_agreement_power: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder_widths", tuple(self.decoder_widths))  # JSON gives a list
        if len(self.decoder_widths) != 5 or min(self.decoder_widths) < 1:
            raise ValueError(f"decoder_widths must be five positive numbers, not {self.decoder_widths}")
        if not 0 <= self.hue_agreement_power <= MAX_HUE_AGREEMENT_POWER:
            raise ValueError(
                f"hue_agreement_power {self.hue_agreement_power:g} is not within 0..{MAX_HUE_AGREEMENT_POWER}"
            )
        if self.hue_agreement_power and self.head != "classification":
            raise ValueError(
                f"hue_agreement_power {self.hue_agreement_power:g} needs a head that classifies, not a {self.head}"
            )
        if self.latent_dim < 0:
            raise ValueError(f"latent_dim must be 0 or more, not {self.latent_dim}")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {**asdict(self), "decoder_widths": list(self.decoder_widths)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> GeneratorConfig:
        """Build a config from ``to_dict``'s result.

        Raises:
            ValueError: A field is unknown, or its value is out of range.
        """
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"not a generator config: {error}") from error
