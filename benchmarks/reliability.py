"""Damaged files: thousands of photographs or films with something wrong, and what became of each; a table.

    python -m benchmarks.reliability photos --count 5000 --folder runs/photos
    python -m benchmarks.reliability photos --count 500 --weights stable --folder runs/released
    python -m benchmarks.reliability films --count 1000 --seconds 600 --folder runs/films

Sound files of every format are made, and each case changes one of them: bytes flipped, cut off, overwritten, moved,
repeated or made extreme where headers are. Real readers, pipelines and writers take it; the network is a formula unless
``--weights`` says otherwise. A case is its number: the same file in every run. What is done is kept in the folder, so
the same command goes on after a stop, and ``--seconds`` ends a run early.

Wrong is: the process ends (a crash), a file takes longer than the limit (a hang), a file is left behind that is not a
whole result (a partial output), the source changes, "done" without a result that another decoder reads, a failure
without a line that names the file, or an error that nobody expected. The exit status is 1 if there was any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path

import av
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.video.stream import VideoStream
from PIL import Image

from colorize.base import CODECS, CONTAINERS, PHOTO_FORMATS, READ_ONLY_SUFFIXES, scheduling_kept
from colorize.batch import FileOptions, Job, PhotoOptions, colorize_files
from colorize.color import Floats
from colorize.engine import Colorizer
from colorize.film import VideoOptions
from colorize.photo import Photo, write_photo

SIZE = (72, 96)  # height and width of what is damaged, in pixels
FRAMES, RATE = 12, 25  # of films, and how many a second
SOUND = {".webm": "libopus", ".avi": "mp2", ".mpg": "mp2", ".ts": "mp2"}  # suffix -> encoder
LIMITS = {"photos": 10.0, "films": 60.0}  # seconds that a file may take
PATIENCE = 60  # times as long may a file take on a machine that is busy with other things
MAX_LINE = 500  # characters of a message
HEADER = 512  # bytes at a file's beginning that are damaged more often than others
TWICE = 0.3  # how often a damage is followed by another
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01")
UNEXPECTED = re.compile(r"unexpected \w*(Error|Exception)|Traceback|object at 0x")


@dataclass(frozen=True)
class Case:
    """What became of a damaged file.

    Attributes:
        number: Of the case.
        seed: Name of the sound file that was damaged.
        damage: What was done to it.
        status: ``done``, ``skipped`` or ``failed``, or what was wrong: ``crash`` or ``hang``.
        message: The line for the user.
        seconds: What it took.
        wrong: What was wrong; empty: nothing.
    """

    number: int
    seed: str
    damage: str
    status: str
    message: str
    seconds: float
    wrong: str


class Formula:
    """A network that colours by the lightness alone; it costs nothing and has no weights."""

    stride, render_size, takes_hints, latent_dim, runtime = 32, 64, False, 0, "a formula"
    bottleneck = None

    def fingerprint(self) -> str:
        """Return digits that are always the same."""
        return "0" * 64

    def encode(self, inputs: Floats) -> Formula:
        """Return itself: it has seen nothing."""
        return self

    def feature_maps(self) -> tuple[Floats, ...]:
        """Return none."""
        return ()

    def with_bottleneck(self, bottleneck: Floats) -> Formula:
        """Return itself, which offers none."""
        return self

    def decode(self, inputs: Floats, features: object, latent: Floats | None = None) -> Floats:
        """Return warm light and cool shadows, (n, h, w, 2)."""
        return np.stack([inputs[:, 0] * 0.2, inputs[:, 0] * 0.4], axis=-1)


def make_photos() -> dict[str, bytes]:
    """Return sound grey photographs by name: every format that is written, in the depths that it holds."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    grey = ((rows * 2 + columns + 20 * np.sin(columns / 3)) % 256).astype(np.uint8)
    rgb = np.dstack([grey] * 3)
    pictures: dict[str, npt.NDArray] = {"grey": grey, "rgb": rgb, "grey16": grey.astype(np.uint16) * 257}
    photos: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in {format: suffix for suffix, format in reversed(PHOTO_FORMATS.items())}.values():
            for name, picture in pictures.items():
                path = Path(folder) / f"{name}{suffix}"
                write_photo(path, Photo(picture))
                photos[path.name] = path.read_bytes()
    image = Image.fromarray(grey)
    for name, options in {
        "progressive.jpg": {"progressive": True, "exif": _exif()},
        "optimized.png": {"optimize": True},
        "group4.tif": {"compression": "group4"},
        "lzw.tif": {"compression": "tiff_lzw"},
        "jpeg.tif": {"compression": "jpeg"},
        "pages.tif": {"save_all": True, "append_images": [image, image]},
        "turned.tif": {"exif": _exif()},
    }.items():
        file = BytesIO()
        (image.convert("1") if "group4" in name else image).save(file, _format(name), **options)  # type: ignore[arg-type]
        photos[name] = file.getvalue()
    return photos | _make_rare_photos(grey)


def _make_rare_photos(grey: npt.NDArray[np.uint8]) -> dict[str, bytes]:
    """Return a grey photograph by name as scanners, archives and catalogues write it too."""
    deep = grey.astype(np.uint16) * 257
    rgb = np.dstack([deep] * 3)
    is_dng = (50706, 1, 4, b"\1\4\0\0", True)  # DNGVersion
    jpeg, gif = BytesIO(), BytesIO()
    Image.fromarray(grey).convert("CMYK").save(jpeg, "JPEG")
    Image.fromarray(grey).save(gif, "GIF")
    photos = {
        "cmyk.jpg": jpeg.getvalue(),
        "grey.gif": gif.getvalue(),
        "grey.jls": imagecodecs.jpegls_encode(deep),
        "grey.pgm": b"P5 %d %d 65535\n" % (SIZE[1], SIZE[0]) + deep.astype(">u2").tobytes(),
        "stream.j2k": imagecodecs.jpeg2k_encode(rgb, level=0, reversible=True, codecformat="j2k"),
    }
    tiffs: dict[str, tuple[npt.NDArray, dict]] = {
        "scanner.dng": (rgb, {"photometric": 34892, "extratags": [is_dng]}),
        "infrared.tif": (np.dstack([rgb, deep]), {"photometric": "rgb", "extrasamples": ["unspecified"]}),
        "planes.tif": (np.moveaxis(rgb, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        "float.tif": ((grey / 255).astype(np.float32), {"compression": "adobe_deflate", "predictor": True}),
        "signed.tif": ((deep >> 1).astype(np.int16), {"tile": (32, 32)}),
        "big.tif": (255 - grey, {"photometric": "miniswhite", "bigtiff": True, "byteorder": ">"}),
        "cmyk.tif": (255 - np.dstack([rgb >> 8, rgb[..., :1] >> 8]).astype(np.uint8), {"photometric": "separated"}),
        "lab.tif": (np.dstack([deep, deep * 0, deep * 0]), {"photometric": "cielab"}),
        "jpeg_xl.tif": (grey, {"compression": "jpegxl"}),
        **{
            f"{name}.tif": (rgb, {"photometric": "rgb", "compression": name, "rowsperstrip": 16})
            for name in ("zstd", "lzma", "packbits", "lerc", "jpeg2000")
        },
        "webp.tif": ((rgb >> 8).astype(np.uint8), {"photometric": "rgb", "compression": "webp"}),
    }
    for name, (picture, options) in tiffs.items():
        file = BytesIO()
        tifffile.imwrite(file, picture, metadata=None, **options)
        photos[name] = file.getvalue()
    packed = np.unpackbits((deep >> 4).astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, 4:]
    photos["grey12.tif"] = _tiff_of_12_bits(np.packbits(packed.reshape(-1)).tobytes())
    for name in ("group3", "tiff_ccitt"):
        file = BytesIO()
        Image.fromarray(grey).convert("1").save(file, "TIFF", compression=name)
        photos[f"{name}.tif"] = file.getvalue()
    return photos


def _tiff_of_12_bits(data: bytes) -> bytes:
    """Return a TIFF of packed grey samples of 12 bits, in one strip."""
    height, width = SIZE
    tags = (
        (256, width),
        (257, height),
        (258, 12),
        (259, 1),
        (262, 1),
        (273, 0),
        (277, 1),
        (278, height),
        (279, len(data)),
    )
    start = 8 + 2 + 12 * len(tags) + 4
    entries = (struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries) + bytes(4) + data


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a box of photographs"
    return exif


def _format(name: str) -> str:
    return PHOTO_FORMATS[Path(name).suffix]


def make_films() -> dict[str, bytes]:
    """Return sound grey films with sound by name: every container that is written with its codecs, and older ones."""
    encoders = {
        f"{codec}{suffix}": CODECS[codec].encoder
        for suffix, container in CONTAINERS.items()
        if suffix != ".m4v"
        for codec in container.codecs
    }
    encoders |= {"mpeg4.avi": "mpeg4", "mjpeg.avi": "mjpeg", "mpeg2.mpg": "mpeg2video", "mpeg2.ts": "mpeg2video"}
    films: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, encoder in encoders.items():
            path = Path(folder) / name
            try:
                with scheduling_kept():
                    _write_film(path, encoder)
            except (FFmpegError, ValueError):
                continue  # this PyAV lacks it
            films[name] = path.read_bytes()
    return films


def _write_film(path: Path, encoder: str) -> None:
    with av.open(str(path), "w") as film:
        pictures = film.add_stream(encoder, rate=RATE)
        assert isinstance(pictures, VideoStream)
        pictures.height, pictures.width = SIZE
        pictures.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
        sound = film.add_stream(SOUND.get(path.suffix, "aac"), rate=48000)
        assert isinstance(sound, AudioStream)
        for index in range(FRAMES):
            grey = np.roll(np.arange(SIZE[0] * SIZE[1]).astype(np.uint8).reshape(SIZE), index, 1)
            frame = av.VideoFrame.from_ndarray(np.dstack([grey] * 3), "rgb24").reformat(format=pictures.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            film.mux(pictures.encode(frame))
        film.mux(pictures.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000 * FRAMES // RATE), np.int16), "s16", "mono")
        silence.sample_rate, silence.pts = 48000, 0
        resampler = av.AudioResampler(sound.format, sound.layout, 48000, sound.codec_context.frame_size or 960)
        for part in resampler.resample(silence):
            film.mux(sound.encode(part))
        film.mux(sound.encode(None))


def _flip(data: bytearray, random: np.random.Generator) -> str:
    count = int(random.integers(1, 20))
    for place in random.integers(0, len(data), count):
        data[place] ^= 1 << int(random.integers(8))
    return f"{count} bits"


def _header(data: bytearray, random: np.random.Generator) -> str:
    place = int(random.integers(0, min(HEADER, len(data))))
    data[place] = int(random.integers(256))
    return f"byte {place}"


def _extreme(data: bytearray, random: np.random.Generator) -> str:
    place = int(random.integers(0, min(2 * HEADER, len(data))))
    data[place : place + 4] = EXTREMES[int(random.integers(len(EXTREMES)))]
    return f"an extreme number at {place}"


def _cut(data: bytearray, random: np.random.Generator) -> str:
    place = int(random.integers(0, len(data)))
    del data[place:]
    return f"cut off after {place}"


def _remove(data: bytearray, random: np.random.Generator) -> str:
    begin, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    del data[begin : begin + length]
    return f"{length} bytes gone from {begin}"


def _blank(data: bytearray, random: np.random.Generator) -> str:
    begin, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    data[begin : begin + length] = bytes(len(data[begin : begin + length]))
    return f"{length} zeros from {begin}"


def _repeat(data: bytearray, random: np.random.Generator) -> str:
    begin, length = int(random.integers(0, len(data))), int(random.integers(1, 400))
    data[begin:begin] = data[begin : begin + length]
    return f"{length} bytes twice from {begin}"


DAMAGES: tuple[Callable[[bytearray, np.random.Generator], str], ...] = (
    *(_flip, _header, _header, _extreme, _extreme),
    *(_cut, _remove, _blank, _repeat),
)


def damaged(seeds: dict[str, bytes], number: int) -> tuple[str, str, bytes]:
    """Return the name of a case's sound file, what was done to it, and the damaged file."""
    random = np.random.default_rng(number)
    name = sorted(seeds)[number % len(seeds)]
    data = bytearray(seeds[name])
    words = [
        DAMAGES[int(random.integers(len(DAMAGES)))](data, random) for _ in range(int(random.integers(1, 3))) if data
    ]
    return name, ", ".join(words), bytes(data)


def serve(connection: Connection, kind: str, weights: str | None, folder: Path) -> None:
    """Take the numbers of cases from a connection and send what became of each; runs in a process of its own."""
    seeds = make_photos() if kind == "photos" else make_films()
    connection.send(sorted(seeds))
    colorizer = Colorizer(weights) if weights else Colorizer(Formula())
    options = FileOptions(
        photo=PhotoOptions(overwrite=True), video=VideoOptions(overwrite=True, preset=None), force=False
    )
    while (number := connection.recv()) is not None:
        name, damage, data = damaged(seeds, number)
        connection.send(asdict(run_case(colorizer, options, folder, number, name, damage, data)))


def run_case(
    colorizer: Colorizer, options: FileOptions, folder: Path, number: int, name: str, damage: str, data: bytes
) -> Case:
    """Colour a damaged file in an empty folder and return what became of it."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    source = folder / f"case{Path(name).suffix}"
    source.write_bytes(data)
    target = (folder / "out" / source.name).with_suffix(result_suffix(source.suffix))
    start = time.perf_counter()
    outcome = next(iter(colorize_files(colorizer, [Job(source, target)], options)))
    seconds = time.perf_counter() - start
    wrong = []
    left = sorted(path.name for path in (folder / "out").iterdir())
    if outcome.status == "failed" and "segments stay" in outcome.message:
        left.remove(f"{target.name}.segments")
    has_result = outcome.status == "done" or (
        target.name in left and str(target) in outcome.message
    )  # of a cut-off film
    if left != ([target.name] if has_result else []):
        wrong.append(f"{outcome.status}, but {left or 'nothing'} is there")
    elif has_result and (problem := unreadable(target)):
        wrong.append(f"{outcome.status}, but the result cannot be read: {problem}")
    if hashlib.sha256(source.read_bytes()).digest() != hashlib.sha256(data).digest():
        wrong.append("the source changed")
    for line in (outcome.message, *outcome.notes):
        if str(source) not in line and source.name not in line:
            wrong.append(f"a line does not name the file: {line!r}")
        if len(line) > MAX_LINE or "\n" in line or UNEXPECTED.search(line):
            wrong.append(f"not a line for users: {line!r}")
    return Case(number, name, damage, outcome.status, outcome.message, seconds, "; ".join(wrong))


def result_suffix(suffix: str) -> str:
    """Return the suffix of a file's result."""
    if suffix in (*PHOTO_FORMATS, *CONTAINERS):
        return suffix
    return READ_ONLY_SUFFIXES.get(suffix, ".png" if suffix in (".gif", ".dng") else ".mp4")


def unreadable(path: Path) -> str:
    """Return why another decoder does not read a result to its end; empty: it does."""
    try:
        if path.suffix in CONTAINERS:
            with av.open(str(path)) as film:
                return "" if sum(1 for _ in film.decode(video=0)) else "no frame"
        if PHOTO_FORMATS.get(path.suffix) in Image.SAVE:
            with Image.open(path) as image:
                image.load()
        return ""
    except Exception as error:  # whatever another decoder raises
        return f"{type(error).__name__}: {error}"


def seconds_computed(process: int | None) -> float:
    """Return the seconds for which a process has computed, since on a busy machine time passes without it.

    Where that is not told (elsewhere than in Linux), it is said to compute all the time.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8", "replace")
    except FileNotFoundError:
        return time.perf_counter()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Worker:
    """The process that colours, which is started anew when it crashed or hangs."""

    def __init__(self, kind: str, weights: str | None, folder: Path, limit: float) -> None:
        self._arguments = (kind, weights, folder)
        self._limit = limit
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, *self._arguments), daemon=True)
        self._process.start()
        other.close()
        self.seeds: list[str] = self._connection.recv()

    def run(self, number: int) -> Case:
        """Return what became of a case."""
        start, computed = time.perf_counter(), seconds_computed(self._process.pid)
        self._connection.send(number)
        try:
            while True:
                if self._connection.poll(self._limit):
                    return Case(**self._connection.recv())
                seconds = time.perf_counter() - start
                if seconds > PATIENCE * self._limit or seconds_computed(self._process.pid) - computed > self._limit / 2:
                    break
            status = "hang"
        except (EOFError, ConnectionError):
            status = "crash"
        self.stop()
        code = self._process.exitcode
        self._start()
        name = self.seeds[number % len(self.seeds)]
        seconds = time.perf_counter() - start
        return Case(number, name, "", status, "", seconds, f"{status}, exit code {code}")

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def run_cases(options: argparse.Namespace) -> Iterator[Case]:
    """Yield what became of each case, those of earlier runs first."""
    record = options.folder / f"{options.kind}.jsonl"
    options.folder.mkdir(parents=True, exist_ok=True)
    known = [Case(**json.loads(line)) for line in record.read_text("utf-8").splitlines()] if record.exists() else []
    yield from known
    begin = time.monotonic()
    worker: Worker | None = None
    try:
        for number in sorted(set(range(options.count)) - {case.number for case in known}):
            if options.seconds is not None and time.monotonic() - begin > options.seconds:
                return
            worker = worker or Worker(
                options.kind, options.weights, (options.folder / "case").absolute(), LIMITS[options.kind]
            )
            case = worker.run(number)
            with record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(case)) + "\n")
            yield case
    finally:
        if worker is not None:
            worker.stop()


def kind_of(message: str) -> str:
    """Return a message without what differs from file to file: names and numbers."""
    words = re.sub(r"^\S*case\.\w+", "FILE", message)
    words = re.sub(r"\([^()]*\)|'[^']*'", "(...)", words)
    return re.sub(r"\d+(\.\d+)?", "N", words)[:110]


def main() -> None:
    """Colour the damaged files and print the table."""
    parser = argparse.ArgumentParser(description="Colour damaged files and look at what becomes of them.")
    parser.add_argument("kind", choices=tuple(LIMITS))
    parser.add_argument("--count", type=int, default=5000, help="cases (default: 5000)")
    parser.add_argument("--folder", type=Path, required=True, help="for the files and the record of what is done")
    parser.add_argument("--seconds", type=float, help="stop after so many; the same command goes on")
    parser.add_argument("--weights", help="released name or file; default: a formula")
    options = parser.parse_args()
    cases = list(run_cases(options))
    print(f"{len(cases)} of {options.count} {options.kind}, slowest {max((c.seconds for c in cases), default=0):.1f} s")
    for status, count in Counter(case.status for case in cases).most_common():
        print(f"{count:6} {status}")
    print("kinds of refusals:")
    for words, count in Counter(kind_of(case.message) for case in cases if case.status == "failed").most_common(40):
        print(f"{count:6} {words}")
    wrong = [case for case in cases if case.wrong]
    for case in wrong:
        print(f"WRONG {case.number} {case.seed} ({case.damage}): {case.wrong}")
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
