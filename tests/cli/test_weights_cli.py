"""The command colorize-weights, with a manifest and a server of the test's own."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.server import Behaviour, serve

from colorize.base import WeightsError
from colorize.cli.weights import main
from colorize.engine import Colorizer
from colorize.network import downloads, find_weights, load_network, registry


@pytest.fixture(scope="module")
def published() -> bytes:
    """The bytes of a published file."""
    return random.Random(0).randbytes(300_000)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, small_weights, published) -> Path:
    """A manifest with one shipped and two published files, and an empty cache."""
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(downloads, "RETRY_DELAYS", ())
    folder = tmp_path / "released"
    folder.mkdir()
    shutil.copy(small_weights, folder / "ours.safetensors")
    shutil.copytree(small_weights.parent / "graphs", folder / "graphs")
    monkeypatch.setattr(registry, "INSTALLED_FOLDER", folder)
    write_manifest(folder, published, "http://127.0.0.1:9")
    return folder


def write_manifest(folder: Path, published: bytes, address: str, name: str = "file") -> None:
    digest = hashlib.sha256(published).hexdigest()
    ours = (folder / "ours.safetensors").read_bytes()
    theirs = {"license": "MIT", "url": f"{address}/{name}", "render_size": 48}
    entries = [
        {"name": "ours", "file": "ours.safetensors", "bytes": len(ours), "license": "MIT", "render_size": 64}
        | {"sha256": hashlib.sha256(ours).hexdigest()},
        {"name": "theirs", "file": "gen.pth", "bytes": len(published), "sha256": digest, **theirs},
        {"name": "others", "file": "others.pth", "bytes": len(published), "sha256": digest, **theirs},
    ]
    (folder / "manifest.json").write_text(json.dumps({"weights": entries}))


@pytest.fixture
def address(folder, published):
    """The server's address, which the manifest names too."""
    with serve(Behaviour(published)) as address:
        write_manifest(folder, published, address)
        yield address


def test_list_shows_size_licence_and_what_is_missing(capsys):
    assert main(["list"]) == 0
    header, ours, theirs, _others = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "MB", "render", "size", "licence", "here?"]
    assert ours.split()[0] == "ours"
    assert ours.endswith("MIT      yes")
    assert theirs.endswith("MIT      no: colorize-weights get theirs")


def test_get_all_and_a_file_with_one_wrong_bit(address, published):
    assert main(["get", "all", "-q"]) == 0
    path = find_weights("others")
    path.write_bytes(published[:-1] + bytes([published[-1] ^ 1]))
    with pytest.raises(WeightsError, match=r"damaged, SHA-256 .* get it anew with: colorize-weights get others"):
        Colorizer("others")


def test_a_failed_download_is_one_line(capsys, folder, published):
    with serve(Behaviour(published)) as address:
        write_manifest(folder, published, address, "no")
        assert main(["get", "theirs"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"colorize-weights: {address}/no: the server answers 404 Not Found"


def test_offline_never_connects(capsys, folder, published):
    behaviour = Behaviour(published)
    with serve(behaviour) as address:
        write_manifest(folder, published, address)
        assert main(["get", "theirs", "--offline"]) == 1
        assert "not on this machine, and --offline allows no connection" in capsys.readouterr().err
        assert not behaviour.requests
        assert main(["get", "theirs"]) == 0
        assert main(["get", "theirs", "--offline"]) == 0
        assert len(behaviour.requests) == 1


def test_unknown_names(capsys):
    assert main(["get", "nothing"]) == 1
    assert "nothing: no such weights; there are: ours, theirs, others" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_damaged_file_is_found_and_never_loaded(capsys, folder, address, damage):
    assert main(["get", "theirs"]) == 0
    assert main(["verify"]) == 0
    assert "others: not downloaded" in capsys.readouterr().out
    for name in ("theirs", "ours"):
        path = find_weights(name)
        whole = path.read_bytes()
        path.write_bytes(damage(whole))
        assert main(["verify"]) == 1
        error = capsys.readouterr().err
        assert f"{path}: damaged" in error
        assert len(error.splitlines()) == 1
        with pytest.raises(WeightsError, match="damaged"):
            load_network(name)
        with pytest.raises(WeightsError, match="damaged"):
            load_network(path)  # also by its path
        path.write_bytes(whole)
    find_weights("theirs").write_bytes(b"")
    assert main(["get", "theirs"]) == 0
    assert main(["verify", "theirs"]) == 0


def test_verify_tries_the_graph_of_ours(capsys, folder):
    (graph_file,) = (folder / "graphs").iterdir()
    assert main(["verify", "ours"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ours: ") and str(graph_file) in out
    for content in (graph_file.read_bytes()[:-50], None):
        graph_file.unlink()
        if content is not None:
            graph_file.write_bytes(content)
        assert main(["verify"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert str(graph_file) in line and "install again" in line


def test_empty_names_are_usage_errors(capsys):
    for arguments in (["get", ""], ["verify", ""], ["convert", ""], ["convert", "ours", "-o", ""]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2 and len(capsys.readouterr().err.splitlines()) == 1


def test_convert_what_is_no_torch_file(capsys, tmp_path):
    path = tmp_path / "text.pth"
    path.write_text("Dear aunt,")
    assert main(["convert", str(path)]) == 1
    assert "text.pth" in (error := capsys.readouterr().err) and "first bytes" in error


def test_verify_a_missing_released_file(capsys, folder):
    (folder / "ours.safetensors").unlink()
    assert main(["verify"]) == 1
    assert "are missing; install again" in capsys.readouterr().err


def test_usage_errors(capsys):
    for arguments in ([], ["get"], ["burn"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_needs_no_torch():
    code = "import sys; import colorize.cli.weights as c; c.build_parser().format_help(); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


@pytest.mark.torch
class TestPublishedNetwork:
    """What loads a published file: here that of the tiny deep network."""

    @pytest.fixture
    def published(self, tiny_states) -> bytes:
        import torch

        file = io.BytesIO()
        torch.save(tiny_states["deep"], file)
        return file.getvalue()

    @pytest.fixture(autouse=True)
    def tiny(self, monkeypatch):
        from support.deoldify import use_tiny_networks

        use_tiny_networks(monkeypatch)

    def test_get_shows_the_licence_then_downloads_then_it_is_found(self, capsys, address, published):
        with pytest.raises(WeightsError, match=r"theirs: not on this machine yet; .*colorize-weights get theirs"):
            Colorizer("theirs")
        assert main(["get", "theirs"]) == 0
        captured = capsys.readouterr()
        assert f"from {address}/file\nlicence: MIT" in captured.err
        path = find_weights("theirs")
        assert captured.out == f"theirs: {path}\n"
        assert path.read_bytes() == published
        colorizer = Colorizer("theirs", device="cpu")
        assert colorizer.render_size == 48
        assert main(["get", "theirs", "ours"]) == 0
        out = capsys.readouterr().out
        assert "theirs: " in out
        assert out.count("is here and whole") == 2

    def test_verify_a_file_of_ones_own(self, capsys, tmp_path, published):
        path = tmp_path / "mine.pth"
        path.write_bytes(published)
        assert main(["verify", str(path)]) == 0
        assert f"SHA-256 {hashlib.sha256(published).hexdigest()} is known nowhere" in capsys.readouterr().out
        path.write_bytes(published[:-100])
        assert main(["verify", str(path)]) == 1
        assert main(["verify", str(tmp_path / "nothing.pth")]) == 1

    @pytest.mark.parametrize("options", [[], ["--float32"]])
    def test_convert(self, capsys, tmp_path, published, options):
        path = tmp_path / "mine.pth"
        path.write_bytes(published)
        assert main(["convert", str(path), *options]) == 0
        target = tmp_path / "mine.safetensors"
        assert f"-> {target}" in capsys.readouterr().out
        assert target.stat().st_size < len(published) * (0.6 if not options else 1.1)
        from colorize.network import load_deoldify

        assert load_deoldify(target).kind == "deep"
        assert main(["convert", str(path)]) == 1
        assert "mine.safetensors: exists; --overwrite replaces it" in capsys.readouterr().err
        assert main(["convert", str(path), "--overwrite"]) == 0

    def test_convert_by_name_keeps_the_render_size(self, address, tmp_path):
        assert main(["get", "theirs"]) == 0
        assert main(["convert", "theirs", "-o", str(tmp_path / "a.safetensors")]) == 0
        assert Colorizer(tmp_path / "a.safetensors", device="cpu").render_size == 48

    def test_convert_refuses_other_weights_and_its_own_source(self, capsys, tmp_path, published):
        assert main(["convert", "ours", "-o", str(tmp_path / "a.safetensors")]) == 1
        error = capsys.readouterr().err
        assert "ours.safetensors" in error and "--output" in error
        path = tmp_path / "mine.pth"
        path.write_bytes(published)
        assert main(["convert", str(path), "-o", str(path), "--overwrite"]) == 1
        assert path.read_bytes() == published
