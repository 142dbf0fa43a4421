"""Workers of Ray: the same results as without, poison set aside, and one line for a cluster that cannot work."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from support.command import ROOT, run
from support.videos import VideoRecipe, make_video

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("own_process_settings")]

POISON = 77  # width in pixels of what ends a worker, and height of what keeps it busy
POISONED = f"""
import os, time
from colorize.engine import Colorizer
preprocess = Colorizer.preprocess
def poisoned(self, picture, *rest):
    if picture.shape[1] == {POISON}:
        os._exit(1)
    if picture.shape[0] == {POISON}:
        time.sleep(1000)
    if picture.shape[0] == {POISON + 1}:
        self.hoard = b"x" * 4 * 10**8
        time.sleep(1000)
    return preprocess(self, picture, *rest)
Colorizer.preprocess = poisoned
"""
SLOW = """
import time
from colorize.engine import Colorizer
preprocess = Colorizer.preprocess
def slow(*arguments):
    time.sleep(0.3)
    return preprocess(*arguments)
Colorizer.preprocess = slow
"""
PATCHED = """
import pathlib, sys
patch = pathlib.Path(__file__).with_name("patch.py")
if "default_worker.py" in " ".join(sys.orig_argv) and patch.exists():
    exec(patch.read_text(), {})
"""


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder; workers that start meanwhile run its ``patch.py`` first."""
    folder = tmp_path_factory.mktemp("patches")
    (folder / "sitecustomize.py").write_text(PATCHED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield folder


@pytest.fixture
def worker_patch(patches: Path) -> Iterator[Path]:
    """The file of what workers run first."""
    path = patches / "patch.py"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def cluster(patches: Path) -> Iterator[str]:
    """The address of a cluster of two processors, whose workers start when they are asked for."""
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_num_prestart_python_workers", "0")
        patch.setenv("RAY_prestart_worker_first_driver", "false")
        patch.setenv("RAY_worker_niceness", "0")  # else they wait for whatever runs beside the tests
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


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
    cluster: str,
    worker_patch: Path,
) -> None:
    assert run(capsys, weights_file, album, "-o", tmp_path / "one", "--threads", 1)[0] == 0
    for name, picture in (
        ("poison", scene[:50, :POISON]),
        ("hang", scene[:POISON]),
        ("hoard", scene[: POISON + 1]),
    ):
        Image.fromarray(picture).save(album / f"{name}.png")
    (album / "bad.png").write_bytes(b"x")
    worker_patch.write_text(POISONED)
    options = ["-o", tmp_path / "many", "--workers", 2, "--time-limit", 6, "--memory-limit", 0.5, "--ray", cluster]
    status, _, err = run(capsys, weights_file, album, *options)
    assert status == 1
    assert results(tmp_path / "many") == results(tmp_path / "one")
    assert "12 coloured, 4 failed" in err
    table = rows(tmp_path / "many")
    assert "process" in table["poison.png"]["line"] and "--time-limit" in table["hang.png"]["line"]
    assert "--memory-limit" in table["hoard.png"]["line"] and "set aside" not in table["bad.png"]["line"]
    assert len({row["worker"] for row in table.values()} - {""}) >= 2
    assert not list((tmp_path / "many" / "colorize-journal").glob("workers-*"))


def test_ctrl_c_and_a_kill_lose_nothing(
    weights_file: Path, album: Path, tmp_path: Path, cluster: str, worker_patch: Path
) -> None:
    worker_patch.write_text(SLOW)
    count = 30  # what a worker has in hand is finished after Ctrl-C, so there must be far more
    for number in range(12, count):
        shutil.copyfile(album / "00.png", album / f"{number}.png")
    out = tmp_path / "out"
    arguments = [album, "-o", out, "--weights", weights_file, "--workers", "1", "--ray", cluster]
    # A background job of a shell, as the tests may be, ignores Ctrl-C, and so do the processes that it starts.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from colorize.cli.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    for number in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
        have = len(results(out))
        end = time.monotonic() + 60
        while len(results(out)) < have + 2 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert process.poll() is None and len(results(out)) < count
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        if number == signal.SIGINT:
            assert process.returncode == 130, err
            assert not list(out.glob(".*.tmp"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(results(out)) == count and len(rows(out)) == count
    assert not list((out / "colorize-journal").glob("workers-*"))


def test_a_cluster_that_does_not_answer_is_one_line(
    capsys: pytest.CaptureFixture[str],
    weights_file: Path,
    album: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", dead)  # what auto stands for, whatever else runs here
    for address in (dead, "auto", "nowhere"):
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
    capsys: pytest.CaptureFixture[str],
    weights_file: Path,
    album: Path,
    tmp_path: Path,
    cluster: str,
    worker_patch: Path,
    patch: str,
    word: str,
) -> None:
    worker_patch.write_text(patch)
    status, _, err = run(capsys, weights_file, album, "-o", tmp_path / "out", "--ray", cluster)
    assert (status, err.count("\n")) == (1, 1), err
    assert word in err
    assert not list((tmp_path / "out").glob("*.png"))


def test_weights_that_cannot_be_computed_are_one_line_before_the_work(
    capsys: pytest.CaptureFixture[str], weights_file: Path, album: Path, tmp_path: Path, cluster: str
) -> None:
    bare = tmp_path / "weights" / weights_file.name
    bare.parent.mkdir()
    shutil.copy(weights_file, bare)  # without its graph
    status, _, err = run(capsys, bare, album, "-o", tmp_path / "out", "--runtime", "onnx", "--ray", cluster)
    assert (status, err.count("\n")) == (1, 1), err
    assert str(bare) in err and "graph" in err and "start" not in err


def test_a_film_is_spread_and_equals_that_of_one_machine(
    capsys: pytest.CaptureFixture[str], weights_file: Path, tmp_path: Path
) -> None:
    film = make_video(tmp_path / "a.mp4", VideoRecipe(frames=90, scene_cut=45))
    for folder, options in (("one", []), ("many", ["--workers", "2", "--ray"])):
        assert run(capsys, weights_file, film, "-o", tmp_path / folder / "a.mp4", *options)[0] == 0
    assert (tmp_path / "many" / "a.mp4").read_bytes() == (tmp_path / "one" / "a.mp4").read_bytes()
    assert sorted(os.listdir(tmp_path / "many")) == ["a.mp4", "colorize-journal"]


def test_numbered_frames_of_a_list_are_not_spread_and_a_line_says_so(
    capsys: pytest.CaptureFixture[str], weights_file: Path, album: Path, tmp_path: Path
) -> None:
    # On a Ray of its own: in one that this process had joined ten times actors ended at once; a command joins once.
    (tmp_path / "l.csv").write_text(f"file,result\n{album}/%02d.png,%02d.png\n")
    for number in range(1, 12):
        shutil.copy(album / "00.png", album / f"{number:02d}.png")
    out = tmp_path / "out"
    status, _, err = run(capsys, weights_file, "--files", tmp_path / "l.csv", "-o", out, "--workers", "1", "--ray")
    assert status == 0, err
    assert len(results(out)) == 12 and any("%02d.png" in line and "spread" in line for line in err.splitlines())
