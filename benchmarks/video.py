"""Speed and memory of the film pipeline: a table, and JSON for comparing.

    python -m benchmarks.video --weights stable --json video.json
    python -m benchmarks.video --film FILM.mp4

Stop everything else first: a training in the background falsifies every figure.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from benchmarks.figures import (
    Figure,
    at_least,
    at_most,
    median_seconds,
    print_figures,
    run_command,
    start_command,
    write_figures,
)
from colorize.color import color_planes
from colorize.engine import Colorizer
from colorize.film import (
    EncoderSettings,
    PictureFormat,
    SegmentEncoder,
    VideoOptions,
    colorize_video,
    decode_frames,
    probe,
    read_luma,
)
from colorize.motion import TemporalOptions, TemporalPainter

SIZES = {"640x360": (360, 640), "1280x720": (720, 1280)}
TARGETS = {"640x360": 12.0, "1280x720": 6.0}  # frames per second
MEMORY_TARGET = 1500.0  # megabytes
LENGTHS = (10, 60)  # seconds of the films whose memory is compared
RATE = 25
STAGE_FRAMES = 64
SCENE = 4  # seconds between cuts


def scenes(size: tuple[int, int], frames: int) -> Iterator[np.ndarray]:
    """Yield grey frames (H, W) uint8 of a film: soft scenes that pan and cut, with an object that moves, and grain."""
    height, width = size
    random = np.random.default_rng(0)
    grain = [random.normal(0, 4, size).astype(np.int8) for _ in range(5)]
    panorama = np.zeros((height, 2 * width), np.uint8)
    for index in range(frames):
        place = index % (SCENE * RATE)
        if place == 0:
            panorama[:] = 0
            for cells, weight in ((4, 0.5), (24, 0.3), (120, 0.2)):
                coarse = random.integers(16, 236, (cells, 2 * cells), dtype=np.uint8)
                layer = cv2.resize(coarse, (2 * width, height), interpolation=cv2.INTER_CUBIC)
                panorama = np.asarray(cv2.addWeighted(panorama, 1, layer, weight, 0), np.uint8)
        left = place * width // (3 * SCENE * RATE)
        picture = panorama[:, left : left + width].copy()
        at = (width // 5 + place * 2, height // 2)
        cv2.circle(picture, at, height // 6, 190, -1, cv2.LINE_AA)
        yield np.clip(picture.astype(np.int16) + grain[index % 5], 16, 235).astype(np.uint8)


def make_video(path: Path, size: tuple[int, int], seconds: int) -> Path:
    """Write a grey film of ``size`` (height, width) with sound, as a digitised one is stored."""
    height, width = size
    with av.open(str(path), "w") as video:
        pictures = video.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "veryfast"})
        pictures.height, pictures.width, pictures.pix_fmt = height, width, "yuv420p"
        sound = video.add_stream("aac", rate=48000)
        sound.codec_context.layout = "mono"  # type: ignore[assignment]
        for index, grey in enumerate(scenes(size, seconds * RATE)):
            planes = np.concatenate([grey.ravel(), np.full(height * width // 2, 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes.reshape(height * 3 // 2, width), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            video.mux(pictures.encode(frame))
        video.mux(pictures.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate, silence.time_base = 48000, Fraction(1, 48000)
        for index in range(seconds * 48000 // 1024):
            silence.pts = index * 1024
            video.mux(sound.encode(silence))
        video.mux(sound.encode(None))
    return path


def stages(colorizer: Colorizer, path: Path, folder: Path, mode: str, repeats: int) -> dict[str, float]:
    """Return the milliseconds per frame of each stage, each run alone over the same frames."""
    video = probe(path)
    frames = list(islice(decode_frames(video), STAGE_FRAMES))
    lumas = [read_luma(video, frame.image) for frame in frames]
    inputs = [colorizer.preprocess(luma.picture()) for luma in lumas]

    def predict() -> list[np.ndarray]:
        return list(TemporalPainter(colorizer, TemporalOptions(mode), VideoOptions.batch_size).predict_ab(inputs))

    predicted = predict()
    planes = [color_planes(luma, ab) for luma, ab in zip(lumas, predicted, strict=True)]
    format = PictureFormat(video.upright_size, video.time_base, video.rate)

    def encode() -> None:
        encoder = SegmentEncoder(folder / "stage.nut", format, EncoderSettings("h264"))
        for frame, picture in zip(frames, planes, strict=True):
            encoder.write(picture, frame.pts, frame.duration)
        encoder.close()

    actions: dict[str, Callable[[], object]] = {
        "decode": lambda: list(islice(decode_frames(video), STAGE_FRAMES)),
        "luma": lambda: [read_luma(video, frame.image) for frame in frames],
        "preprocess": lambda: [colorizer.preprocess(luma.picture()) for luma in lumas],
        f"predict_ab ({mode})": predict,
        "compose": lambda: [color_planes(luma, ab) for luma, ab in zip(lumas, predicted, strict=True)],
        "encode": encode,
    }
    return {name: 1000 * median_seconds(action, repeats) / len(frames) for name, action in actions.items()}


def frames_per_second(colorizer: Colorizer, path: Path, out: Path, mode: str, repeats: int) -> float:
    """Return the median frames per second from file to file, with the weights loaded."""
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        options = VideoOptions(overwrite=True, temporal=mode)  # type: ignore[arg-type]
        result = colorize_video(path, out, colorizer=colorizer, options=options)
        rates.append(result.frames / (time.perf_counter() - start))
    return statistics.median(rates)


def command_arguments(path: Path, out: Path, weights: str, mode: str) -> list[str]:
    """Return the arguments of the command ``colorize``."""
    return [str(path), "-o", str(out), "--weights", weights, "--temporal", mode, "--device", "cpu", "--force"]


def resume_share(path: Path, folder: Path, weights: str, mode: str) -> float:
    """Kill the command at 80 % of the film and return the second run's time as a share of an uninterrupted one."""
    whole, _ = run_command(command_arguments(path, folder / "whole.mp4", weights, mode))
    out = folder / "killed.mp4"
    segments = folder / "killed.mp4.segments"
    process = start_command(command_arguments(path, out, weights, mode))
    while process.poll() is None and len(list(segments.glob("*.npz"))) < 0.8 * LENGTHS[1] - 1:  # each of a second
        time.sleep(0.005)
    process.kill()
    process.communicate()
    return run_command(command_arguments(path, out, weights, mode))[0] / whole


def measure(
    options: argparse.Namespace, folder: Path
) -> tuple[list[Figure], dict[str, dict[str, float]], dict[str, float]]:
    """Return the figures, milliseconds per stage by film, and peak memory by length."""
    colorizer = Colorizer(options.weights, device="cpu")
    out, mode = folder / "out.mp4", options.temporal
    if options.film:
        videos = {options.film.name: options.film}
    else:
        videos = {name: make_video(folder / f"{name}.mp4", size, LENGTHS[0]) for name, size in SIZES.items()}
    figures, times = [], {}
    for name, path in videos.items():
        rate = frames_per_second(colorizer, path, out, mode, options.repeats)
        figures.append(at_least(f"{name}, {mode}", rate, "frames/s", TARGETS.get(name, 0)))
        times[name] = stages(colorizer, path, folder, mode, options.repeats)
    if options.film:
        return figures, times, {}
    peaks = {}
    for seconds in LENGTHS:
        path = make_video(folder / f"{seconds}s.mp4", SIZES["1280x720"], seconds)
        arguments = command_arguments(path, folder / f"out{seconds}.mp4", options.weights, mode)
        peaks[f"{seconds} s"] = peak = run_command(arguments)[1]
        figures.append(at_most(f"peak memory, 1280x720, {seconds} s", peak, "MB", MEMORY_TARGET))
    share = 100 * resume_share(path, folder, options.weights, mode)
    figures.append(at_most(f"second run, killed at 80 %, {seconds} s", share, "% of one", 35))
    first, last = list(peaks.values())
    figures.append(at_most("memory of 60 s over that of 10 s", last / first, "", 1.05))
    return figures, times, peaks


def main() -> None:
    """Measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure the film pipeline.")
    parser.add_argument("--weights", default="stable", help="released name or file")
    parser.add_argument("--temporal", choices=("off", "fast", "best"), default="fast")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--film", type=Path, help="measure this film instead of made ones (speed and stages only)")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    cv2.setNumThreads(1)  # as the command does: frames run side by side in our own threads
    with tempfile.TemporaryDirectory() as folder:
        figures, times, peaks = measure(options, Path(folder))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.processor() or platform.machine()}")
    print_figures(figures)
    for name, by_stage in times.items():
        text = ", ".join(f"{stage} {value:.1f}" for stage, value in by_stage.items())
        print(f"stages of {name}, ms per frame, each alone: {text}; sum {sum(by_stage.values()):.1f}")
    if options.json:
        conditions = {
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "weights": options.weights,
            "temporal": options.temporal,
            "stages_milliseconds": times,
            "peak_megabytes": peaks,
        }
        write_figures(options.json, figures, conditions)


if __name__ == "__main__":
    main()
