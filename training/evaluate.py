"""Measure a generator's weights on photographs: a table, a JSON file and a contact sheet.

Run:

    python -m training.evaluate weights/stable.safetensors val.tar --output evaluation

Each photograph's own lightness (CIE L) is colorized and compared with the photograph, at its own size. The grey row is
that lightness with a = b = 0, the truth row the photograph itself; every figure is read between these two.
"""

from __future__ import annotations

import json
import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from PIL import Image
from tqdm import tqdm

from colorize.color import Picture, lab_to_rgb, rgb_to_lab
from colorize.engine import Colorizer, Hint, draw_hints
from colorize.network import choose_device
from training.classifiers import Teacher, load_teacher
from training.grading import GREY, TRUTH, Row, classify, summarize
from training.metrics import Floats
from training.photos import decode, iterate_files
from training.report import finite, format_table, make_sheet, tiles
from training.skin import skin_mask

HINTS = "hints"
HINT_POINTS, HINT_RADIUS = 16, 4  # of the hint test; radius in the photograph's pixels
MIN_SIDE = 16  # pixels; below it neither points nor gradients mean anything
SHEET_PICTURES = 24  # at most


@dataclass(frozen=True)
class EvaluateSettings:
    """Measure a generator's weights on photographs.

    Attributes:
        weights: Weights file, or a released name.
        photos: Folder or tar of colour photographs.
        output: Folder for evaluation.json and sheet.jpg; made if need be.
        feature_network: Safetensors file of the classifier that grades the colours; torchvision's MobileNetV2,
            downloaded, if left out.
        render_size: Short side in pixels at which the generator works; the weights' own if left out.
        limit: Measure only so many photographs, evenly spaced over all.
        skip_hints: Leave out the hint test.
        device: cuda, mps or cpu; chosen by itself if left out.
        runtime: What computes the network; see ``colorize.network.choose_runtime``.
    """

    weights: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="WEIGHTS")]
    photos: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTOS")]
    output: Path
    feature_network: Path | None = None
    render_size: int | None = None
    limit: int | None = None
    skip_hints: bool = False
    device: str | None = None
    runtime: Literal["auto", "onnx", "torch"] = "auto"

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 2:
            raise ValueError(f"--limit must be at least 2, not {self.limit}: distances compare sets")
        if not self.photos.exists():
            raise FileNotFoundError(f"{self.photos}: no such folder or tar of photographs")
        if self.output.exists() and not self.output.is_dir():
            raise ValueError(f"{self.output}: is a file; --output names a folder")


def main() -> None:
    """Run the command line; end with status 1 after an error or where a photograph could not be measured."""
    try:
        settings = tyro.cli(
            EvaluateSettings, prog="python -m training.evaluate", config=(tyro.conf.FlagCreatePairsOff,)
        )
        bad = evaluate(settings)
    except (OSError, ValueError) as error:
        sys.exit(f"evaluate: {' '.join(str(error).split())}")  # some libraries' reasons have several lines
    if bad:
        sys.exit(f"evaluate: {len(bad)} bad photographs left out")


def evaluate(settings: EvaluateSettings) -> list[str]:
    """Measure the weights, print the table and write the files.

    Returns:
        The names of the photographs that could not be measured.

    Raises:
        FileNotFoundError: The photographs or the feature network do not exist.
        ValueError: They or the weights cannot be used, or fewer than two photographs can be measured.
    """
    colorizer = Colorizer(
        settings.weights,
        device=settings.device,
        precision="float32",  # or the third digit would follow from the machine
        runtime=settings.runtime,
        render_size=settings.render_size,
    )
    teacher = load_teacher(settings.feature_network).to(choose_device(settings.device))
    settings.output.mkdir(parents=True, exist_ok=True)  # fails before the work, not after it
    label = Path(settings.weights).stem
    if label in (GREY, HINTS, TRUTH):
        raise ValueError(f"{settings.weights}: {label!r} is the name of another row; rename the file")
    rows, sheet, bad = measure(colorizer, teacher, settings, label)
    results = summarize(rows)
    report: dict[str, object] = {
        "weights": Path(settings.weights).name,  # names without folders, so that reports can be published
        "photos": settings.photos.name,
        "pictures": len(rows[TRUTH].figures),
        "bad": bad,
        "render_size": colorizer.render_size,
        "runtime": colorizer.network.runtime,
        "feature_network": settings.feature_network.name if settings.feature_network else teacher.name,
        "rows": results,
    }
    print(format_table(results))
    if not settings.skip_hints:
        reduction = hint_reduction(results[label]["ciede2000"], results[HINTS]["ciede2000"])
        report["hint_test"] = {"points": HINT_POINTS, "radius": HINT_RADIUS, "ciede2000_reduction_percent": reduction}
        print(f"{HINT_POINTS} true points of radius {HINT_RADIUS} px lower CIEDE2000 by {reduction:.1f} %")
    text = json.dumps(finite(report), indent=2, ensure_ascii=False, allow_nan=False)
    (settings.output / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    sheet.save(settings.output / "sheet.jpg", quality=95, subsampling=0)
    return bad


def measure(
    colorizer: Colorizer, teacher: Teacher, settings: EvaluateSettings, label: str
) -> tuple[dict[str, Row], Image.Image, list[str]]:
    """Colorize and measure the photographs one by one.

    Args:
        colorizer: What is measured.
        teacher: The feature network.
        settings: Which photographs, and whether with hints.
        label: The name of the weights' row.

    Returns:
        The rows by name, in the table's order; the contact sheet; the names of bad photographs.

    Raises:
        ValueError: Fewer than two photographs can be measured.
    """
    names = _select([name for name, _ in iterate_files(settings.photos)], settings.limit)
    on_sheet = frozenset(_select(names, SHEET_PICTURES))
    rows = {name: Row() for name in (GREY, label, HINTS, TRUTH) if name != HINTS or not settings.skip_hints}
    triples: list[Image.Image] = []
    bad: list[str] = []
    for name, truth in _read_photographs(settings.photos, names, bad):
        truth_lab = rgb_to_lab(truth)
        hints = None if settings.skip_hints else draw_test_hints(truth, seed=zlib.crc32(name.encode()))
        colorized = colorize_lightness(colorizer, truth_lab[..., 0], hints)
        pictures = dict(zip(rows, [*colorized, truth], strict=True))
        skin = skin_mask(truth, truth_lab[..., 0])
        for row, pooled, likeliest in zip(rows.values(), *classify(teacher, list(pictures.values())), strict=True):
            row.features.append(pooled)
            row.classes.append(likeliest)
        for key, picture in pictures.items():
            rows[key].add(picture, truth, truth_lab, skin)
        if name in on_sheet:
            triples.append(tiles([pictures[GREY], pictures[label], truth]))
    if len(rows[TRUTH].figures) < 2:
        found = len(rows[TRUTH].figures)
        raise ValueError(f"{settings.photos}: {found} photographs can be measured ({len(bad)} bad); give at least two")
    return rows, make_sheet(triples), bad


def colorize_lightness(colorizer: Colorizer, lightness: Floats, hints: Sequence[Hint] | None) -> list[Picture]:
    """Return a photograph's own lightness in grey, in the weights' colours and, if hints are given, with hints.

    Args:
        colorizer: What is measured; it gets the lightness alone.
        lightness: (H, W), L 0..100.
        hints: Known colours; None: no third picture.
    """
    size = (lightness.shape[0], lightness.shape[1])
    planes = [np.zeros((*size, 2), np.float32), colorizer.predict_full_ab(lightness)]
    if hints is not None:
        hint_map = draw_hints(hints, size, colorizer.grid(size))
        planes.append(colorizer.predict_full_ab(lightness, hint_map[None]))
    return [lab_to_rgb(np.dstack([lightness, ab])) for ab in planes]


def draw_test_hints(truth: Picture, seed: int) -> list[Hint]:
    """Return the hint test's hints: 16 discs of radius 4 px, each of the mean true colour under it."""
    random = np.random.default_rng(seed)
    height, width = truth.shape[:2]
    offsets = np.arange(-HINT_RADIUS, HINT_RADIUS + 1)
    disc = np.hypot(offsets[:, None], offsets[None, :]) <= HINT_RADIUS
    hints = []
    for _ in range(HINT_POINTS):
        x = int(random.integers(HINT_RADIUS, width - HINT_RADIUS))
        y = int(random.integers(HINT_RADIUS, height - HINT_RADIUS))
        patch = truth[y - HINT_RADIUS : y + HINT_RADIUS + 1, x - HINT_RADIUS : x + HINT_RADIUS + 1]
        color = np.rint(patch[disc].mean(axis=0)).astype(np.uint8)
        hints.append(Hint(x, y, f"#{color.tobytes().hex()}", HINT_RADIUS))
    return hints


def hint_reduction(plain: float, hinted: float) -> float:
    """Return by how many percent hints lower CIEDE2000; negative where they raise it, NaN if it is 0 without them."""
    return 100 * (1 - hinted / plain) if plain else math.nan


def _select(names: Sequence[str], limit: int | None) -> list[str]:
    """Return at most so many names, evenly spaced, because neighbours in a folder are often alike."""
    if limit is None or limit >= len(names):
        return list(names)
    return [names[index * len(names) // limit] for index in range(limit)]


def _read_photographs(photos: Path, names: Sequence[str], bad: list[str]) -> Iterator[tuple[str, Picture]]:
    """Yield the named photographs; add to ``bad`` and name on stderr those that cannot be measured."""
    wanted = frozenset(names)
    with tqdm(total=len(names), desc="evaluate", unit="photo", disable=None) as bar:
        for name, data in iterate_files(photos):
            if name not in wanted:
                continue
            try:
                picture = np.array(decode(data))
                if min(picture.shape[:2]) < MIN_SIDE:
                    raise ValueError(f"smaller than {MIN_SIDE} px")
            except Exception as error:  # Pillow raises a dozen kinds on broken files; each is counted and named
                bad.append(name)
                tqdm.write(f"{name}: left out, {error}", file=sys.stderr)
            else:
                yield name, picture
            bar.update()


if __name__ == "__main__":
    main()
