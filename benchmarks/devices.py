"""A device against the processor: the same photo, folder and film through ``colorize`` on both.

    python -m benchmarks.devices --device cuda --json devices.json
    python -m benchmarks.devices --device cpu --runtime torch --film FILM.mp4

For each: seconds on the processor (by the default runtime) and on the device, the program's start in both, and the
mean CIEDE2000 between the two results, of which at most .3 is asked. Photographs are written as PNG, the film as FFV1.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from benchmarks.figures import Figure, at_most, print_figures, run_command, write_figures
from benchmarks.video import make_video
from colorize.base import VIDEO_SUFFIXES
from colorize.color import Floats, rgb_to_lab
from training.metrics import ciede2000

SAMPLES = Path(__file__).parent.parent / "samples"
LARGEST_DIFFERENCE = 0.3  # mean CIEDE2000, which nobody sees
EVERY = 8  # frames of a film are compared


def results(path: Path) -> Iterator[Floats]:
    """Yield the pictures (H, W, 3), in Lab units, of a photo, of a folder's photos, or of some frames of a film."""
    if path.is_dir():
        for each in sorted(path.iterdir()):
            yield from results(each)
    elif path.suffix in VIDEO_SUFFIXES:
        with av.open(str(path)) as film:
            for index, frame in enumerate(film.decode(video=0)):
                if index % EVERY == 0:
                    yield rgb_to_lab(frame.to_ndarray(format="rgb24"))
    else:
        yield rgb_to_lab(np.asarray(Image.open(path).convert("RGB")))


def compare(source: Path, folder: Path, name: str, options: list[str], on_device: list[str]) -> list[Figure]:
    """Return the seconds of the command with a source on the processor and on the device, and the results' difference.

    Args:
        source: A photo, a folder of photos, or a film.
        folder: Of the results.
        name: Of the results' file or folder.
        options: Of both commands.
        on_device: Of the command on the device alone.
    """
    seconds = []
    for place, where in (("processor", ["--device", "cpu"]), ("device", on_device)):
        (folder / place).mkdir(exist_ok=True)
        said = run_command([str(source), "-o", str(folder / place / name), "--force", *options, *where])
        seconds.append(said[0])
    pairs = zip(results(folder / "processor" / name), results(folder / "device" / name), strict=True)
    worst = max(ciede2000(device, processor) for processor, device in pairs)
    kind = Path(name).stem
    return [
        Figure(f"{kind}, processor", seconds[0], "s", "", True),
        Figure(f"{kind}, device", seconds[1], "s", "", True),
        at_most(f"{kind}, largest difference", worst, "CIEDE2000", LARGEST_DIFFERENCE),
    ]


def main() -> None:
    """Measure, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="to be compared with the processor")
    parser.add_argument("--runtime", default="auto", help="on the device")
    parser.add_argument("--weights", default="stable")
    parser.add_argument("--photos", type=Path, default=SAMPLES, help="a folder; its first photo is coloured alone too")
    parser.add_argument("--film", type=Path, help="a made one of two seconds of 640x360, if left out")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    settings = parser.parse_args()
    on_device = ["--device", settings.device, "--runtime", settings.runtime]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = min(path for path in settings.photos.iterdir() if path.suffix in (".jpg", ".jpeg", ".png", ".webp"))
        film = settings.film or make_video(folder / "film.mkv", (360, 640), 2)
        png, ffv1 = ["--format", "png"], ["--codec", "ffv1"]
        common = ["--weights", settings.weights]
        figures = [
            *compare(photo, folder, "photo.png", common, on_device),
            *compare(settings.photos, folder, "folder", [*common, *png], on_device),
            *compare(film, folder, "film.mkv", [*common, *ffv1], on_device),
        ]
    print_figures(figures)
    if settings.json:
        write_figures(settings.json, figures, {"device": settings.device, "processor": platform.processor()})


if __name__ == "__main__":
    main()
