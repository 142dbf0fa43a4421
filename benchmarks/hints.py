"""How far a colour hint reaches: inside the hinted object, across its edge, and far away.

    python -m benchmarks.hints PHOTOS --weights stable --pictures 100 --json hints.json

PHOTOS is a folder or a tar of colour photographs. Each is made grey, and one hint is set on a random object of it, once
in the object's true colour and once in a strongly different one. The object is found in the true colours, not in the
grey picture, which is all that the network sees: where both sides of an edge are equally light, no method can know that
the colour ends there. So the far side of the edge is also split by how much of an edge the grey picture shows.
"""

from __future__ import annotations

import argparse
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.color import deltaE_ciede2000

from colorize.color import lab_to_rgb, rgb_to_lab
from colorize.engine import Colorizer, Hint
from training.photos import iterate_files

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SHORT_SIDE = 256
OBJECT_TOLERANCE = 12.0  # Lab units from the hinted point's colour, on a smoothed picture
OBJECT_SHARES = (0.01, 0.4)  # of the picture; smaller is a speck, larger leaves nothing outside to measure
MAX_TRIES = 40  # points of a photograph that are tried for an object
RADII = (0.0, 0.05, 0.1, 0.2, 0.4, 2.0)  # distances from the hint, in short sides
EDGE_BAND = 0.03  # just across the edge, in short sides
CONTRASTS = {"unseen": (0.0, 5.0), "faint": (5.0, 15.0), "seen": (15.0, 101.0)}  # L across the edge
OTHER_CHROMA = 45.0  # of the strongly different colour, whose hue is the opposite one
KINDS = ("true", "opposite")


@dataclass(frozen=True)
class Trial:
    """One object of a photograph: where the hint goes, and what belongs to it.

    Attributes:
        lab: (H, W, 3), the truth.
        x: Column of the hint, in pixels.
        y: Row of the hint, in pixels.
        inside: (H, W), the mask of the object.
    """

    lab: Floats
    x: int
    y: int
    inside: Mask


def trials(source: Path, pictures: int, seed: int) -> Iterator[Trial]:
    """Yield one object of each of ``pictures`` photographs that show one, in a fixed order."""
    random = np.random.default_rng(seed)
    count = 0
    for _, data in iterate_files(source):
        if count == pictures:
            return
        with Image.open(io.BytesIO(data)) as image:
            picture = np.asarray(image.convert("RGB"))
        scale = SHORT_SIDE / min(picture.shape[:2])
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        trial = find_object(rgb_to_lab(small), random)
        if trial is not None:
            count += 1
            yield trial


def find_object(lab: Floats, random: np.random.Generator) -> Trial | None:
    """Return a random object: a connected region of one colour around a point; None if none was found."""
    height, width = lab.shape[:2]
    smooth = cv2.bilateralFilter(lab, 9, 10, 4)
    for _ in range(MAX_TRIES):
        x, y = int(random.integers(width)), int(random.integers(height))
        near = np.linalg.norm(smooth - smooth[y, x], axis=2) < OBJECT_TOLERANCE
        _, labels = cv2.connectedComponents(near.astype(np.uint8))
        inside = labels == labels[y, x]
        depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
        if OBJECT_SHARES[0] < inside.mean() < OBJECT_SHARES[1] and depth[y, x] >= SHORT_SIDE * EDGE_BAND:
            return Trial(lab, x, y, inside)
    return None


def hint_color(trial: Trial, kind: str) -> str:
    """Return a hint's #rrggbb: the object's own colour, or one of the opposite hue."""
    lightness, a, b = (float(value) for value in np.median(trial.lab[trial.inside], axis=0))
    if kind == "opposite":
        chroma = max(1e-3, float(np.hypot(a, b)))
        a, b = -a / chroma * OTHER_CHROMA, -b / chroma * OTHER_CHROMA
        lightness = 60.0  # a dark or bright one could not hold the chroma; a hint's lightness does not count
    return "#" + bytes(lab_to_rgb(np.array([[[lightness, a, b]]], np.float32))[0, 0].tolist()).hex()


def measure(colorizer: Colorizer, trial: Trial, kind: str, radius: float | None) -> dict[str, float]:
    """Return what one hint changes in each region, mean over the region's pixels.

    The keys are ``REGION change`` (CIEDE2000 against the picture without the hint), ``REGION share`` (share of the
    difference between the old colour and the hint's that is gone, 1 = all of it), and for a true hint ``REGION error``
    (the hint's change of the CIEDE2000 to the truth; negative is better).
    """
    grey = lab_to_rgb(np.dstack([trial.lab[..., 0], np.zeros((*trial.inside.shape, 2), np.float32)]))
    hint = Hint(trial.x, trial.y, hint_color(trial, kind), radius)
    plain, hinted = rgb_to_lab(colorizer(grey)), rgb_to_lab(colorizer(grey, [hint]))
    change = deltaE_ciede2000(plain, hinted)
    gain = deltaE_ciede2000(hinted, trial.lab) - deltaE_ciede2000(plain, trial.lab)
    wanted = np.asarray(hint.ab, np.float32) - plain[..., 1:]
    share = ((hinted - plain)[..., 1:] * wanted).sum(axis=2) / np.maximum((wanted**2).sum(axis=2), 25.0)
    result = {}
    for name, region in regions(trial).items():
        if region.any():
            result[f"{name} change"] = float(change[region].mean())
            result[f"{name} share"] = float(share[region].mean())
            if kind == "true":
                result[f"{name} error"] = float(gain[region].mean())
    return result


def regions(trial: Trial) -> dict[str, Mask]:
    """Return the masks of regions by name: rings around the hint, inside and outside, and the edge's far side."""
    height, width = trial.inside.shape
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - trial.x, y - trial.y) / SHORT_SIDE
    to_object = cv2.distanceTransform((~trial.inside).astype(np.uint8), cv2.DIST_L2, 5) / SHORT_SIDE
    masks = {"at the hint": trial.inside & (distance < 0.01), "inside": trial.inside, "outside": ~trial.inside}
    band = ~trial.inside & (to_object < EDGE_BAND)
    masks["edge, far side"] = band
    contrast = edge_contrast(trial)
    for name, (low, high) in CONTRASTS.items():
        masks[f"edge, {name}"] = band & (contrast >= low) & (contrast < high)
    for low, high in pairwise(RADII):
        ring = (distance >= low) & (distance < high)
        masks[f"inside {low:g}..{high:g}"] = ring & trial.inside
        masks[f"outside {low:g}..{high:g}"] = ring & ~trial.inside
    return masks


def edge_contrast(trial: Trial) -> Floats:
    """Return (H, W) by how many units of L each pixel differs from the object's nearest one, grain left out."""
    lightness = cv2.bilateralFilter(np.ascontiguousarray(trial.lab[..., 0]), 9, 10, 4)
    outside = (~trial.inside).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = labels.astype(np.intp)
    own = np.zeros(int(nearest.max()) + 1, np.float32)
    own[nearest[trial.inside]] = lightness[trial.inside]
    return np.abs(lightness - own[nearest])


def main() -> None:
    """Measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure how far a colour hint reaches.")
    parser.add_argument("photos", type=Path, help="a folder or a tar of colour photographs")
    parser.add_argument("--weights", default="stable", help="released name or file")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--render-size", type=int, help="default: the weights' own")
    parser.add_argument("--radius", type=float, help=f"of the hint, in pixels of a short side of {SHORT_SIDE}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    colorizer = Colorizer(options.weights, render_size=options.render_size)
    values: dict[str, dict[str, list[float]]] = {kind: defaultdict(list) for kind in KINDS}
    found = list(trials(options.photos, options.pictures, options.seed))
    if not found:
        raise SystemExit(f"{options.photos}: no photograph shows an object of one colour")
    for trial in found:
        for kind in KINDS:
            for name, value in measure(colorizer, trial, kind, options.radius).items():
                values[kind][name].append(value)
    means = {kind: {name: float(np.mean(own)) for name, own in values[kind].items()} for kind in KINDS}
    print(
        f"{len(found)} photographs, {options.weights} at {colorizer.render_size}; CIEDE2000, share of the wanted change"
    )
    print(f"{'':20}{'true colour':>30}{'opposite colour':>24}")
    print(f"{'region':20}{'change':>10}{'share':>10}{'error':>10}{'change':>12}{'share':>12}")
    for region in regions(found[0]):
        row = [means["true"].get(f"{region} {key}", float("nan")) for key in ("change", "share", "error")]
        row += [means["opposite"].get(f"{region} {key}", float("nan")) for key in ("change", "share")]
        print(f"{region:20}{row[0]:10.2f}{row[1]:10.2f}{row[2]:+10.2f}{row[3]:12.2f}{row[4]:12.2f}")
    if options.json:
        record = {"weights": options.weights, "render_size": colorizer.render_size, "photographs": len(found)}
        options.json.write_text(json.dumps({**record, "means": means}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
