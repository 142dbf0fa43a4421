"""Workers of Ray: the same results as without, poison set aside, and one line for a cluster that cannot work."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from support.command import ROOT, in_new_process, run
from support.videos import VideoRecipe, make_video

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("own_process_settings")]

POISON = 77  # width in pixels of what ends a worker, and height of what keeps it busy
PATCH = f"""
import os, time
from colorize.engine import Colorizer
preprocess = Colorizer.preprocess
def poisoned(self, picture, *rest):
    if picture.shape[1] == {POISON}:
        os._exit(1)
    if picture.shape[0] == {POISON}:
        time.sleep(1000)
    if picture.shape[0] == {POISON + 1}:
        self.hoard = b"x" * 10**9
        time.sleep(1000)
    return preprocess(self, picture, *rest)
Colorizer.preprocess = poisoned
"""


@pytest.fixture
def album(tmp_path: Path, scene) -> Path:
    """A folder of twelve photos of several sizes."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(scene[: 40 + number]).save(folder / f"{number:02d}.png")
    return folder


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def rows(folder: Path) -> dict[str, dict[str, str]]:
    """Return the rows of the table of a run by name of file."""
    with (folder / "colorize-journal" / "report.csv").open(newline="") as file:
        return {Path(row["file"]).name: row for row in csv.DictReader(file)}


def test_the_same_as_without_and_poison_is_set_aside(
    capsys: pytest.CaptureFixture[str],
    weights_file: Path,
    album: Path,
    scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(capsys, weights_file, album, "-o", tmp_path / "one", "--threads", 1)[0] == 0
    for name, picture in (
        ("poison", scene[:50, :POISON]),
        ("hang", scene[:POISON]),
        ("hoard", scene[: POISON + 1]),
    ):
        Image.fromarray(picture).save(album / f"{name}.png")
    (album / "bad.png").write_bytes(b"x")
    (tmp_path / "patch").mkdir()
    (tmp_path / "patch" / "sitecustomize.py").write_text(PATCH)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'patch'}{os.pathsep}{ROOT}")
    options = ["-o", tmp_path / "many", "--workers", 2, "--time-limit", 8, "--memory-limit", 1.2, "--ray"]
    status, _, err = run(capsys, weights_file, album, *options)
    assert status == 1
    assert results(tmp_path / "many") == results(tmp_path / "one")
    assert "12 coloured, 4 failed" in err
    table = rows(tmp_path / "many")
    assert "process" in table["poison.png"]["line"] and "--time-limit" in table["hang.png"]["line"]
    assert "--memory-limit" in table["hoard.png"]["line"] and "set aside" not in table["bad.png"]["line"]
    assert all(row["worker"] for row in table.values() if row["status"] == "done")
    assert not list((tmp_path / "many" / "colorize-journal").glob("workers-*"))


def test_ctrl_c_and_a_kill_lose_nothing(weights_file: Path, album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [album, "-o", out, "--weights", weights_file, "--workers", "1", "--ray"]
    code = "import sys; from colorize.cli.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    for number in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
        have = len(results(out))
        end = time.monotonic() + 60
        while len(results(out)) < have + 2 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if number == signal.SIGINT:
            assert process.returncode in (0, 130), err
            assert not list(out.glob(".*.tmp"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(results(out)) == 12 and len(rows(out)) == 12


def test_a_cluster_that_does_not_answer_is_one_line(
    capsys: pytest.CaptureFixture[str], weights_file: Path, album: Path, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"127.0.0.1:{port}", "auto", "nowhere"):
        status, _, err = run(capsys, weights_file, album, "-o", tmp_path / "out", "--ray", address)
        assert (status, err.count("\n")) == (1, 1) and f"--ray {address}" in err
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.parametrize(
    ("patch", "word"),
    [
        ("import sys; sys.modules['colorize'] = None", "colorize-photos"),
        ("import colorize; colorize.__version__ = '0.0.9'", "0.0.9"),
        ("import colorize.batch as b; b.hash_weights = lambda _: 'f' * 64", "SHA-256 ffff"),
        (
            "import builtins, os\nkeep = open\ndef refuse(name, mode='r', *a, **k):\n"
            "    if 'cluster-' in str(name): raise PermissionError(13, 'Permission denied')\n"
            "    return keep(name, mode, *a, **k)\nbuiltins.open = refuse",
            "cannot write",
        ),
        (
            "import os\nkeep = os.path.exists\nos.path.exists = lambda p: not str(p).endswith('00.png') and keep(p)",
            "does not see",
        ),
    ],
    ids=["missing", "version", "weights", "unwritable", "unseen"],
)
def test_a_machine_that_cannot_do_the_work_is_one_line(
    weights_file: Path, album: Path, tmp_path: Path, patch: str, word: str
) -> None:
    (tmp_path / "patch").mkdir()
    guard = "import sys\nif 'default_worker.py' in ' '.join(sys.orig_argv):\n"
    lines = "".join(f"    {line}\n" for line in patch.splitlines())
    (tmp_path / "patch" / "sitecustomize.py").write_text(guard + lines)
    path = f"{tmp_path / 'patch'}{os.pathsep}{ROOT}"
    out = tmp_path / "out"
    arguments = [str(album), "-o", str(out), "--weights", str(weights_file), "--ray"]
    done = in_new_process(
        f"""
        import os, sys
        os.environ["PYTHONPATH"] = {path!r}
        from colorize.cli.command import main
        sys.exit(main({arguments!r}))
        """
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert word in done.stderr
    assert not list(out.glob("*.png"))


def test_a_film_is_spread_and_equals_that_of_one_machine(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    film = make_video(tmp_path / "a.mp4", VideoRecipe(frames=90, scene_cut=45))
    for folder, options in (("one", []), ("many", ["--workers", "2", "--ray"])):
        assert run(capsys, weights_file, film, "-o", tmp_path / folder / "a.mp4", *options)[0] == 0
    assert (tmp_path / "many" / "a.mp4").read_bytes() == (tmp_path / "one" / "a.mp4").read_bytes()
    assert sorted(os.listdir(tmp_path / "many")) == ["a.mp4", "colorize-journal"]
