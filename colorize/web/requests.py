"""Requests: what a client of the page or of the HTTP service asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from colorize.batch import FileOptions
from colorize.engine import ColorSettings


@dataclass(frozen=True)
class ColorizeRequest:
    """How a client's photo or film is to be coloured.

    Attributes:
        weights: Name of weights that the process offers.
        colors: How it is coloured.
        options: Those of the command line; the files of candidates lie in the folder where ``WebJob.result`` would be.
    """

    weights: str
    colors: ColorSettings = field(default_factory=ColorSettings)
    options: FileOptions = field(default_factory=FileOptions)
