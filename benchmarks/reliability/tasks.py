"""What is killed: a film, a folder of photographs, a download, a training run; and how far each of them was."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from benchmarks.reliability.sound_files import make_photos, write_film
from benchmarks.reliability.tiny_weights import add_tests

FRAMES, RATE, SIZE = 40, 5, (72, 96)  # of the film: how many, a second, and height and width in pixels
CUTS = (7, 15, 29)  # frames with which its scenes begin
COMMAND = "colorize.cli.command:main"
TEMPORAL = ("off", "fast", "best")
SUBTITLES = "1\n00:00:01,000 --> 00:00:03,000\nOne.\n\n2\n00:00:05,000 --> 00:00:07,000\nTwo.\n"
DOWNLOAD_BYTES, DOWNLOAD_PAUSE = 4 << 20, 0.004  # and seconds before each of its blocks
TRAINING_PHOTOS, EPOCHS = 9, 4  # of a training run, whose epochs have one step each
PHOTOS = ("grey.jpg", "rgb.png", "grey16.tif", "pages.tif", "grey.webp", "rgb.jpg", "cmyk.jpg", "grey.gif")


@dataclass(frozen=True)
class Variant:
    """One way to run a task's command.

    Attributes:
        name: In the table.
        function: ``module:function`` that takes the words.
        words: Of the command line; ``{work}`` is the folder of the case, ``{weights}`` the weights,
            ``{address}`` that of the file to download.
        meanwhile: What happens in the folder between the kills and the same command; None: nothing.
        result: File that stays if it was there before that happened; the command then fails, and says ``said``.
        said: A part of that line.
    """

    name: str
    function: str
    words: tuple[str, ...]
    meanwhile: Callable[[Path], None] | None = None
    result: str = ""
    said: str = ""


@contextmanager
def serving() -> Iterator[str]:
    """Serve the file that is downloaded within the context, and yield its address."""
    add_tests()
    from support.server import Behaviour, serve

    with serve(Behaviour(content_of_download(), pause=DOWNLOAD_PAUSE)) as address:
        yield f"{address}/file"


def content_of_download() -> bytes:
    """Return the bytes of the file that is downloaded."""
    return np.random.default_rng(0).bytes(DOWNLOAD_BYTES)


def download(words: Sequence[str]) -> int:
    """Download a file, as ``colorize-weights get`` does; the command of a task.

    Args:
        words: Address and path.
    """
    from colorize.network import Source, fetch

    content = content_of_download()
    fetch(Source(words[0], len(content), hashlib.sha256(content).hexdigest()), Path(words[1]))
    return 0


def download_state(work: Path) -> str:
    """Return how far a download has come."""
    part = work / "cache" / ".weights.bin.part"
    if (work / "cache" / "weights.bin").exists():
        return "finished"
    if not part.exists():
        return "before the first byte"
    return "whole, without its name" if part.stat().st_size == DOWNLOAD_BYTES else "in the file"


def make_training_photos(folder: Path) -> None:
    """Make the photographs of a training run in the folder ``photos``."""
    add_tests()
    from support.photos import write_photos

    write_photos(folder / "photos", TRAINING_PHOTOS, side=64)


def train(words: Sequence[str]) -> int:
    """Train a tiny generator for some epochs, as ``training.pretrain_generator`` does; the command of a task.

    Args:
        words: Folder of the photographs, that of the run, and the largest part of a checkpoint in MiB (0: one file).
    """
    add_tests()
    from support.narrow import narrow_encoders
    from support.runs import SMALL, small_run
    from support.small_networks import NARROW

    from training.config import PretrainConfig
    from training.objective import LossWeights
    from training.pretrain_generator import pretrain

    photos, output, mib = words
    run = small_run(Path(photos), Path(output), samples=(2 * EPOCHS,), epoch_steps=1, split_mib=float(mib))
    losses = LossWeights(perceptual=0, distillation=0)
    with narrow_encoders():
        pretrain(PretrainConfig(run, losses, NARROW, SMALL.decoder_widths), "a training run")
    return 0


def training_state(work: Path) -> str:
    """Return how far a training run has come."""
    out = work / "run"
    if not any(out.glob("checkpoint.pt*")):
        return "before the first checkpoint"
    return "in the last epochs" if (out / f"samples-{EPOCHS - 1:04d}.png").exists() else "between checkpoints"


@dataclass(frozen=True)
class Task:
    """What is killed.

    Attributes:
        name: On the command line.
        variants: Ways to run it, taken by turns.
        make: Makes the sources in a folder.
        state: Says how far the work in a folder has come.
        modules: What it imports, so that it is there when a case begins.
        history: Pattern of relative paths of files that tell of the runs, and so are others each time; empty: none.
        check: Raises ``AssertionError`` where what an uninterrupted command leaves is not what it should be.
    """

    name: str
    variants: tuple[Variant, ...]
    make: Callable[[Path], None]
    state: Callable[[Path], str]
    modules: Sequence[str]
    history: str = ""
    check: Callable[[Path], None] = lambda _: None

    def is_compared(self, name: str) -> bool:
        """Return whether a file, by its relative path, is the same whenever the command has run."""
        return not self.history or re.fullmatch(self.history, name) is None


def make_film(folder: Path, seed: int = 0) -> None:
    """Make the film with sound and subtitles, ``film.mkv``, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    plain, subtitles = folder / "plain.mp4", folder / "subtitles.srt"
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    noise = np.random.default_rng(seed).normal(0, 4, SIZE)
    pictures = []
    for index in range(FRAMES):
        scene = sum(index >= cut for cut in CUTS) + seed
        light = 128 + 70 * np.sin((columns + 3 * index) / (6 + 3 * scene) + scene) * np.cos(rows / (9 - scene)) + noise
        pictures.append(np.clip(light, 0, 255).astype(np.uint8))
    write_film(plain, "libx264", pictures, RATE)
    subtitles.write_text(SUBTITLES, encoding="utf-8")
    with av.open(str(plain)) as film, av.open(str(subtitles)) as texts, av.open(str(folder / "film.mkv"), "w") as out:
        inputs = [
            (source, {stream.index: out.add_stream_from_template(stream) for stream in source.streams})
            for source in (film, texts)
        ]
        for source, streams in inputs:
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
    plain.unlink()
    subtitles.unlink()


def film_state(work: Path) -> str:
    """Return how far a film has come: in words that hold for many moments."""
    segments = work / "out.mp4.segments"
    if (work / "out.mp4").exists():
        return "finished, segments not removed" if segments.exists() else "finished"
    if not segments.exists():
        return "before the segments"
    if (segments / "film.unfinished").exists():
        return "joining"
    count = len(list(segments.glob("*.npz")))
    videos = len(list(segments.glob("*.nut")))
    if videos > count:
        return "between a segment's video and its record"
    return "in a later segment" if count else "in the first segment"


def check_film(work: Path) -> None:
    """Check that the finished film has every frame once, its sound and its subtitles."""
    with av.open(str(work / "out.mp4")) as film:
        kinds = {stream.type for stream in film.streams}
        assert kinds == {"video", "audio", "subtitle"}, kinds
        times = [frame.pts * frame.time_base for frame in film.decode(video=0) if frame.pts is not None]
    assert [round(float(time - times[0]) * RATE) for time in times] == list(range(FRAMES)), times


def make_two_films(folder: Path) -> None:
    """Make the film, and ``other.mkv``, another one of its form, in a folder."""
    make_film(folder, seed=1)
    (folder / "film.mkv").rename(folder / "other.mkv")
    make_film(folder)


def replace_film(work: Path) -> None:
    """Put the other film in the place of the source."""
    (work / "other.mkv").replace(work / "film.mkv")


def _film_variants(name: str, meanwhile: Callable[[Path], None] | None) -> tuple[Variant, ...]:
    words = ("{work}/film.mkv", "-o", "{work}/out.mp4", "--weights", "{weights}", "--threads", "1", "--temporal")
    return tuple(
        Variant(f"{name}, {mode}", COMMAND, (*words, mode), meanwhile, "out.mp4", "exists already") for mode in TEMPORAL
    )


def make_folder_of_photos(folder: Path) -> None:
    """Make photographs of several formats in the folder ``photos``."""
    photos = make_photos()
    (folder / "photos").mkdir(parents=True)
    for name in PHOTOS:
        (folder / "photos" / name).write_bytes(photos[name])
    (folder / "list.csv").write_text("\n".join(["file", *(f"photos/{name}" for name in PHOTOS)]), encoding="utf-8")


def photos_state(work: Path) -> str:
    """Return whether a photograph was at work when the command was killed."""
    names = [path.name for path in (work / "out").rglob("*")]
    done = sum(Path(name).suffix in (".jpg", ".png", ".tif", ".webp") for name in names)
    doing = any(name.startswith(".") for name in names)
    where = "before the first photo" if not done else "after the last photo" if done == len(PHOTOS) else "among photos"
    return f"{where}, in a file" if doing else where


FILM_MODULES = (
    *("colorize.cli.command", "colorize.batch.files", "colorize.engine.colorizer", "colorize.film.video_colorizer"),
    *("colorize.film.contact", "colorize.network.onnx_runtime"),
)
_PHOTO_WORDS = ("-o", "{work}/out", "--weights", "{weights}", "--threads", "1")

TASKS = {
    task.name: task
    for task in (
        Task(
            "films",
            _film_variants("film", None),
            make_film,
            film_state,
            FILM_MODULES,
            check=check_film,
        ),
        Task(
            "replaced",
            _film_variants("source replaced", replace_film),
            make_two_films,
            film_state,
            FILM_MODULES,
            check=check_film,
        ),
        Task(
            "photos",
            (
                Variant("folder", COMMAND, ("{work}/photos", "--skip-existing", *_PHOTO_WORDS)),
                Variant("list with a journal", COMMAND, ("--files", "{work}/list.csv", *_PHOTO_WORDS)),
            ),
            make_folder_of_photos,
            photos_state,
            (
                "colorize.cli.command",
                "colorize.cli.long_run",
                "colorize.batch.files",
                "colorize.network.onnx_runtime",
                "tifffile",
            ),
            history=r"out/colorize-journal/[^.].*",
        ),
        Task(
            "downloads",
            (Variant("download", f"{__name__}:download", ("{address}", "{work}/cache/weights.bin")),),
            lambda folder: folder.mkdir(),
            download_state,
            ("colorize.network.downloads",),
        ),
        Task(
            "training",
            tuple(
                Variant(name, f"{__name__}:train", ("{work}/photos", "{work}/run", mib))
                for name, mib in (("checkpoints in one file", "0"), ("checkpoints in parts", "0.1"))
            ),
            make_training_photos,
            training_state,
            ("training.pretrain_generator",),
            history=r"run/(history\.csv|tensorboard/.*)",
        ),
    )
}
"""Name on the command line -> the task."""
