"""Where the time of one photograph of 1 megapixel goes, from the shell's call to the end of the process; a table.

    python -m benchmarks.stages

The command runs in processes of its own, in which the calls from one wing to the next are timed; the figures are
medians, in milliseconds of wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.photo import make_photo

STAGES = {
    "python": "Python begins",
    "libraries": "NumPy, OpenCV, Pillow, safetensors and ONNX Runtime are imported",
    "modules": "our own modules are imported, the arguments checked",
    "weights": "the weights file is hashed and described",
    "sessions": "encoder and decoder are taken from the session cache",
    "reading": "the photograph is decoded, and judged whether it is grey",
    "network": "it is reduced; encoder and decoder run",
    "composing": "the colours are enlarged and joined with its lightness",
    "writing": "it is encoded and written",
    "rest": "all else",
}
CHILD = """
import time
begin = time.time()
import functools, gc, importlib, json, os, sys
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as colorize.network.onnx_runtime does
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as colorize.cli.command.main
gc.disable()  # as colorize.cli.command.run_process
seconds = {"python": begin - float(sys.argv.pop(1))}
output = Path(sys.argv.pop(1))

def timed(owner, name, stage):
    function = getattr(owner, name)
    @functools.wraps(function)
    def wrapper(*arguments, **named):
        begin = time.perf_counter()
        try:
            result = function(*arguments, **named)
            return iter(list(result)) if name == "read_photos" else result  # a generator works after its call
        finally:
            seconds[stage] = seconds.get(stage, 0) + time.perf_counter() - begin
    setattr(owner, name, wrapper)

begin = time.perf_counter()
for name in ("numpy", "cv2", "PIL.Image", "safetensors", "onnxruntime"):
    importlib.import_module(name)
seconds["libraries"] = time.perf_counter() - begin
begin = time.perf_counter()
from colorize.batch import photo_steps
from colorize.cli import command
from colorize.engine import Colorizer
from colorize.network import loading, onnx_runtime
seconds["modules"] = time.perf_counter() - begin
timed(loading, "check_file", "weights")
timed(loading, "read_weights", "weights")
timed(onnx_runtime, "open_cached", "sessions")
timed(photo_steps, "read_photos", "reading")
timed(photo_steps, "measure_color", "reading")
timed(Colorizer, "preprocess", "network")
timed(Colorizer, "predict_ab_with_hints", "network")
timed(Colorizer, "compose", "composing")
timed(photo_steps, "write_photos", "writing")
assert command.main() == 0
output.write_text(json.dumps(seconds))
command.end_process(0)
"""


def measure(photo: Path, folder: Path) -> dict[str, float]:
    """Return the seconds of each stage of a process that colours a photograph.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    result, figures = folder / "result.jpg", folder / "stages.json"
    begin = time.time()
    arguments = [str(begin), str(figures), str(photo), "-o", str(result), "--overwrite", "-q"]
    environment = {**os.environ, "COLORIZE_HOME": str(folder)}
    subprocess.run([sys.executable, "-c", CHILD, *arguments], check=True, env=environment)
    whole = time.time() - begin
    seconds = json.loads(figures.read_text())
    return {**seconds, "rest": whole - sum(seconds.values()), "whole": whole}


def main() -> None:
    """Parse the command line, measure, and print the table."""
    description = "Measure where the time of one photograph goes."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=description)
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="processes (default 9)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = make_photo(folder / "photo.jpg", 1)
        measured = [measure(photo, folder) for _ in range(options.repeats + 1)][1:]  # the first fills caches
    print("| what happens | ms |\n|---|---:|")
    for stage, text in {**STAGES, "whole": "the whole process"}.items():
        print(f"| {text} | {statistics.median(each[stage] for each in measured) * 1000:.0f} |")


if __name__ == "__main__":
    main()
