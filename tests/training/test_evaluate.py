"""``python -m training.evaluate`` on made pictures, with a small random generator and a random feature network."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from support.narrow import narrow_encoders
from support.photo_files import boxes_picture

from colorize.network import Generator, GeneratorConfig, save_generator
from training import evaluate
from training.classifiers import load_teacher
from training.report import COLUMNS, GAP, TILE

SIZES = {"a.png": (48, 64), "b.png": (60, 40), "deep/c.png": (33, 47)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``photos``, ``photos.tar``, ``tiny.safetensors`` and ``classifier.safetensors``."""
    place = tmp_path_factory.mktemp("evaluate")
    for seed, (name, size) in enumerate(SIZES.items()):
        path = place / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(boxes_picture(*size, seed)).save(path)
    (place / "photos" / "notes.txt").write_text("not a photograph, and not meant to be one")
    with tarfile.open(place / "photos.tar", "w") as archive:
        for name in SIZES:
            archive.add(place / "photos" / name, name)
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 8, 8)))
    torch.nn.init.normal_(generator.head.weight, std=0.05)  # visible colours
    save_generator(generator, place / "tiny.safetensors")
    classifier = torchvision.models.mobilenet_v2(weights=None).state_dict()
    save_file({name: value.contiguous() for name, value in classifier.items()}, place / "classifier.safetensors")
    return place


def run(place: Path, photos: Path, output: Path, *options: str, weights: Path | None = None) -> None:
    """Run the command line inside this process, with ``tiny.safetensors`` where no other weights are given."""
    weights = weights or place / "tiny.safetensors"
    arguments = [str(weights), str(photos), "--output", str(output), "--render-size", "32"]
    network = ["--feature-network", str(place / "classifier.safetensors"), "--device", "cpu"]
    with patch("sys.argv", ["evaluate", *arguments, *network, *options]):
        evaluate.main()


@pytest.fixture(scope="module")
def folder_run(place: Path) -> tuple[Path, list[str]]:
    """Measure the folder once; return the output folder and the printed lines."""
    output = place / "new" / "folder"
    with redirect_stdout(io.StringIO()) as printed:
        run(place, place / "photos", output)
    return output, printed.getvalue().splitlines()


def report_of(output: Path) -> dict:
    return json.loads((output / "evaluation.json").read_text(encoding="utf-8"))


def test_from_photographs_to_table_json_and_sheet(folder_run: tuple[Path, list[str]]) -> None:
    output, printed = folder_run
    report = report_of(output)
    assert (report["pictures"], report["bad"], report["render_size"]) == (3, [], 32)
    rows = report["rows"]
    assert list(rows) == ["grey", "tiny", "hints", "truth"]
    assert all(set(figures) == set(COLUMNS) for figures in rows.values())

    assert rows["grey"]["colourfulness"] == rows["grey"]["colourfulness_absolute"] == 0
    assert rows["grey"]["ramp_free_share"] is None
    assert rows["grey"]["feature_distance_ratio"] == 1
    assert rows["tiny"]["colourfulness"] > 1
    assert rows["tiny"]["feature_distance"] > 0
    assert 10 < rows["tiny"]["psnr"] < 60
    truth = rows["truth"]
    assert truth["psnr"] is None  # infinite, which JSON cannot say
    assert truth["top1"] == 1
    for name in ("ciede2000", "colourfulness_gap", "colourfulness_absolute_gap", "ab_histogram_distance"):
        assert truth[name] == pytest.approx(0, abs=1e-9)
    assert truth["feature_distance"] == pytest.approx(0, abs=1e-9 * max(1, rows["grey"]["feature_distance"]))

    test = report["hint_test"]
    assert (test["points"], test["radius"]) == (16, 4)
    expected = 100 * (1 - rows["hints"]["ciede2000"] / rows["tiny"]["ciede2000"])
    assert test["ciede2000_reduction_percent"] == pytest.approx(expected)

    assert [line.split("|")[1].strip() for line in printed[2:6]] == list(rows)
    assert len({len(line) for line in printed[:6]}) == 1  # aligned
    assert printed[6].endswith(f"lower CIEDE2000 by {expected:.1f} %")
    check_sheet(output / "sheet.jpg")


def check_sheet(path: Path) -> None:
    """Check that three triples lie side by side, the first picture of the first one grey, the third its truth."""
    with Image.open(path) as file:
        sheet = np.asarray(file).astype(int)
    width, height = TILE
    assert sheet.shape == (height + 2 * GAP, 3 * (3 * (width + GAP) + 2 * GAP), 3)
    first, third = (sheet[GAP : GAP + height, left : left + width] for left in (GAP, GAP + 2 * (width + GAP)))
    assert np.ptp(first, axis=2).max() <= 3
    truth = Image.fromarray(boxes_picture(*SIZES["a.png"], 0)).resize(TILE, Image.Resampling.LANCZOS)
    assert np.abs(third - np.asarray(truth)).mean() < 3


def test_a_tar_gives_the_figures_of_its_folder(place: Path, folder_run: tuple[Path, list[str]], tmp_path: Path) -> None:
    run(place, place / "photos.tar", tmp_path, "--skip-hints", "--limit", "9")
    folder, tar = report_of(folder_run[0]), report_of(tmp_path)
    assert list(tar["rows"]) == ["grey", "tiny", "truth"]
    assert "hint_test" not in tar
    check_figures(tar, folder)


def check_figures(report: dict, expected: dict) -> None:
    """Check that the rows of a report have the figures of another report, up to a little rounding."""
    for name, figures in report["rows"].items():
        wanted = expected["rows"][name]
        assert {key for key in figures if figures[key] is None} == {key for key in wanted if wanted[key] is None}
        numbers = [key for key in figures if figures[key] is not None]
        assert [figures[key] for key in numbers] == pytest.approx([wanted[key] for key in numbers], rel=1e-3, abs=1e-3)


def test_both_runtimes_give_the_same_figures(place: Path, small_weights: Path, tmp_path: Path) -> None:
    photos = place / "photos"
    run(place, photos, tmp_path / "onnx", "--runtime", "onnx", weights=small_weights)
    with narrow_encoders():
        run(place, photos, tmp_path / "torch", "--runtime", "torch", weights=small_weights)
    onnx, in_torch = report_of(tmp_path / "onnx"), report_of(tmp_path / "torch")
    assert onnx["runtime"].startswith("onnxruntime") and in_torch["runtime"].startswith("torch")
    assert onnx["rows"]["small"]["colourfulness"] > 1
    check_figures(onnx, in_torch)


def test_bad_photographs_are_named_and_the_rest_is_measured(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(2):
        Image.fromarray(boxes_picture(40, 40, seed)).save(photos / f"{seed}.png")
    (photos / "text.jpg").write_text("this is no picture")
    Image.fromarray(boxes_picture(14, 60, 5)).save(photos / "thin.png")
    with pytest.raises(SystemExit) as error:
        run(place, photos, tmp_path / "out", "--skip-hints")
    assert str(error.value.code).startswith("evaluate: 2 ")  # a text means status 1
    assert sorted(report_of(tmp_path / "out")["bad"]) == ["text.jpg", "thin.png"]
    assert report_of(tmp_path / "out")["pictures"] == 2
    complaints = [line for line in capsys.readouterr().err.splitlines() if "left out" in line]
    assert [line.split(":")[0] for line in complaints] == ["text.jpg", "thin.png"]
    assert "smaller than 16 px" in complaints[1]


def test_limit_spreads_over_all(place: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(6):
        (photos / f"{index}.png").write_text("no picture")
    for index in (0, 3):  # every third
        Image.fromarray(boxes_picture(32, 32, index)).save(photos / f"{index}.png")
    run(place, photos, tmp_path / "out", "--limit", "2", "--skip-hints")
    report = report_of(tmp_path / "out")
    assert (report["pictures"], report["bad"]) == (2, [])


def test_usage_errors_end_with_status_2(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        run(place, place / "photos", tmp_path, "--limit", "1")
    assert error.value.code == 2
    assert "--limit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("photos", "options", "message"),
    [
        ("missing", [], "missing: no such folder or tar"),
        ("empty", [], "0 photographs can be measured"),
        ("photos", ["--feature-network", "nowhere.safetensors"], "nowhere.safetensors"),
        ("tiny.safetensors", [], "tiny.safetensors: neither a folder nor a tar"),
    ],
)
def test_errors_are_one_line(place: Path, tmp_path: Path, photos: str, options: list[str], message: str) -> None:
    (place / "empty").mkdir(exist_ok=True)
    with pytest.raises(SystemExit) as error:
        run(place, place / photos, tmp_path / "out", *options)
    text = str(error.value.code)
    assert message in text
    assert "\n" not in text
    assert not (tmp_path / "out" / "evaluation.json").exists()


def test_classifier_sees_the_middle_of_the_whole_picture(place: Path) -> None:
    teacher = load_teacher(place / "classifier.safetensors")
    square = boxes_picture(300, 300, 1)
    wide = np.hstack([square * 0, square, square * 0])
    pooled, answers = evaluate.classify(teacher, [wide])
    assert pooled[0].shape == (1280,)
    assert len(answers) == 1
    alone, _ = evaluate.classify(teacher, [square])
    np.testing.assert_allclose(pooled[0], alone[0], atol=1e-4)
    assert evaluate.classify(teacher, [square[:20, :30]])[0][0].shape == (1280,)  # enlarged
