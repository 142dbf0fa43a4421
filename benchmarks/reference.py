"""References: how near to the truth the colours of another photograph bring a picture.

    python -m benchmarks.reference --films a.mp4 b.mp4 --photos FOLDER --json reference.json

Pictures in colour are made grey and coloured with another one as a reference; so the truth is known. There are four
kinds of pairs: ``film``, frames of one film 2 to 10 seconds apart; ``moved``, one photograph as two cameras see it,
turned, nearer and in another light; ``kind``, two photographs of one sub-folder of FOLDER, neighbours by name; and
``other``, two of different sub-folders. The figures are CIEDE2000, the mean over the pairs, and its share of the row
without help; ``grey`` and ``truth`` are rows for comparison, and ``changed`` is the mean share of the colours taken.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.temporal import make_grey, read_video
from colorize.color import Picture, is_grey, rgb_to_lab
from colorize.engine import Colorizer
from colorize.photo import read_image
from training.metrics import ciede2000

SHORT_SIDE = 256  # pixels of the pictures that are compared
MAX_FRAMES = 1000  # of a film
SECONDS = (2, 10)  # between two frames of a film
DEGREES, ZOOM, SHIFT, GAMMA = 10.0, (1.15, 1.6), 0.1, (0.8, 1.25)  # of the two cameras


@dataclass(frozen=True)
class Row:
    """The figures of one kind of pairs and one strength of the reference."""

    kind: str
    method: str
    pairs: int
    ciede2000: float
    share_of_no_help: float
    changed: float


Pair = tuple[Picture, Picture]
"""A picture and its reference, both in colour."""


def film_pairs(film: Path, count: int, random: np.random.Generator) -> Iterator[Pair]:
    """Yield frames of one film; dark ones, in which nothing has a colour, are left out."""
    frames = read_video(film, SHORT_SIDE, MAX_FRAMES)
    with av.open(str(film)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
    pairs = (
        (frames[first], frames[second])
        for first in random.permutation(len(frames)).tolist()
        if 0 <= (second := first + round(random.uniform(*SECONDS) * rate) * int(random.choice((-1, 1)))) < len(frames)
    )
    yield from islice((pair for pair in pairs if not any(map(is_grey, pair))), count)


def moved_pairs(photos: Sequence[Path], random: np.random.Generator) -> Iterator[Pair]:
    """Yield each photograph as two cameras see it."""
    for path in photos:
        picture = _reduced(_read(path))
        yield _seen(picture, random), _seen(picture, random)


def _seen(picture: Picture, random: np.random.Generator) -> Picture:
    height, width = picture.shape[:2]
    shift = random.uniform(-SHIFT, SHIFT, 2) * (width, height)
    centre = (width / 2 + shift[0], height / 2 + shift[1])
    matrix = cv2.getRotationMatrix2D(centre, random.uniform(-DEGREES, DEGREES), random.uniform(*ZOOM))
    view = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(np.round(255 * (view / 255.0) ** random.uniform(*GAMMA)), np.uint8)


def neighbours(folders: Sequence[Sequence[Path]], count: int) -> Iterator[Pair]:
    """Yield two photographs of each folder, and two more, until there are ``count``."""
    pairs = (
        (folder[index], folder[index + 1])
        for index in range(0, max(map(len, folders)) - 1, 2)
        for folder in folders
        if index + 1 < len(folder)
    )
    yield from ((_reduced(_read(a)), _reduced(_read(b))) for a, b in islice(pairs, count))


def strangers(folders: Sequence[Sequence[Path]], count: int) -> Iterator[Pair]:
    """Yield photographs of different folders."""
    for index in range(count):
        first, second = folders[index % len(folders)], folders[(index + 1) % len(folders)]
        place = index // len(folders)
        yield _reduced(_read(first[place % len(first)])), _reduced(_read(second[(place + 1) % len(second)]))


def measure(colorizer: Colorizer, kind: str, pairs: Sequence[Pair], strengths: Sequence[float]) -> list[Row]:
    """Return the rows of one kind of pairs: grey, no help, references in each strength, and the truth."""
    methods = ["grey", *(f"reference {strength:g}" if strength else "no help" for strength in strengths), "truth"]
    errors: dict[str, list[float]] = {method: [] for method in methods}
    changed: dict[str, list[float]] = {method: [0.0] for method in methods}
    for picture, other in pairs:
        if is_grey(other):
            continue
        grey, reference = make_grey(picture), colorizer.read_reference(other)
        truth, network_input = rgb_to_lab(picture), colorizer.preprocess(grey)
        results = {"grey": grey, "truth": picture}
        for strength in strengths:
            colors = colorizer.match_references(network_input, [reference], strength)
            method = f"reference {strength:g}" if strength else "no help"
            ab = colorizer.predict_ab_with_hints([network_input], [None], [colors])[0]
            results[method] = colorizer.compose(grey, ab)
            changed[method].append(0.0 if colors is None else float(colors.share.mean()))
        for method, result in results.items():
            errors[method].append(float(np.mean(ciede2000(rgb_to_lab(result), truth))))
    if not errors["no help"]:
        raise SystemExit(f"none of the {len(pairs)} pairs of the kind {kind} is in colour")
    without = float(np.mean(errors["no help"]))
    return [
        Row(
            kind,
            method,
            len(own),
            float(np.mean(own)),
            float(np.mean(own)) / without,
            float(np.sum(changed[method])) / max(1, len(own)),
        )
        for method, own in errors.items()
    ]


def _reduced(picture: Picture) -> Picture:
    scale = SHORT_SIDE / min(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _read(path: Path) -> Picture:
    picture = read_image(path)
    return np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture


def main() -> None:
    """Measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure what references bring.")
    parser.add_argument("--films", type=Path, nargs="*", default=[], help="films in colour")
    parser.add_argument("--photos", type=Path, help="a folder with one sub-folder of photographs for each kind")
    parser.add_argument("--weights", default="stable", help="released name or file")
    parser.add_argument("--pairs", type=int, default=24, help="of each kind")
    parser.add_argument("--strengths", type=float, nargs="*", default=[1.0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    colorizer, random = Colorizer(arguments.weights), np.random.default_rng(arguments.seed)
    kinds: dict[str, list[Pair]] = {}
    if arguments.films:
        each = -(-arguments.pairs // len(arguments.films))
        kinds["film"] = [pair for film in arguments.films for pair in film_pairs(film, each, random)]
    if arguments.photos:
        folders = [sorted(path.iterdir()) for path in sorted(arguments.photos.iterdir()) if path.is_dir()]
        first = [folder[index] for index in range(max(map(len, folders))) for folder in folders if index < len(folder)]
        kinds["moved"] = list(moved_pairs(first[: arguments.pairs], random))
        kinds["kind"] = list(neighbours(folders, arguments.pairs))
        if len(folders) > 1:
            kinds["other"] = list(strangers(folders, arguments.pairs))
    rows = []
    print(f"{'pairs':8}{'method':16}{'number':>8}{'CIEDE2000':>12}{'of no help':>12}{'changed':>9}")
    for kind, pairs in kinds.items():
        for row in measure(colorizer, kind, pairs, [0.0, *arguments.strengths]):
            rows.append(row)
            print(
                f"{row.kind:8}{row.method:16}{row.pairs:8}{row.ciede2000:12.2f}{row.share_of_no_help:12.2f}{row.changed:9.2f}",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
