"""The report of an evaluation: a table, JSON values and a contact sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageOps

from colorize.color import Picture

SHEET_COLUMNS = 3
TILE, GAP = (192, 144), 6  # in pixels: width and height of a picture, space between two

COLUMNS: dict[str, tuple[str, str]] = {
    "psnr": ("PSNR", ".2f"),
    "ciede2000": ("CIEDE2000", ".2f"),
    "colourfulness": ("colourful", ".1f"),
    "colourfulness_gap": ("gap", ".1f"),
    "colourfulness_absolute": ("DDColor's", ".1f"),
    "colourfulness_absolute_gap": ("gap", ".1f"),
    "ramp_free_colourfulness": ("ramp-free", ".1f"),
    "ramp_free_share": ("share", ".2f"),
    "top1": ("top-1", ".3f"),
    "top1_gain": ("gain", ".2f"),
    "feature_distance": ("feature d.", ".1f"),
    "feature_distance_ratio": ("/ grey's", ".2f"),
    "ab_histogram_distance": ("ab JS", ".3f"),
    "skin_blue_share": ("blue skin", ".3f"),
    "skin_hue_drift": ("skin hue", "+.1f"),
    "bleeding": ("bleeding", ".3f"),
}
"""Metric -> heading and format in the table."""


def format_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the rows as a Markdown table, aligned so that it also reads well as plain text."""
    lines = [["", *(heading for heading, _ in COLUMNS.values())]]
    for name, figures in results.items():
        values = [(figures[key], style) for key, (_, style) in COLUMNS.items()]
        lines.append([name, *("-" if math.isnan(value) else format(value, style) for value, style in values)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    ]
    aligned.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in aligned)


def make_sheet(triples: Sequence[Image.Image]) -> Image.Image:
    """Return a sheet of triples (grey, result, truth), up to three side by side in a row."""
    columns = min(SHEET_COLUMNS, len(triples))
    width, height = triples[0].width + 3 * GAP, triples[0].height + GAP
    sheet = Image.new("RGB", (columns * width, math.ceil(len(triples) / columns) * height + GAP), "white")
    for index, triple in enumerate(triples):
        sheet.paste(triple, (GAP + index % columns * width, GAP + index // columns * height))
    return sheet


def tiles(pictures: Sequence[Picture]) -> Image.Image:
    """Return small copies of pictures side by side, each fitted into a tile."""
    width, height = TILE
    strip = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), "white")
    for index, picture in enumerate(pictures):
        tile = ImageOps.contain(Image.fromarray(picture), TILE, Image.Resampling.LANCZOS)
        strip.paste(tile, (index * (width + GAP) + (width - tile.width) // 2, (height - tile.height) // 2))
    return strip


def finite(value: object) -> object:
    """Return JSON values with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
