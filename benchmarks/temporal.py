"""Steady colours of films: how far they flicker, what they cost, and the truth beside them.

    python -m benchmarks.temporal film.mp4 other.mp4 --json temporal.json

Films in colour are made grey and coloured again, so the truth is known. A black-and-white film has no truth: only its
warp error means something. Stop everything else first for the times.

``forgets`` is the same method without feature aggregation: the network decides each frame by itself.

``truth, pale`` is the truth reduced to the network's grid and to the chroma of the network's colours. Pale colours
change less from frame to frame than vivid ones, so the truth's own warp error is no lower bound; this row tells how
much of it is left.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch

from colorize.color import AB_MAX, Enlarger, Floats, Picture, lab_to_rgb, rgb_to_lab, shrink
from colorize.engine import Colorizer
from colorize.motion import (
    ChosenKeys,
    FlowFinder,
    Grey,
    OwnAnswer,
    SegmentEnd,
    TemporalOptions,
    TemporalPainter,
    classify_frames,
    flow_confidence,
    grey_input,
    guide_frames,
)
from colorize.network import Features, Network
from training.flicker import WarpError, warp_error
from training.metrics import ciede2000, colourfulness

MIN_CONFIDENCE = 0.5  # of the flow, above which a pixel of the previous frame becomes a hint
PREVIOUS_SHARE = 0.6  # of the previous frame's colours, where a method mixes them in
PROPAGATE = 96  # frames of a scene for which the network's own key frame serves
SAMPLES = 25  # frames of which colourfulness and CIEDE2000 are the mean

Predicted = tuple[list[Floats], float]  # ab of each frame, and the network's runs for each frame
Method = Callable[[Colorizer, "Stopwatch", list[Floats]], Predicted]


@dataclass(frozen=True)
class Row:
    """The figures of one film and one method to colour it; times are milliseconds per frame."""

    video: str
    method: str
    warp_error: float
    excess: float
    excess_over_pale: float
    colourfulness: float
    ciede2000: float
    network_share: float
    milliseconds: float
    milliseconds_without_network: float


@dataclass(frozen=True, eq=False)
class HiddenFeatures:
    """Another network's features, whose bottleneck is not offered."""

    features: Features
    bottleneck: None = None

    def feature_maps(self) -> tuple[Floats, ...]:
        """Return none."""
        return ()

    def with_bottleneck(self, bottleneck: Floats) -> HiddenFeatures:
        """Return the same features."""
        return self


class Stopwatch:
    """Another network, whose time is measured, and which can be kept from offering its bottleneck.

    Attributes:
        seconds: The time so far.
        offers_bottleneck: Whether films may aggregate its features.
    """

    def __init__(self, network: Network) -> None:
        self.seconds = 0.0
        self.offers_bottleneck = True
        self.stride, self.render_size = network.stride, network.render_size
        self.takes_hints, self.latent_dim, self.runtime = network.takes_hints, network.latent_dim, network.runtime
        self._network = network

    def fingerprint(self) -> str:
        """Return the network's own."""
        return self._network.fingerprint()

    def encode(self, inputs: Floats) -> Features:
        """Return the network's features."""
        start = time.perf_counter()
        features = self._network.encode(inputs)
        self.seconds += time.perf_counter() - start
        return features if self.offers_bottleneck else HiddenFeatures(features)

    def decode(self, inputs: Floats, features: Any, latent: Floats | None = None) -> Floats:
        """Return the network's ab."""
        start = time.perf_counter()
        ab = self._network.decode(inputs, features if self.offers_bottleneck else features.features, latent)
        self.seconds += time.perf_counter() - start
        return ab


def read_video(path: Path, short_side: int, max_frames: int) -> list[Picture]:
    """Return a film's first frames, reduced to a short side in pixels."""
    frames: list[Picture] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="rgb24")
            scale = short_side / min(picture.shape[:2])
            if scale < 1:
                height, width = (round(side * scale) for side in picture.shape[:2])
                picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            frames.append(np.asarray(picture, np.uint8))
            if len(frames) == max_frames:
                break
    return frames


def make_grey(picture: Picture) -> Picture:
    """Return a picture's own lightness without its colours."""
    lab = rgb_to_lab(picture)
    lab[..., 1:] = 0
    return lab_to_rgb(lab)


def by_painter(options: TemporalOptions, aggregates: bool = True) -> Method:
    """Return the method of the package itself, or the same without feature aggregation."""

    def predict(colorizer: Colorizer, stopwatch: Stopwatch, inputs: list[Floats]) -> Predicted:
        stopwatch.offers_bottleneck = aggregates
        painter = TemporalPainter(colorizer, options)
        results = list(painter.predict_ab(inputs))
        return results, painter.network_frames / len(inputs)

    return predict


def by_own_keys(mode: str, every: int) -> Method:
    """Return the method that carries the network's own answer to one of so many frames of a scene to the others."""

    def predict(colorizer: Colorizer, stopwatch: Stopwatch, inputs: list[Floats]) -> Predicted:
        def of_greys(greys: Sequence[Grey]) -> list[Floats]:
            return colorizer.predict_ab([grey_input(grey) for grey in greys])

        frames = list(classify_frames(inputs))
        guides = guide_frames(frames, 0, [ChosenKeys(every, OwnAnswer(of_greys))])
        guided = [replace(frame, guide=guide) for frame, guide in zip(frames, guides, strict=True)]
        painter = TemporalPainter(colorizer, TemporalOptions(mode))
        ends: list[SegmentEnd | None] = [*[None] * (len(frames) - 1), "scene"]
        results = [ab for ab, _ in painter.predict_segments(zip(guided, ends, strict=True))]
        return results, painter.network_frames / len(inputs)

    return predict


def by_hints(mixed: bool) -> Method:
    """Return the method that gives the previous frame's colours, warped, as hints.

    Args:
        mixed: Mix them in as well where the flow can be trusted, so that hints only help where it cannot.
    """

    def predict(colorizer: Colorizer, stopwatch: Stopwatch, inputs: list[Floats]) -> Predicted:
        flow = FlowFinder()
        results: list[Floats] = []
        greys = [np.rint((network_input[0, 0] + 1) * 127.5).astype(np.uint8) for network_input in inputs]
        for index, network_input in enumerate(inputs):
            if not results:
                results += colorizer.predict_ab([network_input])
                continue
            backward_flow, _ = flow.between(greys[index - 1], greys[index])
            confidence = flow_confidence(greys[index], greys[index - 1], backward_flow)[..., None]
            before = backward_flow.warp(results[-1])
            mask = (confidence > MIN_CONFIDENCE).astype(np.float32)
            hint_map = np.dstack([before / AB_MAX * mask, mask]).transpose(2, 0, 1)
            own = colorizer.predict_ab([network_input], [hint_map[None]])[0]
            results.append(np.asarray(own + PREVIOUS_SHARE * confidence * (before - own), np.float32) if mixed else own)
        return results, 1.0

    return predict


def methods(colorizer: Colorizer) -> dict[str, Method]:
    """Return every method to colour a film, by name; the first is the one without memory."""
    table = {
        "off": by_painter(TemporalOptions("off")),
        "fast": by_painter(TemporalOptions("fast")),
        "fast, forgets": by_painter(TemporalOptions("fast"), False),
        "fast, every 4": by_painter(TemporalOptions("fast", 4)),
        "best": by_painter(TemporalOptions("best")),
        "best, forgets": by_painter(TemporalOptions("best"), False),
        "best, every 2": by_painter(TemporalOptions("best", 2)),
        "fast, propagate": by_own_keys("fast", PROPAGATE),
        "best, propagate": by_own_keys("best", PROPAGATE),
    }
    if colorizer.takes_hints:
        table["hints"] = by_hints(False)
        table["hints, mixed"] = by_hints(True)
    return table


def pale_truth(truth: list[Picture], predicted: list[Floats]) -> Iterator[Picture]:
    """Yield the true frames with ab of the predicted ones' mean chroma and resolution."""
    size = predicted[0].shape[:2]
    small = [shrink(rgb_to_lab(frame)[..., 1:].copy(), size) for frame in truth]
    share = _mean_chroma(predicted) / max(_mean_chroma(small), 1e-6)
    for frame, ab in zip(truth, small, strict=True):
        lab = rgb_to_lab(frame)
        lab[..., 1:] = Enlarger((ab * share).astype(np.float32), frame.shape[:2]).rows(0, len(frame))
        yield lab_to_rgb(lab)


def _mean_chroma(maps: Iterable[Floats]) -> float:
    """Return the mean chroma of ab maps in Lab units."""
    return float(np.mean([np.hypot(ab[..., 0], ab[..., 1]).mean() for ab in maps]))


def evaluate(video: list[Picture], truth: list[Picture]) -> tuple[WarpError, float, float]:
    """Return a film's warp error, mean colourfulness and mean CIEDE2000 to the truth."""
    step = max(1, len(video) // SAMPLES)
    vivid = float(np.mean([colourfulness(frame) for frame in video[::step]]))
    pairs = zip(video[::step], truth[::step], strict=True)
    distance = float(np.mean([ciede2000(rgb_to_lab(frame), rgb_to_lab(true)) for frame, true in pairs]))
    return warp_error(video, truth), vivid, distance


def measure(
    colorizer: Colorizer, name: str, truth: list[Picture], wanted: Sequence[str] | None = None
) -> Iterator[Row]:
    """Yield a film's rows: each method to colour it, or the wanted ones, then the pale and the whole truth."""
    grey = [make_grey(frame) for frame in truth]
    inputs = [colorizer.preprocess(frame) for frame in grey]
    pale_error: float | None = None
    for method, predict in methods(colorizer).items():
        if wanted is not None and method not in ("off", *wanted):
            continue
        stopwatch = Stopwatch(colorizer.network)
        measured = Colorizer(stopwatch, colorizer.settings)
        start = time.perf_counter()
        predicted, share = predict(measured, stopwatch, inputs)
        seconds = time.perf_counter() - start
        if pale_error is None:  # the first method is the one without memory
            pale = list(pale_truth(truth, predicted))
            pale_error = warp_error(pale, truth).video
        video = [colorizer.compose(frame, ab) for frame, ab in zip(grey, predicted, strict=True)]
        error, vivid, distance = evaluate(video, truth)
        times = [1000 * value / len(inputs) for value in (seconds, seconds - stopwatch.seconds)]
        yield Row(name, method, error.video, error.excess, error.video - pale_error, vivid, distance, share, *times)
    for method, frames in (("truth, pale", pale), ("truth", truth)):
        error, vivid, distance = evaluate(frames, truth)
        yield Row(name, method, error.video, error.excess, error.video - pale_error, vivid, distance, 0, 0, 0)  # type: ignore[operator]


def show(row: Row) -> str:
    """Return a row of the table."""
    return (
        f"{row.video[:20]:21}{row.method:15}{row.warp_error:7.3f}{row.excess:8.3f}{row.excess_over_pale:8.3f}"
        f"{row.colourfulness:8.2f}{row.ciede2000:8.2f}{row.network_share:7.2f}{row.milliseconds:8.1f}"
        f"{row.milliseconds_without_network:8.1f}"
    )


def main() -> None:
    """Measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure how steady the colours of films are.")
    parser.add_argument("videos", nargs="+", type=Path, metavar="FILM", help="best ones in colour")
    parser.add_argument("--weights", default="stable", help="released name or file")
    parser.add_argument("--render-size", type=int, help="what the network sees; default: the weights' own")
    parser.add_argument("--short-side", type=int, default=240, help="larger films are reduced to it (default: 240)")
    parser.add_argument("--frames", type=int, default=300, help="of each film, at most (default: 300)")
    parser.add_argument("--methods", nargs="+", help="those of these names alone, the first of all too")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    colorizer = Colorizer(options.weights, device="cpu", render_size=options.render_size)
    print(f"render size {colorizer.render_size}, {colorizer.network.runtime}, {torch.get_num_threads()} threads")
    heads = ("excess", "/pale", "colour", "dE00")
    print(
        f"{'video':21}{'method':15}{'warp':>7}{''.join(f'{head:>8}' for head in heads)}{'net':>7}{'ms':>8}{'no net':>8}"
    )
    rows: list[Row] = []
    for path in options.videos:
        for row in measure(colorizer, path.stem, read_video(path, options.short_side, options.frames), options.methods):
            rows.append(row)
            print(show(row), flush=True)
    if options.json:
        record = {
            "torch": torch.__version__,
            "opencv": cv2.__version__,
            "weights": options.weights,
            "render_size": colorizer.render_size,
            "rows": [asdict(row) for row in rows],
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
