"""The manifest of a film's segments: all that their bytes depend on, and what of it is another than it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import av

import colorize
from colorize.base import specs, value_text
from colorize.engine import Colorizer, ReferenceOptions, ResultOptions
from colorize.film.keyframes import KeyFrames
from colorize.film.options import VideoOptions
from colorize.film.segments import KEY_FRAMES
from colorize.film.sources import Source

SEGMENT_FRAMES = "segment_frames"  # in the manifest; they follow from the film, and are no options
REFERENCES = "references"  # in the manifest: SHA-256 of each, and their strength


def manifest(
    source: Source,
    colorizer: Colorizer,
    options: VideoOptions,
    codec: str,
    segment_frames: list[int],
    force: bool,
    key_frames: KeyFrames | None,
) -> dict[str, Any]:
    """Return all that the bytes of segments depend on.

    Args:
        source: Where the frames come from.
        colorizer: Colours them.
        options: How.
        codec: What they are encoded by.
        segment_frames: How many frames a segment has, at the least and at the most.
        force: Whether all are coloured, also those in colour already.
        key_frames: What is known of its colours; None: nothing.
    """
    return {
        "version": colorize.__version__,
        "film": source.fingerprint(),
        "runtime": colorizer.network.runtime,
        "weights": colorizer.fingerprint(),
        "settings": {
            **_settings_of_segments(options),
            **asdict(colorizer.settings),
            "codec": codec,
            "render_size": colorizer.render_size,
            "force": force,
            SEGMENT_FRAMES: segment_frames,
        },
        KEY_FRAMES: key_frames.fingerprint() if key_frames else {},
        REFERENCES: key_frames.references.fingerprint if key_frames and key_frames.references else [],
        "libraries": {"av": av.__version__},
    }


def _settings_of_segments(options: VideoOptions) -> dict[str, Any]:
    """Return the options that the bytes of the segments depend on: all but those of the finished film."""
    others = {setting.name for settings in (ResultOptions, ReferenceOptions) for setting, _ in specs(settings)}
    others |= {"keyframes", "hints"}  # each counts for its scene, and the pictures, not the name of their folder
    others.add("keep_segments")
    names = [setting.name for setting, _ in specs(type(options)) if setting.name not in others]
    return {name: getattr(options, name) for name in names}


def changed_parts(changes: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Return what was different when a film's earlier segments were made, in a few words for each thing.

    The weights' fingerprint is another in each runtime, so it says something only where the runtime is the same.

    Args:
        changes: As of ``Resumption``.
    """
    parts = []
    if "film" in changes:
        parts.append("another film had this name")
    if "runtime" in changes:
        parts.append(_from_to("runtime", *changes["runtime"]))
    elif "weights" in changes:
        parts.append("other weights")
    if REFERENCES in changes:
        parts.append("other references, or another strength of them")
    for key, option_prefix in (("settings", "--"), ("libraries", "")):
        former, present = (value if isinstance(value, dict) else {} for value in changes.get(key, ({}, {})))
        for name, value in present.items():
            if former.get(name) != value and name != SEGMENT_FRAMES:
                parts.append(_from_to(option_prefix + name.replace("_", "-"), former.get(name), value))
    return parts or ["other settings"]


def _from_to(name: str, former: Any, present: Any) -> str:
    return f"{name} was {_shown(former)}, is {_shown(present)}"


def _shown(value: Any) -> str:
    """Return a setting's value as a user would say it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "auto" if value is None else value_text(value)[:80]
