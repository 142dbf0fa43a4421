"""Use some minutes of a GPU: a minute of measuring against another checkout, then a recipe, then files to carry away.

    git worktree add ../before b96ce6c
    python -m training.gpu_session --before ../before --minutes 8 --photos photos/ --output results

Measured are pictures a second at 192 px with the released losses, in both checkouts and with ``--compile``; where a
step's time goes; and ``colorize`` on the GPU against the processor. Each measurement ends after its time whatever
became of it; what they take is no part of ``minutes``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch
import tyro

from training.parts import write_parts
from training.photos import iterate_files

ROOT = Path(__file__).resolve().parents[1]
STEPS, WARM_UP, PROFILED = 40, 15, 5
MEASURED_PHOTOS = 512  # enough to draw batches from, and decoded at once in either checkout
FORMER_NAMES = {
    "--perceptual-size": "--view",
    "--samples": "--pictures",
    "--degradation-prob": "--damaged",
    "--hint-prob": "--hinted",
}
"""Options that b96ce6c has under other names."""
TIMED = f"""
import os, sys, time
import torch, tyro
from training.config import PretrainConfig
from training.data import PhotoBatches
from training.pretrain_generator import pretrain
batch, times, profiler = PhotoBatches.batch, [], torch.profiler.profile()
def timed(self, step):
    if self.epoch_steps == {STEPS + PROFILED}:
        if torch.cuda.is_available() and len(times) in ({WARM_UP}, {STEPS}):
            torch.cuda.synchronize()
        times.append(time.perf_counter())
        if len(times) == {STEPS} + 1:
            print("seconds_per_step", (times[-1] - times[{WARM_UP}]) / {STEPS - WARM_UP}, flush=True)
            profiler.__enter__()
        if len(times) == {STEPS + PROFILED}:
            profiler.__exit__(None, None, None)
            order = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
            print(profiler.key_averages().table(sort_by=order, row_limit=40, max_name_column_width=60), flush=True)
            os._exit(0)
    return batch(self, step)
PhotoBatches.batch = timed
pretrain(tyro.cli(PretrainConfig))
"""
"""A program that prints how long a training step takes and where its time goes, in either checkout."""


@dataclass(frozen=True)
class SessionSettings:
    """Settings of a session.

    Attributes:
        photos: Folders or tars of colour photographs to train on.
        output: Folder of the results: ``measured.json``, ``devices.json``, tables of profiles and the weights in parts;
            the run itself is beside it.
        minutes: Of the recipe's training, all of it.
        classifiers: Folder of the classifiers' files that the recipe names.
        before: Another checkout of this program to measure against; left out: only this one is measured.
        validation: Folder or tar of other photographs.
        recipe: A name in ``training/recipes``, or a TOML file.
        measure_minutes: At most, for pictures a second in all checkouts.
        check_minutes: At most, for ``colorize`` on the GPU; 0: it is left out.
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
    measure_minutes: float = 2.0
    check_minutes: float = 1.5
    size: int = 192
    batch_size: int = 128
    mib: float = 15.0
    smoke: bool = False


def measure(settings: SessionSettings, run: Path) -> dict[str, float]:
    """Return the pictures a second of this checkout, without and with ``--compile``, and of the one before.

    What there was no time for is left out. Tables of where the time goes are written beside the results.

    Args:
        settings: Of the session.
        run: Folder of what is not carried away.
    """
    photos = _some_photos(settings.photos, run / "measured-photos")
    arguments = [
        *("--photos", str(photos), "--cache", str(run / "measured-cache"), "--cache-size", "256"),
        *("--sizes", str(settings.size), "--perceptual-size", str(settings.size // 6 * 7 // 32 * 32)),
        *("--samples", str((STEPS + PROFILED) * settings.batch_size), "--batch-sizes", str(settings.batch_size)),
        *("--epoch-steps", str(STEPS + PROFILED), "--degradation-prob", ".3", "--hint-prob", ".3"),
        *("--encoder-rate", ".3", "--losses.content", ".5", "--losses.classification", ".5"),
        *("--losses.gradient", ".3", "--losses.skin", "1", "--perceptual-name", "mobilenet_v2"),
    ]
    if settings.classifiers:
        arguments += ["--perceptual", str(settings.classifiers / "mobilenet_v2_imagenet.safetensors")]
        arguments += ["--recogniser-file", str(settings.classifiers / "lite1.safetensors")]
        arguments += ["--recogniser", "tf_efficientnet_lite1", "--losses.recognition", ".3"]
    figures: dict[str, float] = {}
    until = time.perf_counter() + settings.measure_minutes * 60
    for name, folder, more in (
        ("now", ROOT, []),
        ("before", settings.before, []),
        ("compiled", ROOT, ["--compile"]),
    ):
        if folder is None:
            continue
        words = [FORMER_NAMES.get(word, word) if name == "before" else word for word in arguments]
        words += ["--weights", str(folder / "weights/stable.safetensors")]
        command = [sys.executable, "-c", TIMED, *words, *more, "--output", str(run / f"measure-{name}")]
        environment = {**os.environ, "PYTHONSAFEPATH": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        said = _said_in_time(command, until - time.perf_counter(), folder, environment)
        seconds, _, table = said.partition("seconds_per_step ")[2].partition("\n")
        if seconds:
            figures[name] = settings.batch_size / float(seconds)
            (settings.output / f"profile-{name}.txt").write_text(table)
    return figures


def check_program(settings: SessionSettings) -> None:
    """Compare ``colorize`` on this machine's device with the processor, and write the figures beside the results."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    command = [sys.executable, "-m", "benchmarks.devices", "--device", device, "--runtime", "torch"]
    command += ["--json", str(settings.output / "devices.json")]
    print(_said_in_time(command, settings.check_minutes * 60, ROOT, dict(os.environ)))


def _said_in_time(command: list[str], seconds: float, folder: Path, environment: dict[str, str]) -> str:
    """Return what a command printed, also if its time was over before its end."""
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, timeout=max(1.0, seconds), stdout=subprocess.PIPE, text=True
        ).stdout
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode()


def _with_whole_paths(settings: SessionSettings) -> SessionSettings:
    """Return the settings with paths that are the same from any folder: commands run in the checkouts' own."""
    return replace(
        settings,
        photos=tuple(path.resolve() for path in settings.photos),
        output=settings.output.resolve(),
        classifiers=settings.classifiers and settings.classifiers.resolve(),
        before=settings.before and settings.before.resolve(),
        validation=settings.validation and settings.validation.resolve(),
    )


def _some_photos(sources: tuple[Path, ...], folder: Path) -> Path:
    """Return a folder with the first photographs of the sources."""
    folder.mkdir(parents=True, exist_ok=True)
    found = (file for source in sources for file in iterate_files(source))
    for index, (name, data) in enumerate(islice(found, MEASURED_PHOTOS)):
        (folder / f"{index}{Path(name).suffix}").write_bytes(data)
    return folder


def run_session(settings: SessionSettings) -> list[Path]:
    """Measure, train, and return the files that are to be carried away.

    Raises:
        RuntimeError: The recipe ended with an error.
    """
    settings = _with_whole_paths(settings)
    settings.output.mkdir(parents=True, exist_ok=True)
    run = settings.output.with_name(f"{settings.output.name}-run")
    figures = measure(settings, run)
    if settings.check_minutes:
        check_program(settings)
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
    tables = [*settings.output.glob("profile-*.txt"), *settings.output.glob("devices.json")]
    return [written, *sorted(tables), *parts]


def main() -> None:
    """Parse the command line, run the session and print the files."""
    try:
        print(*run_session(tyro.cli(SessionSettings, description=__doc__)), sep="\n")
    except (OSError, RuntimeError) as error:
        sys.exit(f"gpu_session: {error}")


if __name__ == "__main__":
    main()
