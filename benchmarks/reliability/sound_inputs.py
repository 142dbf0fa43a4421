"""Sound inputs beside photographs and films: weights, graphs, profiles, segments, hints, key frames, journals.

An input is a folder of files as somebody has it, the command that reads them, and a way to damage one of them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from benchmarks.reliability.damage import damage_bytes
from benchmarks.reliability.format_damage import (
    Random,
    choose,
    damage_json,
    damage_profile,
    damage_protobuf,
    damage_safetensors,
    damage_tensors,
    damage_zip,
)
from benchmarks.reliability.sound_files import write_film
from benchmarks.reliability.tiny_weights import add_tests

SIZE = (40, 56)  # height and width of pictures and films, in pixels
FRAMES, RATE, CUTS = 24, 5, (7, 15)  # of films: how many, a second, and with which their scenes begin
STOPPED_AFTER = 12  # frames
WEIGHTS = "weights/tiny.safetensors"
NETWORK = ("--weights", WEIGHTS, "--threads", "1")
FORMER_FORMAT = "colorize-generator/1"  # of weights files of earlier checkouts, which are read as before
Files = dict[str, bytes]
"""Relative path -> content."""


@dataclass(frozen=True)
class Input:
    """A sound input.

    Attributes:
        name: In the record.
        files: What lies in the folder.
        words: Of the command line.
        results: Relative paths of the results.
        damage: Changes one of the files; returns its relative path, and what was done.
        state: The folder that the command goes on from, which changes and, after a failure, stays; empty: none.
        is_exact: The results are, byte for byte, those of the sound input.
        keeps_lightness: The results are photographs, whose lightness is the source's, the first of the words.
    """

    name: str
    files: Files
    words: tuple[str, ...]
    results: tuple[str, ...]
    damage: Callable[[Files, Random], tuple[str, str]]
    state: str = ""
    is_exact: bool = False
    keeps_lightness: bool = False


def make_weights() -> list[Input]:
    """Return weights of our generator, and where torch is installed of one like DeOldify's, that colour a photo."""
    add_tests()
    from support.small_networks import LATENT, SMALL, small_tensors

    inputs = []
    for name, config in (("tiny", SMALL), ("latent", LATENT), ("half", SMALL), ("former", SMALL)):
        files = _weights_and_photo(config)
        tensors = small_tensors(config)
        if name == "half":
            tensors = {key: value.astype(np.float16) if value.ndim > 1 else value for key, value in tensors.items()}
            files[WEIGHTS] = _safetensors(tensors, _metadata(files[WEIGHTS]))
        if name == "former":
            files[WEIGHTS] = _safetensors(tensors, _metadata(files[WEIGHTS]) | {"format": FORMER_FORMAT})
        inputs.append(_colored(f"{name}.safetensors", files, _damage_weights))
    if importlib.util.find_spec("torch"):
        inputs.append(_make_pth())
    return inputs


def _colored(name: str, files: Files, damage: Callable[[Files, Random], tuple[str, str]]) -> Input:
    """Return the input that colours ``photo.png``."""
    return Input(name, files, ("photo.png", "-o", "out.png", *NETWORK), ("out.png",), damage, keeps_lightness=True)


def _damage_weights(files: Files, random: Random) -> tuple[str, str]:
    data = files[WEIGHTS]
    kind = int(random.integers(3))
    if kind == 0:
        done, data = damage_bytes(data, random)
    elif kind == 1:
        done, data = damage_safetensors(data, random)
    else:
        from safetensors.numpy import load

        done, tensors = damage_tensors(load(data), random)
        data = _safetensors(tensors, _metadata(data))
    files[WEIGHTS] = data
    return WEIGHTS, done


def _make_pth() -> Input:
    """Return weights like a user's of DeOldify, of a tiny network that stands for the published one in this process."""
    import torch
    from support.deoldify import TINY, tiny_state

    from colorize.network import KINDS

    state = tiny_state("deep")
    KINDS.update(TINY)

    def saved(content: Any) -> bytes:
        file = io.BytesIO()
        torch.save(content, file)
        return file.getvalue()

    def damage(files: Files, random: Random) -> tuple[str, str]:
        data = files["weights/mine.pth"]
        kind = int(random.integers(3))
        if kind == 0:
            done, data = damage_bytes(data, random)
        elif kind == 1:
            done, data = damage_zip(data, random, lambda _, content, random: damage_bytes(content, random))
        else:
            arrays = {name: value.numpy() for name, value in state.items()}
            done, tensors = damage_tensors(arrays, random)
            content: Any = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
            other = choose(random, (content, {"model": content}, [content], {"model": None}, {"model": [content]}))
            data, done = saved(other), f"{done}, in a {type(other).__name__}"
        files["weights/mine.pth"] = data
        return "weights/mine.pth", done

    files = {"photo.png": _png(_grey()), "weights/mine.pth": saved({"model": state})}
    words = ("photo.png", "-o", "out.png", "--weights", "weights/mine.pth", "--threads", "1", "--device", "cpu")
    words = (*words, "--render-size", "64")
    return Input("mine.pth", files, words, ("out.png",), damage, keeps_lightness=True)


def make_graphs() -> list[Input]:
    """Return weights with a stranger's graph beside them, that colour a photo."""
    add_tests()
    from support.small_networks import LATENT, SMALL

    return [
        _colored(f"graph of {name}", _weights_and_photo(config), _damage_graph)
        for name, config in (("tiny", SMALL), ("latent", LATENT))
    ]


def _damage_graph(files: Files, random: Random) -> tuple[str, str]:
    def within(name: str, content: bytes, random: Random) -> tuple[str, bytes]:
        if random.random() < 0.1:
            return damage_bytes(content, random)
        return damage_json(content, random) if name.endswith(".json") else damage_protobuf(content, random)

    path = next(name for name in files if name.endswith(".zip"))
    damage = damage_bytes if random.random() < 0.1 else lambda data, random: damage_zip(data, random, within)
    done, files[path] = damage(files[path], random)
    return path, done


def make_profiles() -> list[Input]:
    """Return photographs with an ICC profile of every form."""
    add_tests()
    from support.profiles import cmyk_profile, grey_profile, grey_table_profile, parametric_profile, rgb_profile
    from support.profiles import rgb_table_profile as table
    from support.small_networks import SMALL

    from colorize.color import srgb_profile

    grey = _grey()
    rgb = np.dstack([grey] * 3)
    parametric = parametric_profile(4, (2.4, 0.948, 0.052, 0.077, 0.04, 0.0, 0.0))
    photos = {
        "rgb.jpg": (Image.fromarray(rgb), rgb_profile()),
        "grey.jpg": (Image.fromarray(grey), grey_profile()),
        "cmyk.jpg": (Image.fromarray(rgb).convert("CMYK"), cmyk_profile()),
        "srgb.webp": (Image.fromarray(rgb), srgb_profile()),
        "parametric.png": (Image.fromarray(rgb), parametric),
        "table.png": (Image.fromarray(rgb), table("mft1", 5)),
        "grey_table.png": (Image.fromarray(grey), grey_table_profile()),
        "table.tif": (Image.fromarray(rgb), table("mft2", 5)),
        "grey.tif": (Image.fromarray(grey), grey_profile()),
        "rgb16.tif": (rgb.astype(np.uint16) * 257, rgb_profile()),
        "table16.tif": (rgb.astype(np.uint16) * 257, table("mAB", 5)),
        "grey16.tif": (grey.astype(np.uint16) * 257, grey_profile()),
    }
    return [_profiled(name, picture, profile, _weights_and_photo(SMALL)) for name, (picture, profile) in photos.items()]


def _profiled(name: str, picture: Image.Image | npt.NDArray, profile: bytes, files: Files) -> Input:
    """Return the input that colours a picture with a profile, which is damaged before it is written into the file."""

    def with_profile(profile: bytes) -> bytes:
        file = io.BytesIO()
        if isinstance(picture, np.ndarray):
            tifffile.imwrite(file, picture, metadata=None, iccprofile=profile)
        else:
            picture.save(file, Image.registered_extensions()[Path(name).suffix], icc_profile=profile, quality=95)
        return file.getvalue()

    def damage(files: Files, random: Random) -> tuple[str, str]:
        done, damaged = damage_profile(profile, random)
        files[name] = with_profile(damaged)
        return name, done

    del files["photo.png"]
    files[name] = with_profile(profile)
    result = f"out{Path(name).suffix}"
    return Input(name, files, (name, "-o", result, *NETWORK), (result,), damage, keeps_lightness=True)


def make_segments() -> list[Input]:
    """Return films that were stopped, with the segments that are finished, by temporal mode."""
    add_tests()
    from support.small_networks import SMALL

    inputs = []
    for mode in ("off", "fast"):
        files = _weights_and_film(SMALL)
        words = ("film.mp4", "-o", "out.mp4", "--temporal", mode, *NETWORK)
        files = _after(files, lambda mode=mode: _stop_film(mode))
        state = "out.mp4.segments"
        inputs.append(Input(f"segments, {mode}", files, words, ("out.mp4",), _damager(state), state, is_exact=True))
    return inputs


def _damager(folder: str) -> Callable[[Files, Random], tuple[str, str]]:
    """Return what damages a file of a folder, or takes it away, or puts another one in its place."""

    def damage(files: Files, random: Random) -> tuple[str, str]:
        names = sorted(name for name in files if name.startswith(f"{folder}/"))
        name = choose(random, names)
        if name.endswith(".json") and random.random() < 0.8:
            done, files[name] = damage_json(files[name], random)
            return name, done
        kind = int(random.integers(10))
        if kind == 0:
            del files[name]
            return name, "is gone"
        if kind == 1:
            other = choose(random, names)
            files[name] = files[other]
            return name, f"is what {other} is"
        done, files[name] = damage_bytes(files[name], random)
        return name, done

    return damage


def _stop_film(mode: str) -> None:
    """Colour the first frames of a film, as somebody does who presses Ctrl-C."""
    from colorize.batch import FileOptions, Job, colorize_files
    from colorize.engine import Colorizer
    from colorize.film import Progress, VideoOptions

    cancel = threading.Event()

    def follow(_: Path, progress: Progress) -> None:
        if progress.done >= STOPPED_AFTER:
            cancel.set()

    options = FileOptions(video=VideoOptions(temporal=mode, threads=1), progress=follow, cancel=cancel)
    job = Job(Path("film.mp4"), Path("out.mp4"))
    (outcome,) = colorize_files(Colorizer(WEIGHTS, threads=1), [job], options)
    assert outcome.status == "stopped", outcome


def make_hints() -> list[Input]:
    """Return hint files, as the page and ``--save-hints`` write them, and the photo that they are for."""
    add_tests()
    from support.small_networks import SMALL

    from colorize.engine import Hint, format_hints

    hints = [Hint(10, 20, "#7a1f1f"), Hint(30, 5, "#1f7a1f", 6), Hint(2, 2, "#2020c0", None, ((20, 30), (40, 8)))]
    files = _weights_and_photo(SMALL) | {"photo.hints.json": format_hints(hints, SIZE)}

    def damage(files: Files, random: Random) -> tuple[str, str]:
        change = damage_bytes if random.random() < 0.2 else damage_json
        done, files["photo.hints.json"] = change(files["photo.hints.json"], random)
        return "photo.hints.json", done

    words = ("photo.png", "-o", "out.png", "--hints", "photo.hints.json", *NETWORK)
    return [Input("hints", files, words, ("out.png",), damage, keeps_lightness=True)]


def make_key_frames() -> list[Input]:
    """Return a film with a folder of painted key frames, as ``--export-keyframes`` writes it."""
    add_tests()
    from support.small_networks import SMALL

    export = ("film.mp4", "-o", "keys", "--export-keyframes", "3", *NETWORK)
    files = _after(_weights_and_film(SMALL), lambda: _run_command(export))
    files = {name: data for name, data in files.items() if not name.startswith("keys/grey")}
    for name, suffix in zip(
        sorted(name for name in files if name.endswith(".png")), (".png", ".tif", ".jpg"), strict=False
    ):
        painted = io.BytesIO()
        with Image.open(io.BytesIO(files.pop(name))) as image:
            image.save(painted, Image.registered_extensions()[suffix])
        files[name.removesuffix(".png") + suffix] = painted.getvalue()
    words = ("film.mp4", "-o", "out.mp4", "--keyframes", "keys", *NETWORK)
    damage_file = _damager("keys")

    def damage(files: Files, random: Random) -> tuple[str, str]:
        if random.random() < 0.8:
            return damage_file(files, random)
        name = choose(random, sorted(name for name in files if name.startswith("keys/0")))
        other = choose(random, ("999999", "x", "1-2-3", "00-00-99.000", "000002", "", "9" * 30, "00-99-01"))
        place = f"keys/{other}{Path(name).suffix}"
        files[place] = files.pop(name)
        return place, f"is the name of {name}"

    return [Input("key frames", files, words, ("out.mp4",), damage)]


def make_journals() -> list[Input]:
    """Return a list of photographs, of which half are coloured, with its journal."""
    add_tests()
    from support.small_networks import SMALL

    photos = {f"photo{number}.png": _png(np.roll(_grey(), number, 1)) for number in range(6)}
    files = _weights_and_photo(SMALL) | photos
    del files["photo.png"]
    words = ("--files", "list.csv", "-o", "out", *NETWORK)

    def two_runs() -> None:
        for count in (2, 4):
            Path("list.csv").write_text("\n".join(["file", *list(photos)[:count]]), encoding="utf-8")
            _run_command(words)

    files = _after(files, two_runs)
    files["list.csv"] = "\n".join(["file", *photos]).encode()
    state = "out/colorize-journal"
    for name in [name for name in files if name.startswith(f"{state}/")]:
        if not name.endswith((".jsonl", "settings.json")):
            del files[name]  # a lock, and reports
        elif name.endswith(".jsonl"):  # times are others each time
            lines = [json.loads(line) for line in files[name].splitlines()]
            steady = [line | {"seconds": 0.1, "ended": 1e9} if "ended" in line else line for line in lines]
            files[name] = "".join(json.dumps(line) + "\n" for line in steady).encode()
    last = max(name for name in files if name.endswith(".jsonl"))
    files[f"{last}.open"] = files.pop(last)  # as where the run was killed
    damage_file = _damager(state)

    def damage(files: Files, random: Random) -> tuple[str, str]:
        if random.random() < 0.4:
            return damage_file(files, random)
        name = choose(random, sorted(name for name in files if ".jsonl" in name))
        lines = files[name].splitlines()
        place = int(random.integers(len(lines)))
        done, lines[place] = damage_json(lines[place], random)
        files[name] = b"\n".join(lines) + b"\n"
        return name, f"line {place + 1}: {done}"

    results = tuple(f"out/{name}" for name in photos)
    return [Input("a journal", files, words, results, damage, state, is_exact=True)]


MAKERS: dict[str, Callable[[], list[Input]]] = {
    "weights": make_weights,
    "graphs": make_graphs,
    "profiles": make_profiles,
    "segments": make_segments,
    "hints": make_hints,
    "keyframes": make_key_frames,
    "journals": make_journals,
}
"""Part -> what makes its sound inputs."""


def write_files(folder: Path, files: Files) -> None:
    """Empty a folder and write files into it."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def read_files(folder: Path) -> Files:
    """Return the files of a folder and of those in it."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}


def _after(files: Files, run: Callable[[], None]) -> Files:
    """Return the files that are there after something was run in a folder of them."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), files)
        with _within(folder):
            run()
        return read_files(Path(folder))


@contextlib.contextmanager
def _within(folder: str) -> Iterator[None]:
    """Work in a folder within the context."""
    former = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(former)


def _run_command(words: tuple[str, ...]) -> None:
    from colorize.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = main(words)
    assert status == 0, said.getvalue()


def _weights_and_photo(config: Any) -> Files:
    """Return weights of a tiny network with its graph, and ``photo.png``."""
    return {"photo.png": _png(_grey()), **_tiny_weights(config)}


def _weights_and_film(config: Any) -> Files:
    """Return weights of a tiny network with its graph, and ``film.mp4``."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    pictures = []
    for index in range(FRAMES):
        scene = sum(index >= cut for cut in CUTS)
        light = 128 + 100 * np.sin((columns + 2 * index) / (5 + 4 * scene) + scene) * np.cos(rows / (9 - 2 * scene))
        pictures.append(light.astype(np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        write_film(Path(folder, "film.mp4"), "libx264", pictures, RATE)
        return {**read_files(Path(folder)), **_tiny_weights(config)}


def _tiny_weights(config: Any) -> Files:
    from support.small_networks import write_small_weights

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "weights").mkdir()
        write_small_weights(Path(folder, WEIGHTS), config)
        files = read_files(Path(folder))
    metadata = _metadata(files[WEIGHTS])
    from safetensors.numpy import load

    return files | {WEIGHTS: _safetensors(load(files[WEIGHTS]), metadata)}


def _metadata(data: bytes) -> dict[str, str]:
    """Return the description in a safetensors file."""
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]


def _safetensors(tensors: dict[str, npt.NDArray], metadata: dict[str, str]) -> bytes:
    """Return the same safetensors file each time."""
    from safetensors.numpy import save

    from colorize.network import metadata_in_order

    return metadata_in_order(save(tensors, metadata))


def _grey() -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return ((rows * 3 + columns * 2 + 25 * np.sin(columns / 4)) % 256).astype(np.uint8)


def _png(picture: npt.NDArray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
