"""Which runtime computes a weights file; photographs and films are coloured where torch is not installed."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from support.answers import MAX_DIFFERENCE, answer, random_inputs
from support.command import in_new_process
from support.small_networks import write_small_weights

from colorize.base import WeightsError
from colorize.network import choose_runtime, find_weights, load_network, loading

STABLE = find_weights("stable")


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where torch is not installed."""
    monkeypatch.setattr(loading, "has_torch", lambda: False)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with torch and a GPU that it can use."""
    monkeypatch.setattr(loading, "has_torch", lambda: True)
    monkeypatch.setattr(loading, "has_torch_gpu", lambda: True)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with torch and without a GPU."""
    monkeypatch.setattr(loading, "has_torch", lambda: True)
    monkeypatch.setattr(loading, "has_torch_gpu", lambda: False)


@pytest.fixture
def without_graph(tmp_path: Path) -> Path:
    """A weights file of an architecture without a graph."""
    path = write_small_weights(tmp_path / "mine.safetensors")
    shutil.rmtree(tmp_path / "graphs")
    return path


def test_onnx_runtime_on_a_processor(no_gpu):
    assert choose_runtime(STABLE) == choose_runtime(STABLE, device="cpu") == "onnx"
    assert load_network("stable", threads=1).runtime.startswith("onnxruntime")


@pytest.mark.parametrize("threads", [1, 2])
def test_how_pictures_come_changes_no_answer(tmp_path, threads):
    """One after the other or in batches, whether memory is kept from one to the next, and a start in the background."""
    path, inputs = write_small_weights(tmp_path / "mine.safetensors"), random_inputs(2, 4, 64, 96)
    answers = [
        answer(network, given)
        for options in product((1, 2), (False, True), (False, True))
        for network in [load_network(path, "cpu", None, "onnx", threads, *options)]
        for given in (inputs, inputs[:1], inputs)  # the second in what the first left
    ]
    assert np.abs(answers[0]).mean() > 5
    for whole, first, again in zip(*[iter(answers)] * 3, strict=True):
        assert np.array_equal(whole, answers[0]) and np.array_equal(again, answers[0])
        assert np.abs(first - answers[0][:1]).max() < MAX_DIFFERENCE


def test_the_onnx_runtime_tells_nobody_about_the_machine(tmp_path, monkeypatch):
    """What it would send to its maker, it keeps at home first; and an identifier of the machine, for good."""
    for name in ("ORT_DISABLE_TELEMETRY", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    done = in_new_process("import sys; sys.dont_write_bytecode = True; import colorize.network.onnx_runtime")
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


def test_torch_where_there_is_a_gpu(gpu):
    assert choose_runtime(STABLE) == "torch"
    assert choose_runtime(STABLE, device="cpu") == "onnx"


def test_torch_for_its_devices_and_for_what_it_alone_can_do(no_gpu):
    for device in ("cuda", "mps"):
        assert choose_runtime(STABLE, device=device) == "torch"
    assert choose_runtime(STABLE, precision="bfloat16") == "torch"


def test_what_was_asked_for_counts(gpu):
    assert choose_runtime(STABLE, "onnx") == "onnx"
    assert choose_runtime(STABLE, "torch", "cpu") == "torch"
    with pytest.raises(ValueError, match=r"'tensorflow' is unknown.*onnx"):
        choose_runtime(STABLE, "tensorflow")


def test_an_architecture_without_a_graph(no_gpu, without_graph):
    assert choose_runtime(without_graph) == "torch"
    with pytest.raises(WeightsError, match=rf"{without_graph.name}: .*colorize-weights convert"):
        load_network(without_graph, runtime="onnx")


def test_without_torch(no_torch, without_graph):
    assert choose_runtime(STABLE) == "onnx"
    for arguments in ({"runtime": "torch"}, {"precision": "bfloat16"}):
        with pytest.raises(WeightsError, match=r"stable\.safetensors: .*pip install 'colorize-photos\[torch\]'"):
            load_network("stable", **arguments)
    with pytest.raises(ValueError, match=r"'cuda'.*pip install 'colorize-photos\[torch\]'"):
        load_network("stable", "cuda")
    with pytest.raises(WeightsError, match=r"pip install 'colorize-photos\[torch\]'"):
        load_network(without_graph)


def test_deoldify_needs_torch(no_torch, tmp_path):
    path = tmp_path / "ColorizeArtistic_gen.pth"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match=r"\.pth: .*pip install 'colorize-photos\[torch\]'"):
        load_network(path)
    with pytest.raises(WeightsError, match=r"\.pth: .*needs --runtime torch"):
        load_network(path, runtime="onnx")


@pytest.mark.parametrize(
    ("content", "word"), [(b"Dear aunt,", "first bytes"), (b"", "0 bytes"), (b"<!doctype html>", "web page")]
)
@pytest.mark.parametrize("asked", ["auto", "onnx", "torch"])
def test_what_is_no_torch_file_is_seen_before_torch_is_asked_for(no_torch, tmp_path, content, word, asked):
    path = tmp_path / "gen.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"gen\.pth: .*{word}"):
        load_network(path, runtime=asked)


@pytest.mark.torch
@pytest.mark.parametrize("device", ["mps", "xla", "meta", "cuda:99", "toaster", "opengl"])
def test_a_device_that_torch_has_not_is_a_short_line(device):
    with pytest.raises(ValueError, match=f"device '{device}'") as caught:
        load_network("stable", device, runtime="torch")
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_a_device_of_torch_in_onnx_runtime(no_gpu):
    with pytest.raises(ValueError, match=r"device 'cuda'.* --runtime") as caught:
        load_network("stable", "cuda", runtime="onnx")
    assert "pip install" not in str(caught.value), "torch is installed"
    with pytest.raises(ValueError, match="device 'toaster'") as caught:
        load_network("stable", "toaster", runtime="onnx")
    assert "torch" not in str(caught.value).lower(), "it has no such device either"


@pytest.mark.parametrize("asked", ["auto", "onnx", "torch"])
@pytest.mark.parametrize("precision", ["x", 16, ""])
def test_an_unknown_precision(asked, precision):
    with pytest.raises(ValueError, match=rf"precision {precision!r}.*float32"):
        load_network("stable", "cpu", precision, asked)


def test_a_file_that_may_not_be_read(monkeypatch):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(loading, "check_file", refuse)
    with pytest.raises(WeightsError, match=r"stable\.safetensors: no permission"):
        load_network("stable")


@pytest.mark.torch
def test_a_gpu_is_looked_for_without_torch(monkeypatch):
    import torch

    monkeypatch.setattr(loading, "_has_driver", lambda: True)
    assert loading.has_torch_gpu() == (torch.cuda.is_available() or torch.backends.mps.is_available())


@pytest.mark.parametrize(
    ("system", "driver", "device", "version", "found"),
    [
        ("linux", "libcuda.so.1", "", "2.6.0+cu126", True),
        ("win32", "nvcuda.dll", "", "2.6.0+cu126", True),
        ("linux", "", "/dev/kfd", "2.6.0+rocm6.2", True),
        ("linux", "", "/dev/dxg", "2.6.0+rocm6.2", True),
        ("win32", "", "", "2.9.0+rocm7.1", True),
        ("linux", "", "/dev/kfd", "2.6.0+cpu", False),
        ("win32", "", "", "2.6.0+cpu", False),
        ("linux", "", "", None, False),  # and the version, which is slow to ask for, is not asked for
    ],
)
def test_a_driver_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, system: str, driver: str, device: str, version: str | None, found: bool
) -> None:
    def load(name: str) -> None:
        if name != driver:
            raise OSError(name)

    def version_of(package: str) -> str:
        assert version is not None, package
        return version

    monkeypatch.setattr(loading.sys, "platform", system)
    monkeypatch.setattr(loading.ctypes, "CDLL", load)
    monkeypatch.setattr(loading.os.path, "exists", lambda path: path == device)
    monkeypatch.setattr("importlib.metadata.version", version_of)
    assert loading._has_driver() is found


@pytest.mark.slow
def test_photographs_and_films_without_torch(tmp_path: Path):
    done = in_new_process(
        f"""
        import sys

        sys.modules["torch"] = None  # importing it fails, as where it is not installed
        from fractions import Fraction
        from pathlib import Path

        import av
        import numpy as np

        from colorize.base import WeightsError
        from colorize.cli import main
        from colorize.engine import Colorizer, Hint, draw_candidates
        from colorize.network import loading
        from colorize.photo import Photo, write_photo

        loading.has_torch = lambda: False
        folder = Path({str(tmp_path)!r})
        grey = np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)
        write_photo(folder / "photo.png", Photo(grey))
        with av.open(str(folder / "film.mkv"), "w") as file:
            stream = file.add_stream("ffv1", rate=12)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for index in range(6):
                rgb = np.repeat(np.roll(grey, index, 1)[..., None], 3, 2)
                for packet in stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")):
                    file.mux(packet)
            for packet in stream.encode():
                file.mux(packet)
        options = ["--render-size", "32", "--threads", "1", "-q"]
        assert main([str(folder / "photo.png"), "--hint", "10,10,#aa3322", *options]) == 0
        for temporal in ("fast", "best"):
            arguments = [str(folder / "film.mkv"), "-o", str(folder / f"{{temporal}}.mkv"), "--temporal", temporal]
            assert main([*arguments, *options]) == 0
        assert len(draw_candidates(Colorizer(render_size=32, threads=1), grey, 2)) == 2
        assert main([str(folder / "photo.png"), "--device", "cuda", *options]) == 1
        """
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'colorize-photos[torch]'" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} >= {"photo_colorized.png", "fast.mkv", "best.mkv"}
