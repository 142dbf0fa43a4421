"""Defaults and bounds that the commands know before anything heavy is imported."""

from __future__ import annotations

DEFAULT_WEIGHTS = "stable"
MAX_RENDER_SIZE = 2048
"""Largest short side in pixels of what the network sees."""

DEFAULT_RENDER_SIZE = 256


DEFAULT_QUALITY = 95
