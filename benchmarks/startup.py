"""One photograph, the whole process: wall time, processor time and peak memory, beside a bare script; a table.

    python -m benchmarks.startup
    python -m benchmarks.startup --against b96ce6c

The command is run for photographs of 1 and 12 megapixels; so is a script that does the least that anybody could:
Pillow, OpenCV and ONNX Runtime with the same weights, nothing kept of the file. ``--against`` runs the command of
another commit too; "the first time" is this tree's without what it keeps for the next process (see
``colorize.network.session_cache``). All run by turns, so that a busy machine is unfair to none; the figures are
medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.output_hashes import worktree
from benchmarks.photo import make_photo

ROOT = Path(__file__).parent.parent
MEGABYTE = 1_000_000
MEGAPIXELS = (1, 12)
# The peak is asked for inside, and not of ``ru_maxrss``, which on Linux begins with the parent's.
PEAK = """
from pathlib import Path
stated = Path("/proc/self/status")
if stated.exists():
    print(next(int(line.split()[1]) * 1024 for line in stated.read_text().splitlines() if line.startswith("VmHWM")))
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""
# As the command's process, but for its end, before which the peak is asked for; early commits have no such functions.
COMMAND = """
import sys
from colorize.cli import main
command = sys.modules[main.__module__]
end_process = getattr(command, "end_process", sys.exit)
statuses = []
command.end_process = statuses.append
getattr(command, "run_process", lambda: statuses.append(main()))()
assert statuses == [0], statuses
"""
END = """
end_process(0)
"""
BARE = """
import sys
import cv2
import numpy as np
from PIL import Image
from colorize.network.graphs import find_graph, read_graph
from colorize.network.onnx_runtime import OnnxNetwork
from colorize.network.registry import find_weights
from colorize.network.weights_file import read_weights

path = find_weights("stable")
info, tensors = read_weights(path)
network = OnnxNetwork(read_graph(find_graph(info.config, path)), tensors, info, "", "cpu")
del tensors
grey = np.asarray(Image.open(sys.argv[1]).convert("L"))
height, width = grey.shape
scale = 256 / min(height, width)
size = round(width * scale / 32) * 32, round(height * scale / 32) * 32
small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
inputs = (cv2.cvtColor(np.repeat(small[..., None], 3, 2).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0] / 50 - 1)
ab = network.decode(inputs[None, None], network.encode(inputs[None, None]))[0] * 110
lab = cv2.cvtColor(np.repeat(grey[..., None], 3, 2).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
lab[..., 1:] = cv2.resize(ab, (width, height), interpolation=cv2.INTER_LINEAR)
rgb = (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).clip(0, 1) * 255).round().astype(np.uint8)
Image.fromarray(rgb).save(sys.argv[2], quality=95)
"""


FIRST_TIME = "the first time"


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        wall: Seconds.
        cpu: Seconds of all processors, in its own code and in the kernel's.
        memory: Largest resident memory in bytes.
    """

    wall: float
    cpu: float
    memory: float


def run(arguments: Sequence[str], tree: Path, home: Path | None = None) -> Cost:
    """Run Python with a tree's ``colorize`` and return what it took.

    Args:
        arguments: Of Python.
        tree: A checkout.
        home: The folder where the program keeps what it makes for later processes; None: the user's own.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    if home is not None:
        environment["COLORIZE_HOME"] = str(home)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled once
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=tree, stdout=subprocess.PIPE)
    assert process.stdout is not None
    peak = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the run ended with status {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, int(peak))


def measure(trees: dict[str, Path], photo: Path, folder: Path, repeats: int) -> dict[str, Cost]:
    """Return the medians of the commands of some trees, the first time too, and of the bare script, for a photograph.

    Args:
        trees: Name -> checkout.
        photo: The photograph.
        folder: For what the processes make.
        repeats: Runs of each.
    """
    target = str(folder / "result.jpg")
    command = ["-c", COMMAND + PEAK + END, str(photo), "-o", target, "--overwrite", "-q"]
    runs = {name: (command, tree) for name, tree in trees.items()}
    runs[FIRST_TIME] = (command, ROOT)
    runs["bare script"] = (["-c", BARE + PEAK, str(photo), target], ROOT)
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, (arguments, tree) in runs.items():
            home = folder / name.replace(" ", "-")
            if name == FIRST_TIME:
                shutil.rmtree(home, ignore_errors=True)
            cost = run(arguments, tree, home)
            if repeat:  # the first brings the files into memory
                costs[name].append(cost)
    return {
        name: Cost(*(statistics.median(getattr(cost, field) for cost in found) for field in ("wall", "cpu", "memory")))
        for name, found in costs.items()
    }


def main() -> None:
    """Parse the command line, measure, and print a table for each size of photograph."""
    description = "Measure one photograph's whole process."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=description)
    parser.add_argument("--against", metavar="COMMIT", help="another commit, run by turns; ratios are to it")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="runs of each (default 5)")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        trees = {"this tree": ROOT}
        if options.against:
            trees = {options.against: stack.enter_context(worktree(options.against, folder / "tree")), **trees}
        for megapixels in MEGAPIXELS:
            costs = measure(trees, make_photo(folder / f"{megapixels}.jpg", megapixels), folder, options.repeats)
            baseline = next(iter(costs.values()))
            print(f"{megapixels} megapixels{'wall s':>15}{'ratio':>8}{'CPU s':>9}{'ratio':>8}{'MB':>8}")
            for name, cost in costs.items():
                print(
                    f"  {name:16}{cost.wall:10.2f}{cost.wall / baseline.wall:8.2f}"
                    f"{cost.cpu:9.2f}{cost.cpu / baseline.cpu:8.2f}{cost.memory / MEGABYTE:8.0f}"
                )


if __name__ == "__main__":
    main()
