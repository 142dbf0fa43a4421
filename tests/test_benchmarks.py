"""The benchmarks run, on a picture or two with a small network, and say figures; and a photo's peak memory.

What the figures are is a matter of the machine; only of memory a limit is held.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.videos import VideoRecipe, make_video

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
SAMPLES = [ROOT / "samples" / name for name in ("astronaut.jpg", "coffee.jpg")]
MAX_MEGABYTES = 2500
"""Peak of the command with a photo of 100 megapixels. Measured: 2223, of which 780 are the program and its libraries;
the rest is 14 bytes a pixel: the picture that was read and the one that is made, grey and RGB, in memory and in the
coders. One more float32 plane would be 400."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two small photographs in colour."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in SAMPLES:
        Image.open(path).reduce(4).save(folder / f"{path.stem}.png")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> str:
    """Run a benchmark as a command in this process; return what it needs to be told."""
    module = importlib.import_module(f"benchmarks.{name}")
    monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
    module.main()
    return name


def numbers(value: Any) -> list[float]:
    """Return all numbers in a JSON value."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, dict):
        value = list(value.values())
    return [number for item in value for number in numbers(item)] if isinstance(value, list) else [value]


def test_hints(monkeypatch, tmp_path, photos, weights_file):
    run(monkeypatch, "hints", photos, "--weights", weights_file, "--pictures", 2, "--json", tmp_path / "a.json")
    assert numbers(json.loads((tmp_path / "a.json").read_text()))


@pytest.mark.torch
def test_candidates(monkeypatch, tmp_path, photos, weights_file):
    import torch
    import torchvision
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = torchvision.models.mobilenet_v2().state_dict()
    state = {name: value for name, value in state.items() if "tracked" not in name}
    save_file(state, tmp_path / "teacher.safetensors", {"architecture": "torchvision.models.mobilenet_v2"})
    options = ["--weights", weights_file, "--pictures", 2, "--candidates", 2, "--json", tmp_path / "a.json"]
    run(monkeypatch, "candidates", photos, "--feature-network", tmp_path / "teacher.safetensors", *options)
    assert numbers(json.loads((tmp_path / "a.json").read_text()))


def test_temporal(monkeypatch, tmp_path, weights_file):
    film = make_video(tmp_path / "a.mp4", VideoRecipe(frames=12))
    run(monkeypatch, "temporal", film, "--weights", weights_file, "--frames", 12, "--json", tmp_path / "a.json")
    rows = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert rows and all(math.isfinite(row["milliseconds"]) for row in rows if "milliseconds" in row)


def test_keyframes(monkeypatch, tmp_path, photos, weights_file):
    from benchmarks import keyframes

    monkeypatch.setattr(keyframes, "MADE_FRAMES", 9)
    monkeypatch.setattr(keyframes, "MADE_SIZE", (64, 96))
    Image.open(SAMPLES[0]).reduce(4).save(photos / "third.png")
    run(monkeypatch, "keyframes", "--photos", photos, "--weights", weights_file, "--json", tmp_path / "a.json")
    rows = json.loads((tmp_path / "a.json").read_text())
    assert len({row["video"] for row in rows}) == 4
    assert numbers(rows)


def test_reference(monkeypatch, tmp_path, weights_file):
    from benchmarks import reference

    monkeypatch.setattr(reference, "SHORT_SIDE", 64)
    for kind in ("here", "there"):
        (tmp_path / "kinds" / kind).mkdir(parents=True)
        for number, sample in enumerate(SAMPLES[:2]):
            grey = np.asarray(Image.open(sample).convert("L").reduce(4))[..., None]
            tints = np.where(np.arange(grey.shape[1])[:, None] < grey.shape[1] // 2, (1, 0.8, 0.5), (0.6, 0.8, 1))
            Image.fromarray(np.uint8(grey * tints)).save(tmp_path / "kinds" / kind / f"{number}.png")
    options = ["--photos", tmp_path / "kinds", "--weights", weights_file, "--pairs", 1, "--json", tmp_path / "a.json"]
    run(monkeypatch, "reference", *options)
    rows = {(row["kind"], row["method"]): row for row in json.loads((tmp_path / "a.json").read_text())}
    assert {kind for kind, _ in rows} == {"moved", "kind", "other"} and numbers([*rows.values()])
    assert rows["moved", "truth"]["ciede2000"] < 0.1
    assert rows["moved", "reference 1"]["ciede2000"] < rows["moved", "no help"]["ciede2000"]


def test_photo(monkeypatch, tmp_path, weights_file):
    from benchmarks import photo

    monkeypatch.setattr(photo, "SIZES", {1: (90, 120), 12: (180, 240), 100: (360, 480)})
    monkeypatch.setattr(photo, "MANY", 2)
    options = ["--weights", weights_file, "--repeats", 1, "--skip-100-megapixels", "--json", tmp_path / "a.json"]
    run(monkeypatch, "photo", *options)
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert all(figure["value"] > 0 for figure in figures) and len(figures) >= 4


def test_video(monkeypatch, tmp_path, weights_file):
    film = make_video(tmp_path / "a.mp4", VideoRecipe(frames=12))
    options = ["--weights", weights_file, "--film", film, "--repeats", 1, "--json", tmp_path / "a.json"]
    run(monkeypatch, "video", *options)
    assert json.loads((tmp_path / "a.json").read_text())["figures"]


@pytest.mark.torch
def test_devices(monkeypatch, tmp_path, photos, weights_file):
    film = make_video(tmp_path / "a.mp4", VideoRecipe(frames=12))
    options = ["--weights", weights_file, "--photos", photos, "--film", film, "--json", tmp_path / "a.json"]
    run(monkeypatch, "devices", "--device", "cpu", "--runtime", "onnx", *options)  # torch has no small backbone there
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    differences = [figure["value"] for figure in figures if figure["unit"] == "CIEDE2000"]
    assert len(figures) == 9 and len(differences) == 3 and max(differences) < 0.05


@pytest.mark.torch
def test_generator(monkeypatch, tmp_path):
    options = ["--backbones", "resnet18", "--sizes", 64, "--repeats", 1, "--threads", 1]
    run(monkeypatch, "generator", *options, "--output", tmp_path / "a.json")
    assert numbers(json.loads((tmp_path / "a.json").read_text()))


def test_service(monkeypatch, tmp_path, weights_file):
    options = ["--weights", weights_file, "--clients", 2, "--seconds", 1, "--json", tmp_path / "a.json"]
    run(monkeypatch, "service", *options)
    assert numbers(json.loads((tmp_path / "a.json").read_text()))


def test_peak_memory_of_100_megapixels(tmp_path):
    from benchmarks.figures import run_command
    from benchmarks.photo import make_photo

    photo = make_photo(tmp_path / "a.jpg", 100)
    arguments = [str(photo), "--device", "cpu", "--threads", "2", "-o", str(tmp_path / "b.jpg")]
    _, megabytes = run_command(arguments)
    with Image.open(tmp_path / "b.jpg") as file:
        assert file.size == (11500, 8700)
    assert megabytes < MAX_MEGABYTES


@pytest.mark.parametrize("kind", ["photos", "films"])
def test_reliability(monkeypatch, tmp_path, capsys, kind):
    folder = tmp_path / "runs"
    run(monkeypatch, "reliability.__main__", kind, "--count", 6, "--folder", folder)
    run(monkeypatch, "reliability.__main__", kind, "--count", 8, "--folder", folder)  # goes on
    record = [json.loads(line) for line in (folder / f"{kind}.jsonl").read_text().splitlines()]
    assert [case["number"] for case in record] == list(range(8))
    assert not any(case["wrong"] for case in record)
    assert f"8 of 8 {kind}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("weights", 12),
        ("graphs", 12),
        ("profiles", 12),
        ("segments", 4),
        ("hints", 12),
        ("keyframes", 4),
        ("journals", 6),
    ],
)
def test_damaged_inputs(monkeypatch, tmp_path, capsys, part, count):
    run(monkeypatch, "reliability.__main__", part, "--count", count, "--folder", tmp_path / "runs")
    record = [json.loads(line) for line in (tmp_path / "runs" / f"{part}.jsonl").read_text().splitlines()]
    assert len(record) == count and {case["status"] for case in record} <= {"done", "failed", "skipped"}
    assert not any(case["wrong"] for case in record)
    assert f"{count} of {count} {part}" in capsys.readouterr().out


def test_what_is_wrong_with_a_damaged_input_is_said():
    from benchmarks.reliability.bad_inputs import faults
    from benchmarks.reliability.sound_inputs import Input, write_files

    with tempfile.TemporaryDirectory() as folder:
        sound = Input("x", {"aunt": b"1"}, ("aunt",), ("b",), lambda *_: ("aunt", ""), is_exact=True)
        for left, status, lines, words in (
            ({"aunt": b"1", "b": b"2"}, 0, [], ""),
            ({"aunt": b"1"}, 1, ["colorize: aunt: damaged"], ""),
            ({"aunt": b"1"}, 1, ["colorize: damaged"], "no line names aunt"),
            ({"aunt": b"1"}, 0, [], "without a result"),
            ({"aunt": b"1", "b": b"3"}, 0, [], "b is not what it is"),
            ({"aunt": b"1", "b": b"2"}, 1, ["colorize: aunt: damaged"], "failed, with a result"),
            ({"aunt": b"2", "b": b"2"}, 0, [], "changed: aunt"),
            ({"aunt": b"1", "b": b"2", "c": b""}, 0, [], "left behind: c"),
            ({"aunt": b"1"}, "KeyError: 5", ["colorize: aunt: damaged"], "raises KeyError"),
            ({"aunt": b"1"}, 1, ["colorize: aunt: unexpected KeyError: 5"], "not a line for users"),
        ):
            write_files(Path(folder), left)
            wrong = faults(sound, sound.files, {"b": b"2"}, "aunt", status, lines, Path(folder))
            assert (len(wrong) == 1 and words in wrong[0]) if words else not wrong, (wrong, words)


class Ending:
    """A subject whose first case ends its process, and whose second never ends."""

    names = ("a", "b", "c")

    def run(self, number: int) -> Any:
        from benchmarks.reliability.cases import Case

        if number == 0:
            os._exit(3)
        while number == 1:
            pass
        return Case(number, "c", "", "done", "", 0.0, "")


def test_a_crash_and_a_hang_are_told_from_each_other():
    from benchmarks.reliability.cases import Worker

    worker = Worker(Ending, 0.5)
    cases = [worker.run(number) for number in range(3)]
    worker.stop()
    assert [(case.status, case.seed) for case in cases] == [("crash", "a"), ("hang", "b"), ("done", "c")]
    assert "exit code 3" in cases[0].wrong and cases[1].wrong.startswith("hang") and not cases[2].wrong


@pytest.mark.parametrize("what", ["films", "photos", "downloads", "training"])
def test_kills(monkeypatch, tmp_path, capsys, what):
    from multiprocessing import forkserver

    forkserver._forkserver._stop()  # the one of another task has not imported this one's modules, and keeps on
    run(monkeypatch, "reliability.__main__", "kills", what, "--count", 1, "--folder", tmp_path / "runs")
    (record,) = (json.loads(line) for line in (tmp_path / "runs" / f"kills-{what}.jsonl").read_text().splitlines())
    assert record["wrong"] == ""
    assert "wrong: 0" in capsys.readouterr().out


def test_load(monkeypatch, tmp_path, capsys):
    from benchmarks.reliability import load

    monkeypatch.setattr(load, "QUIET_SECONDS", 1.0)  # threads and descriptors, which need longer, are not compared
    words = ("--hours", 0.002, "--clients", 3, "--megapixels", 0.3)
    run(monkeypatch, "reliability.__main__", "load", *words, "--folder", tmp_path)
    assert json.loads((tmp_path / "answers.json").read_text())
    assert "wrong: 0" in capsys.readouterr().out
