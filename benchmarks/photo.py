"""Speed and memory of the photo pipeline: a table, and JSON for comparing.

    python -m benchmarks.photo --weights stable --json photo.json

Stop everything else first: a training in the background falsifies every figure.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.figures import (
    Figure,
    at_least,
    at_most,
    median_seconds,
    print_figures,
    run_command,
    write_figures,
)
from colorize.batch import FileOptions, Job, colorize_files
from colorize.engine import Colorizer
from colorize.photo import read_photo, write_photo

SIZES = {1: (1000, 1000), 12: (3000, 4000), 100: (8700, 11500)}  # megapixels -> height, width
MANY = 100


def make_photo(path: Path, megapixels: int, seed: int = 0) -> Path:
    """Write a grey JPEG with soft shapes, edges and film grain, as a scan has them."""
    height, width = SIZES[megapixels]
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.uint8)
    for cells, weight in ((4, 0.5), (24, 0.3), (160, 0.2)):
        coarse = random.integers(0, 256, (cells, cells), dtype=np.uint8)
        layer = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        picture = cv2.addWeighted(picture, 1, layer, weight, 0)
    tile = random.normal(0, 5, (512, 512)).astype(np.int8)
    for top in range(0, height, 512):
        for left in range(0, width, 512):
            area = picture[top : top + 512, left : left + 512]
            area[:] = np.clip(area + tile[: area.shape[0], : area.shape[1]].astype(np.int16), 0, 255)
    Image.fromarray(picture).save(path, quality=92)
    return path


def stages(colorizer: Colorizer, source: Path, target: Path, repeats: int) -> dict[str, float]:
    """Return the median seconds of each stage of a photo's colouring, each stage measured alone."""
    photo = read_photo(source)
    network_input = colorizer.preprocess(photo.picture, photo.space)
    ab = colorizer.predict_ab([network_input])[0]
    colored = photo.with_colors(colorizer.compose(photo.picture, ab, photo.space))
    actions: dict[str, Callable[[], object]] = {
        "read": lambda: read_photo(source),
        "preprocess (shrink)": lambda: colorizer.preprocess(photo.picture, photo.space),
        "network": lambda: colorizer.predict_ab([network_input]),
        "compose": lambda: colorizer.compose(photo.picture, ab, photo.space),
        "write": lambda: write_photo(target, colored, overwrite=True),
    }
    return {name: median_seconds(action, repeats) for name, action in actions.items()}


def measure(
    weights: str, folder: Path, repeats: int, largest: bool
) -> tuple[list[Figure], dict[str, dict[str, float]]]:
    """Return the figures, and the seconds per stage by photo size."""
    colorizer = Colorizer(weights, device="cpu")
    one, twelve = make_photo(folder / "1.jpg", 1), make_photo(folder / "12.jpg", 12)
    result = folder / "result.jpg"
    times = {
        "1 MP": stages(colorizer, one, result, repeats),
        "12 MP": stages(colorizer, twelve, result, repeats),
    }

    def whole() -> None:
        write_photo(result, colorizer.colorize_photo(read_photo(twelve)), overwrite=True)

    figures = [at_most("12 MP JPEG in a running process", median_seconds(whole, repeats), "s", 1.5)]
    many = [Job(make_photo(folder / f"many{index}.jpg", 1, index), folder / f"out{index}.jpg") for index in range(MANY)]
    start = time.perf_counter()
    failed = [outcome for outcome in colorize_files(colorizer, many, FileOptions()) if outcome.status != "done"]
    rate = MANY / (time.perf_counter() - start)
    if failed:
        raise SystemExit(failed[0].message)
    figures.append(at_least(f"{MANY} photos of 1 MP", rate, "photos/s", 4))
    common = ["--weights", weights, "--device", "cpu", "--overwrite", "-o", str(result)]
    shell = statistics.median(run_command([str(one), *common])[0] for _ in range(repeats))
    figures.append(at_most("1 MP photo from the shell", shell, "s", 5))
    figures.append(at_most("peak memory, 12 MP", run_command([str(twelve), *common])[1], "MB", 1500))
    if largest:
        huge = make_photo(folder / "100.jpg", 100)
        figures.append(at_most("peak memory, 100 MP", run_command([str(huge), *common])[1], "MB", 2500))
    return figures, times


def main() -> None:
    """Measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure the photo pipeline.")
    parser.add_argument("--weights", default="stable", help="released name or file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--skip-100-megapixels", action="store_true")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures, times = measure(options.weights, Path(folder), options.repeats, not options.skip_100_megapixels)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.processor() or platform.machine()}")
    print_figures(figures)
    for size, by_stage in times.items():
        text = ", ".join(f"{stage} {seconds * 1000:.0f}" for stage, seconds in by_stage.items())
        print(f"stages of {size}, ms: {text}; sum {sum(by_stage.values()) * 1000:.0f}")
    if options.json:
        conditions = {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "weights": options.weights,
            "stages_seconds": times,
        }
        write_figures(options.json, figures, conditions)


if __name__ == "__main__":
    main()
