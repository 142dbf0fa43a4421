"""The settings that photos and films share: of colours, of what runs the network, and of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colorize.base import (
    COMMAND_ONLY,
    DEFAULT_WEIGHTS,
    MAX_RENDER_SIZE,
    NOT_ON_PAGE,
    RUNTIMES,
    SettingError,
    Settings,
    setting,
)


@dataclass(frozen=True)
class ColorSettings(Settings):
    """How pictures are coloured.

    Attributes:
        strength: 0..1: 1 the new colours, 0 the original's own tone.
        saturation: 0..2, factor of the new colours' chroma.
        render_size: Short side in pixels of what the network sees; None: the weights' own.
        square: Whether the network sees every picture stretched to a square of ``render_size``.

    Raises:
        ValueError: A value is out of range.
    """

    strength: float = setting(1.0, "1 new colours, 0 the original and its tone", low=0, high=1)
    saturation: float = setting(1.0, "factor of the chroma: below 1 paler, above stronger", low=0, high=2)
    render_size: int | None = setting(
        None,
        "short side of what the network sees; larger: finer areas of colour, often paler, slower",
        low=1,
        high=MAX_RENDER_SIZE,
        unit="pixels",
        automatic="the weights' own",
        usual=(128, 192, 256, 320, 384, 512, 640, 768, 1024),
    )
    square: bool = setting(
        False, "stretch pictures to a square for the network, as DeOldify does", surfaces=NOT_ON_PAGE
    )


@dataclass(frozen=True)
class RuntimeSettings(Settings):
    """What runs the network, and within which limits: settings of the whole process.

    Attributes:
        weights: A released name, or the path of a weights file.
        runtime: What computes the network: ``onnx``, ``torch``, or ``auto`` (see ``colorize.network.choose_runtime``).
        device: Where the network runs: ``cpu``, ``cuda`` or ``mps``; None: the best there is.
        threads: Processor threads of the network; None: one per core.
        max_megapixels: Largest photo, in millions of pixels; a larger one is refused when it is opened.
    """

    weights: str = setting(
        DEFAULT_WEIGHTS,
        "released name, weights file, or DeOldify's .pth",
        metavar="NAME|FILE",
        surfaces=COMMAND_ONLY,
    )
    runtime: str = setting(
        "auto",
        "what computes the network: ONNX Runtime, PyTorch, or the one that suits the device",
        choices=RUNTIMES,
        surfaces=COMMAND_ONLY,
    )
    device: str | None = setting(
        None,
        "where the network runs",
        automatic="the best there is",
        metavar="cpu|cuda|mps",
        surfaces=COMMAND_ONLY,
    )
    threads: int | None = setting(
        None, "processor threads", low=1, high=1024, automatic="one per core", surfaces=COMMAND_ONLY
    )
    max_megapixels: float = setting(
        300.0, "refuse larger photos", low=0.001, high=1e6, unit="million pixels", surfaces=COMMAND_ONLY
    )


@dataclass(frozen=True)
class ResultOptions(Settings):
    """What the options of photos and of films have in common.

    Attributes:
        overwrite: Replace an existing result.
        ai_label: Say in the metadata that a network made the colours.
    """

    overwrite: bool = setting(False, "replace results that exist; never a source itself", surfaces=COMMAND_ONLY)
    ai_label: bool = setting(True, "say 'AI-colorized' in the metadata", surfaces=NOT_ON_PAGE)


@dataclass(frozen=True)
class ReferenceOptions(Settings):
    """Photographs in colour that lend their colours to photos and films.

    Attributes:
        references: Photographs whose colours all photos and films get where they show the same things; one that has its
            own beside it, ``NAME.ref.jpg``, gets that one's alone.
        reference_strength: 0..1: how far these colours are taken.

    Raises:
        SettingError: A reference is no path, or the strength is out of range.
    """

    references: Sequence[Path] = setting(
        (),
        "a photograph in colour, such as NAME.ref.jpg beside a photo or film: its colours are taken where it shows the "
        "same things; may be given several times",
        metavar="PHOTO",
        parse=Path,
        each="reference",
        surfaces=COMMAND_ONLY,
    )
    reference_strength: float = setting(
        1.0, "how far the colours of references are taken", low=0, high=1, surfaces=NOT_ON_PAGE
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for reference in self.references:
            if not isinstance(reference, Path):
                raise SettingError("{0}: {value!r} is not a Path", "references", value=reference)
