"""The registry of released weights: their manifest, where their files lie, and whether they are whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import colorize
from colorize.base import WeightsError, sha256

INSTALLED_FOLDER = Path(colorize.__file__).parent / "released"  # inside an installed wheel
CHECKOUT_FOLDER = Path(colorize.__file__).parent.parent / "weights"  # in a checkout of the repository


def released_folder() -> Path:
    """Return the folder of the released weights: in the installed package, else in the checkout."""
    return INSTALLED_FOLDER if INSTALLED_FOLDER.is_dir() else CHECKOUT_FOLDER


def user_folder() -> Path:
    """Return the user's folder for what can be had anew: COLORIZE_HOME, XDG_CACHE_HOME/colorize or ~/.cache/colorize.

    A user without a home folder, as in containers that run under a number nobody has, gets one among temporary files.
    """
    if home := os.environ.get("COLORIZE_HOME"):
        return Path(home).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / "colorize"
    except RuntimeError:
        import tempfile

        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"colorize-{user}"


def cache_folder() -> Path:
    """Return the folder of downloaded weights, inside ``user_folder``."""
    return user_folder() / "weights"


def read_manifest() -> dict[str, dict[str, Any]]:
    """Return the released weights, name -> entry: file, bytes, sha256, license, render_size and more.

    Those with a ``url`` are published elsewhere and live in the user's cache; the others are part of the installation.

    Raises:
        WeightsError: The manifest is damaged.
    """
    path = released_folder() / "manifest.json"
    if not path.is_file():
        return {}
    try:
        return {entry["name"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["weights"]}
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: damaged ({error}); install again") from error


def weights_path(entry: Mapping[str, Any]) -> Path:
    """Return where a manifest entry's file lies, or will lie when it is downloaded."""
    return (cache_folder() if "url" in entry else released_folder()) / entry["file"]


def find_weights(name: str | Path) -> Path:
    """Return the path of the weights file behind a released name or a path.

    Args:
        name: A name in the manifest, such as ``stable``, or the path of a weights file.

    Raises:
        WeightsError: Neither a released name nor a file, or not downloaded yet.
    """
    if not str(name).strip():
        raise WeightsError("weights have no empty name; leave it out for the default")
    manifest = read_manifest()
    if entry := manifest.get(str(name)):
        path = weights_path(entry)
        if path.is_file():
            return path
        if "url" in entry:
            raise WeightsError(f"{name}: not on this machine yet; get it with: colorize-weights get {name}")
        raise WeightsError(f"{path}: the released weights {name!r} are missing; install again")
    path = Path(name)
    if not path.is_file():
        known = ", ".join(manifest) or "none"
        raise WeightsError(f"{name}: neither a weights file nor a released name; released: {known}")
    return path


def check_file(path: Path) -> str | None:
    """Check a file's size and SHA-256 by the manifest; return its SHA-256, or None where it is not in the manifest.

    The whole file is hashed, so that of a damaged one not a byte is used.

    Raises:
        WeightsError: Another size or SHA-256.
    """
    for name, entry in read_manifest().items():
        if weights_path(entry).resolve() != path.resolve():
            continue
        remedy = f"get it anew with: colorize-weights get {name}" if "url" in entry else "install again"
        size, expected = entry["bytes"], entry["sha256"]
        if path.stat().st_size != size:
            raise WeightsError(f"{path}: damaged, {path.stat().st_size} bytes where {size} are expected; {remedy}")
        if (found := sha256(path)) != expected:
            raise WeightsError(f"{path}: damaged, SHA-256 {found} where {expected} is expected; {remedy}")
        return expected
    return None
