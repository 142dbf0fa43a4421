"""Use some minutes of a GPU: a minute of measuring against another checkout, then a recipe, then files to carry away.

    git worktree add ../before b96ce6c
    python -m training.gpu_session --before ../before --minutes 8 --photos photos/ --output results

The measuring ends after ``measure_minutes`` whatever became of it; what it took is no part of ``minutes``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from training.parts import write_parts

ROOT = Path(__file__).resolve().parents[1]
STEPS, WARM_UP = 40, 15
FORMER_NAMES = {
    "--perceptual-size": "--view",
    "--samples": "--pictures",
    "--degradation-prob": "--damaged",
    "--hint-prob": "--hinted",
}
"""Options that b96ce6c has under other names."""
TIMED = f"""
import sys, time
import torch, tyro
from training.config import PretrainConfig
from training.data import PhotoBatches
from training.pretrain_generator import pretrain
batch, times = PhotoBatches.batch, []
def timed(self, step):
    if len(self.photos) > 0 and self.epoch_steps == {STEPS}:
        times.append(step)
        if len(times) in ({WARM_UP}, {STEPS}):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[-1] = time.perf_counter()
        if len(times) == {STEPS}:
            print("seconds_per_step", (times[-1] - times[{WARM_UP} - 1]) / {STEPS - WARM_UP}, flush=True)
            sys.stdout.flush()
            import os
            os._exit(0)
    return batch(self, step)
PhotoBatches.batch = timed
pretrain(tyro.cli(PretrainConfig))
"""
"""A program that prints how long a training step takes, in either checkout."""


@dataclass(frozen=True)
class SessionSettings:
    """Settings of a session.

    Attributes:
        photos: Folders or tars of colour photographs to train on.
        output: Folder of the results: ``measured.json`` and the weights in parts; the run itself is beside it.
        minutes: Of the recipe's training, all of it.
        classifiers: Folder of the classifiers' files that the recipe names.
        before: Another checkout of this program to measure against; left out: only this one is measured.
        validation: Folder or tar of other photographs.
        recipe: A name in ``training/recipes``, or a TOML file.
        measure_minutes: At most, for both checkouts.
        size: Side in pixels of the measured pictures.
        batch_size: Pictures a step there.
        mib: Largest size of a file in the output folder.
        smoke: A rehearsal in seconds: the recipe takes one step in each stage.
    """

    photos: tuple[Path, ...]
    output: Path
    minutes: float = 8.0
    classifiers: Path | None = None
    before: Path | None = None
    validation: Path | None = None
    recipe: str = "progressive"
    measure_minutes: float = 1.5
    size: int = 192
    batch_size: int = 128
    mib: float = 15.0
    smoke: bool = False


def measure(settings: SessionSettings) -> dict[str, float]:
    """Return the pictures a second of this checkout and of the one before, as far as there was time."""
    run = settings.output.with_name(f"{settings.output.name}-run")
    arguments = [
        *("--photos", *map(str, settings.photos), "--cache", str(run / "photo-cache"), "--cache-size", "256"),
        *("--sizes", str(settings.size), "--perceptual-size", str(settings.size // 6 * 7 // 32 * 32)),
        *("--samples", str(STEPS * settings.batch_size), "--batch-sizes", str(settings.batch_size)),
        *("--epoch-steps", str(STEPS), "--degradation-prob", ".3", "--hint-prob", ".3", "--backbone", "resnet18"),
        *("--head", "classification", "--losses.classification", ".5", "--perceptual-name", "mobilenet_v2"),
    ]
    if settings.classifiers:
        arguments += ["--perceptual", str(settings.classifiers / "mobilenet_v2_imagenet.safetensors")]
    figures: dict[str, float] = {}
    until = time.perf_counter() + settings.measure_minutes * 60
    for name, folder in (("now", ROOT), ("before", settings.before)):
        if folder is None:
            continue
        words = [FORMER_NAMES.get(word, word) if name == "before" else word for word in arguments]
        command = [sys.executable, "-c", TIMED, *words, "--output", str(run / f"measure-{name}")]
        environment = {**os.environ, "PYTHONSAFEPATH": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(folder.resolve()), os.environ.get("PYTHONPATH", "")])
        try:
            limit = max(1.0, until - time.perf_counter())
            said = subprocess.run(
                command, cwd=folder, env=environment, timeout=limit, stdout=subprocess.PIPE, text=True
            )
        except subprocess.TimeoutExpired:
            continue
        for line in said.stdout.splitlines():
            if line.startswith("seconds_per_step "):
                figures[name] = settings.batch_size / float(line.split()[1])
    return figures


def run_session(settings: SessionSettings) -> list[Path]:
    """Measure, train, and return the files that are to be carried away.

    Raises:
        RuntimeError: The recipe ended with an error.
    """
    settings.output.mkdir(parents=True, exist_ok=True)
    run = settings.output.with_name(f"{settings.output.name}-run")
    figures = measure(settings)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    written = settings.output / "measured.json"
    written.write_text(json.dumps({"device": device, "pictures_per_second": figures}, indent=2) + "\n")
    command = [sys.executable, "-m", "training.recipe", settings.recipe, "--output", str(run)]
    command += ["--photos", *map(str, settings.photos)]
    command += ["--classifiers", str(settings.classifiers)] if settings.classifiers else []
    command += ["--validation", str(settings.validation)] if settings.validation else []
    command += ["--smoke"] if settings.smoke else ["--minutes", str(settings.minutes)]
    if subprocess.run(command).returncode:
        raise RuntimeError("the recipe ended with an error; the same command goes on with it")
    name = f"{Path(settings.recipe).stem}.safetensors"
    parts = write_parts(settings.output / name, (run / name).read_bytes(), settings.mib)
    return [written, *parts]


def main() -> None:
    """Parse the command line, run the session and print the files."""
    try:
        print(*run_session(tyro.cli(SessionSettings, description=__doc__)), sep="\n")
    except (OSError, RuntimeError) as error:
        sys.exit(f"gpu_session: {error}")


if __name__ == "__main__":
    main()
