"""How different the candidates of one photograph are, and what the differences cost.

    python -m benchmarks.candidates PHOTOS --weights stable --pictures 100 --json candidates.json

PHOTOS is a folder or a tar of colour photographs. Each is made grey, keeping its CIE L, and given several candidates.
Diversity is the mean pairwise CIEDE2000 of a photograph's candidates, the deterministic one among them, after their
mean ab and mean chroma are made equal: tints do not count. The feature distance is that of ``training.evaluate``, row
by row over the same photographs; few photographs make it large, so only rows of one run can be compared.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from colorize.color import Picture, lab_to_rgb, rgb_to_lab
from colorize.engine import Colorizer, draw_candidates
from training import metrics
from training.classifiers import Teacher, load_teacher
from training.diversity import diversity
from training.grading import classify
from training.metrics import Floats
from training.photos import iterate_files
from training.skin import SkinTally, skin_mask, tally_skin

WANTED_DIVERSITY = 2.0  # CIEDE2000
WANTED_RATIO = 1.1  # of the feature distance to that of the deterministic pictures
GREY, TRUTH, PLAIN = "grey", "truth", "1, deterministic"


@dataclass
class RowFigures:
    """The figures of one row of the table, gathered picture by picture."""

    features: list[Floats] = field(default_factory=list)
    colourfulness: list[float] = field(default_factory=list)
    skin: SkinTally = field(default_factory=SkinTally)

    def add(self, teacher: Teacher, picture: Picture, skin: np.ndarray) -> None:
        """Add the figures of one picture, given its mask of skin."""
        self.features += classify(teacher, [picture])[0]
        self.colourfulness.append(metrics.colourfulness(picture))
        self.skin += tally_skin(rgb_to_lab(picture), skin)


def photographs(source: Path, count: int) -> Iterator[Picture]:
    """Yield ``count`` photographs, evenly spaced over all of a folder or a tar."""
    names = [name for name, _ in iterate_files(source)]
    count = min(count, len(names))
    wanted = {names[index * len(names) // count] for index in range(count)}
    for name, data in iterate_files(source):
        if name in wanted:
            with Image.open(io.BytesIO(data)) as file:
                yield np.array(ImageOps.exif_transpose(file).convert("RGB"))


def main() -> None:
    """Measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure how different candidates are, and what that costs.")
    parser.add_argument("photos", type=Path, help="a folder or a tar of colour photographs")
    parser.add_argument("--weights", default="stable", help="released name or file")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--feature-network", type=Path, help="default: torchvision's MobileNetV2, downloaded")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    colorizer = Colorizer(options.weights, device=options.device)
    teacher = load_teacher(options.feature_network)
    names = [PLAIN, *(str(number) for number in range(2, options.candidates + 1))]
    figures = {name: RowFigures() for name in (GREY, *names, TRUTH)}
    diversities: list[float] = []
    seconds = 0.0
    for truth in photographs(options.photos, options.pictures):
        lab = rgb_to_lab(truth)
        skin = skin_mask(truth, lab[..., 0])
        grey = lab_to_rgb(lab * np.array([1, 0, 0], np.float32))
        start = time.perf_counter()
        drawn = draw_candidates(colorizer, grey, options.candidates, seed=options.seed)
        seconds += time.perf_counter() - start
        diversities.append(diversity(drawn))
        for name, picture in {GREY: grey, TRUTH: truth, **dict(zip(names, drawn, strict=True))}.items():
            figures[name].add(teacher, picture, skin)
    report(options, figures, np.array(diversities), seconds)


def report(options: argparse.Namespace, figures: dict[str, RowFigures], diversities: Floats, seconds: float) -> None:
    """Print the table; write the JSON where one is asked for."""
    true_features = np.stack(figures[TRUTH].features)
    distances = {name: metrics.frechet_distance(np.stack(row.features), true_features) for name, row in figures.items()}
    rows = {
        name: {
            "feature_distance": distances[name],
            "ratio": distances[name] / distances[PLAIN],
            "colourfulness": float(np.mean(row.colourfulness)),
            "blue_skin": row.skin.blue_share(),
        }
        for name, row in figures.items()
    }
    ratio = float(np.mean([row["ratio"] for name, row in rows.items() if name not in (GREY, PLAIN, TRUTH)]))
    count = len(diversities)
    print(f"{count} photographs, {options.candidates} candidates by {options.weights}, seed {options.seed}")
    print(f"{'candidate':18}{'feature d.':>12}{'of the first':>14}{'colourful':>11}{'blue skin':>11}")
    for name, row in rows.items():
        print("{:18}{:12.1f}{:14.3f}{:11.1f}{:11.3f}".format(name, *row.values()))
    print(
        f"diversity {diversities.mean():.2f} (wanted {WANTED_DIVERSITY:g}), least {diversities.min():.2f}, "
        f"{100 * (diversities < WANTED_DIVERSITY).mean():.0f} % of the photographs below {WANTED_DIVERSITY:g}; "
        f"feature distance {ratio:.3f} of the first (wanted at most {WANTED_RATIO:g}); "
        f"{1000 * seconds / count / options.candidates:.0f} ms a candidate"
    )
    if options.json:
        record = {"weights": options.weights, "photographs": count, "seed": options.seed, "rows": rows}
        record["diversity"] = {"mean": float(diversities.mean()), "least": float(diversities.min())}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
