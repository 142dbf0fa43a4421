"""Put a weights file among the released ones: with its figures inside, a line in the manifest, and golden thumbnails.

python -m training.release runs/pretrain/weights.safetensors stable --evaluation evaluation/evaluation.json

The graph with which ONNX Runtime computes the weights is made where no released weights had the architecture.

The thumbnails are the samples in the colours of these weights, small; ``tests/test_golden.py`` compares with them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from colorize.base import WeightsError, move_into_place, replacing, sha256
from colorize.batch import RESULT_SUFFIX
from colorize.color import Floats, rgb_to_lab, shrink
from colorize.engine import Colorizer
from colorize.network import (
    CHECKOUT_FOLDER,
    export_graph,
    graph_path,
    load_generator,
    read_info,
    save_generator,
    write_graph,
)
from colorize.photo import read_image

LICENSE = "MIT; trained on photographs licensed for research"
LICENSE_WITH_SEMANTIC_BRANCH = "MIT, the semantic branch Apache-2.0; trained on photographs licensed for research"
MAX_BYTES = 48 * 2**20  # of a released file; code hosts refuse larger ones
SAMPLES = CHECKOUT_FOLDER.parent / "samples"
GOLDEN = CHECKOUT_FOLDER.parent / "tests" / "golden"
THUMBNAIL = 64  # pixels of the short side
STEP = 1 / 16  # of a golden thumbnail's values, in Lab units; rounding costs a CIEDE2000 of 0.03


@dataclass(frozen=True)
class ReleaseSettings:
    """Put a weights file among the released ones.

    Attributes:
        weights: Weights file that a training script wrote.
        name: By which users choose the released weights.
        evaluation: ``evaluation.json`` of these weights.
        note: How they were made, beyond the command line that the file holds already.
        folder: Folder of the released weights, made if need be.
        golden: Folder of the golden thumbnails.
        samples: Folder of the photographs on them.
        graph: Write the graph of the architecture too, where there is none in the folder yet.
    """

    weights: Annotated[Path, tyro.conf.Positional]
    name: Annotated[str, tyro.conf.Positional]
    evaluation: Path
    note: str = ""
    folder: Path = CHECKOUT_FOLDER
    golden: Path = GOLDEN
    samples: Path = SAMPLES
    graph: bool = True


def release(settings: ReleaseSettings) -> Path:
    """Write the released file, the manifest and the golden thumbnails, and return the released file.

    Raises:
        FileNotFoundError: The weights or the evaluation do not exist.
        WeightsError: The weights cannot be used or are too large, or the evaluation is of another file.
    """
    info = read_info(settings.weights)
    evaluation = json.loads(settings.evaluation.read_text(encoding="utf-8"))
    if evaluation["weights"] != settings.weights.name:
        raise WeightsError(f"{settings.evaluation}: measured {evaluation['weights']}, not {settings.weights.name}")
    metrics = _figures(evaluation, settings.weights.stem)
    trained_on = ". ".join(part for part in (info.trained_on, settings.note) if part)
    path = settings.folder / f"{settings.name}.safetensors"
    settings.folder.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")  # what was released before stays until this is known to be good
    save_generator(load_generator(settings.weights), new, replace(info, trained_on=trained_on, metrics=metrics))
    if (size := new.stat().st_size) > MAX_BYTES:
        new.unlink()
        raise WeightsError(f"{settings.weights}: {size} bytes are more than the {MAX_BYTES} of a released file")
    move_into_place(new, path)
    graph = graph_path(info.config, settings.folder)
    if settings.graph and not graph.is_file():
        graph.parent.mkdir(exist_ok=True)
        write_graph(graph, export_graph(load_generator(path)))
    entry = {
        "name": settings.name,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "license": LICENSE_WITH_SEMANTIC_BRANCH if info.config.semantic_branch else LICENSE,
        "config": info.config.to_dict(),
        "render_size": info.render_size,
        "metrics": metrics,
        "made_by": {"commit": _commit(), "command": info.trained_on, "note": settings.note},
    }
    _write_manifest(settings.folder / "manifest.json", entry)
    write_golden(settings.golden / f"{settings.name}.npz", thumbnails(Colorizer(path), settings.samples))
    return path


def thumbnails(colorizer: Colorizer, samples: Path = SAMPLES) -> dict[str, Floats]:
    """Return small colorized samples by name: Lab (h, w, 3) float32, the short side 64 pixels."""
    # Whoever followed the README has colorized ones beside them.
    paths = sorted(path for path in samples.glob("*.jpg") if RESULT_SUFFIX not in path.stem)
    return {path.stem: _thumbnail(rgb_to_lab(colorizer(read_image(path)))) for path in paths}


def _thumbnail(lab: Floats) -> Floats:
    height, width = lab.shape[:2]
    scale = THUMBNAIL / min(height, width)
    return shrink(lab, (round(height * scale), round(width * scale)))


def write_golden(path: Path, pictures: dict[str, Floats]) -> None:
    """Write Lab pictures by name, their values rounded to sixteenths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coded: dict[str, Any] = {name: np.rint(lab / STEP).astype(np.int16) for name, lab in pictures.items()}
    np.savez_compressed(path, **coded)


def read_golden(path: Path) -> dict[str, Floats]:
    """Return the Lab pictures (h, w, 3) float32 that ``write_golden`` wrote, by name.

    Raises:
        FileNotFoundError: There is no such file.
    """
    with np.load(path, allow_pickle=False) as coded:
        return {name: coded[name] * np.float32(STEP) for name in coded.files}


def _figures(evaluation: dict[str, Any], row: str) -> dict[str, Any]:
    """Return the figures of grey, weights and truth, rounded to four decimals."""

    def rounded(figures: dict[str, float | None]) -> dict[str, float | None]:
        return {key: None if value is None else round(value, 4) for key, value in figures.items()}

    rows = evaluation["rows"]
    return {
        "photos": evaluation["photos"],
        "pictures": evaluation["pictures"],
        "render_size": evaluation["render_size"],
        "grey": rounded(rows["grey"]),
        "weights": rounded(rows[row]),
        "truth": rounded(rows["truth"]),
        "hint_test": evaluation.get("hint_test"),
    }


def _commit() -> str:
    """Return the commit of the checkout, marked as dirty if files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    result = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"


def _write_manifest(path: Path, entry: dict[str, Any]) -> None:
    entries = json.loads(path.read_text(encoding="utf-8"))["weights"] if path.is_file() else []
    entries = [other for other in entries if other["name"] != entry["name"]] + [entry]
    with replacing(path, overwrite=True) as file:
        file.write((json.dumps({"weights": entries}, indent=2) + "\n").encode())


def main() -> None:
    """Parse the command line and release."""
    try:
        print(release(tyro.cli(ReleaseSettings, prog="python -m training.release", description=__doc__)))
    except (OSError, WeightsError) as error:
        sys.exit(f"release: {error}")


if __name__ == "__main__":
    main()
