"""Settings with one more of them, as somebody would add it: one field in one class."""

from __future__ import annotations

from dataclasses import dataclass

from colorize.base import setting
from colorize.engine import ColorSettings


@dataclass(frozen=True)
class Tinted(ColorSettings):
    tint: float = setting(0.0, "towards magenta, below 0 towards green", low=-10, high=10, unit="units of a")
