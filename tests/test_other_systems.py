"""Windows and macOS, by their mechanisms, on Linux: what POSIX alone has is missing, and files that are open stay."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.command import ROOT, run
from support.videos import VideoRecipe, make_video

from colorize.base import name_key, remove_folder, replacing
from colorize.batch import FileOptions, Job, Outcome, colorize_files, plan, plan_list
from colorize.batch.file_lists import FileList
from colorize.engine import Colorizer
from colorize.film import VideoOptions

NAME = "Праздник.jpg"  # which Western Europe's old code page of Windows does not have
PICTURE = Image.linear_gradient("L").resize((32, 24))
REFUSALS = (5, 32)  # numbers of Windows: access denied, sharing violation

LIKE_WINDOWS = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests")!r}]
from support.other_systems import become_like_windows
become_like_windows()
"""
SIMULATION = """
import os
from pathlib import Path

def refused(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        return getattr(error, "winerror", error.errno)

with open("held", "w"):
    held = refused(os.replace, "held", "other"), refused(os.unlink, "held")
    os.mkdir("folder")
os.rename("held", "folder/held")
with open("folder/held"):
    folder = refused(os.rename, "folder", "new"), refused(__import__("shutil").rmtree, "folder")
names = [refused(open, name, "w") for name in ("12:30.png", "nul.txt", "a?", "a.", "fine.txt")]
print(held, folder, names, hasattr(os, "sched_getaffinity"), Path("folder/held").exists())
"""
COMMANDS = """
import io
from colorize.cli import main

class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True

sys.stderr = Terminal(io.BytesIO(), encoding="cp1252")
arguments = ["--weights", sys.argv[1], "--device", "cpu"]
statuses = [main([*arguments, "-v", "in", "--keep-dates", "-o", "out"])]
statuses += [main([*arguments, "--files", "list.txt", "--format", "png", "-o", "listed"]) for _ in range(2)]
statuses += [main([*arguments, "in/film.mp4", "--export-keyframes", "1", "-o", "keys"])]
statuses += [main([*arguments, "in/film.mp4", "--keyframes", "keys", "-o", "keyed.mp4", "--keep-segments"])]
print(statuses)
sys.stderr.seek(0)
print(sys.stderr.read().encode("ascii").decode())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder ``in`` with two photographs and a film, and a list of the photographs."""
    (tmp_path / "in").mkdir()
    for name in (NAME, "b.tif"):
        PICTURE.save(tmp_path / "in" / name)
    make_video(tmp_path / "in" / "film.mp4", VideoRecipe(frames=6, sounds=["deu"]))
    (tmp_path / "list.txt").write_bytes(f"in/{NAME}\r\nin/b.tif\r\n".encode())
    return tmp_path


def like_windows(code: str, folder: Path, *arguments: object) -> str:
    """Run code in a new process, in a folder, as on Windows; return what it printed."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIKE_WINDOWS + code, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode("cp1252")[-2000:] + done.stdout.decode("cp1252")[-2000:]
    return done.stdout.decode("cp1252")


@pytest.mark.skipif(sys.platform != "linux", reason="imitated on Linux")
class TestLikeWindows:
    def test_the_imitation_is_one(self, tmp_path):
        said = like_windows(SIMULATION, tmp_path)
        assert said.split("\n")[0] == "(32, 32) (32, 32) [22, 22, 22, 22, None] False True"

    def test_photos_lists_and_films_are_coloured(self, folder, small_weights):
        said = like_windows(COMMANDS, folder, small_weights)
        assert "[0, 0, 0, 0, 0]" in said
        assert "\\u041f" in said, "letters that the terminal lacks are written as numbers"
        assert "2 done" in said, "the journal of the list"
        assert sorted(os.listdir(folder / "out")) == ["b.tif", "film.mp4", NAME]
        assert sorted(os.listdir(folder / "listed" / "in")) == ["b.png", Path(NAME).with_suffix(".png").name]
        assert (folder / "keyed.mp4").stat().st_size > 1000 and (folder / "keyed.mp4.segments").is_dir()
        assert not list(folder.rglob(".colorize-*"))


class Windows:
    """Stands for its calls: they refuse as often as it says, because another program looks at the file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.refusals: float = 0
        self.waited = 0.0
        self._number = number
        monkeypatch.setattr(os, "replace", self._refusing(os.replace))
        monkeypatch.setattr(shutil, "rmtree", self._refusing(shutil.rmtree))
        monkeypatch.setattr(time, "sleep", self._wait)

    def _refusing(self, call: Callable[..., None]) -> Callable[..., None]:
        def refuse(path: Any, *arguments: Any, **options: Any) -> None:
            held = Path(arguments[0] if call.__name__ == "replace" else path)
            if self.refusals > 0 and held.exists() and held.suffix in (".jpg", ".mp4", ".segments"):
                self.refusals -= 1
                error = PermissionError(13, "Permission denied", str(path))
                error.winerror = self._number  # type: ignore[attr-defined]
                raise error
            call(path, *arguments, **options)

        return refuse

    def _wait(self, seconds: float) -> None:
        self.waited += seconds


@pytest.fixture(params=REFUSALS)
def windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Windows]:
    yield Windows(monkeypatch, request.param)


class TestFilesThatOthersHold:
    def test_a_virus_scanner_is_waited_for(self, tmp_path: Path, windows: Windows) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(b"former")
        windows.refusals = 3
        with replacing(path, overwrite=True) as file:
            file.write(b"new")
        assert path.read_bytes() == b"new"
        (tmp_path / "a.segments").mkdir()
        windows.refusals = 3
        remove_folder(tmp_path / "a.segments")
        assert os.listdir(tmp_path) == ["a.jpg"]
        assert 0 < windows.waited < 10

    def test_a_photo_that_is_open_stays_as_it_is_and_is_named(
        self, tmp_path: Path, windows: Windows, small_weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        PICTURE.save(tmp_path / "a.jpg")
        (tmp_path / "a_colorized.jpg").write_bytes(b"former")
        windows.refusals = float("inf")
        status, _, err = run(capsys, small_weights, tmp_path / "a.jpg", "--overwrite")
        assert status == 1
        assert "a_colorized.jpg" in err and "open in another program" in err
        assert "no permission" not in err
        assert (tmp_path / "a_colorized.jpg").read_bytes() == b"former"
        assert sorted(os.listdir(tmp_path)) == ["a.jpg", "a_colorized.jpg"]
        assert windows.waited < 10

    @pytest.mark.parametrize("held", ["film", "segments"])
    def test_a_film_loses_nothing(
        self, tmp_path: Path, windows: Windows, colorizer: Colorizer, held: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source, target = make_video(tmp_path / "a.mp4", VideoRecipe(frames=6)), tmp_path / "b.mp4"
        options = FileOptions(video=VideoOptions(temporal="off", overwrite=held == "film"))
        if held == "film":
            target.write_bytes(b"former")
        windows.refusals = float("inf")
        (outcome,) = colorize_files(colorizer, [Job(source, target)], options)
        assert outcome.status == "failed" and "same command" in outcome.message
        assert ("another program" if held == "film" else "is whole") in outcome.message
        assert "no permission" not in outcome.message
        before = target.read_bytes()
        assert (before == b"former") == (held == "film")
        assert target.with_name("b.mp4.segments").is_dir()
        windows.refusals = 0
        with monkeypatch.context() as patch:
            patch.setattr(colorizer.network, "encode", None)  # nothing is coloured again
            (outcome,) = colorize_files(colorizer, [Job(source, target)], options)
        assert outcome.status == "done"
        assert (target.read_bytes() == before) == (held == "segments")
        assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]


@pytest.fixture
def folding_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder whose disk tells neither upper from lower case nor composed letters from others, as macOS's."""

    def folded(path: object) -> str:
        return unicodedata.normalize("NFC", os.fspath(path)).lower()  # type: ignore[call-overload]

    monkeypatch.setattr(os.path, "samefile", lambda a, b: folded(a) == folded(b))
    (tmp_path / "a file.png").touch()
    return tmp_path


class TestNames:
    PAIRS = (("Aunt.png", "aunt.tif"), ("\u00e9.png", "e\u0301.tif"))

    @pytest.mark.parametrize("names", PAIRS)
    @pytest.mark.parametrize("place", [None, "new/deep"])
    def test_two_results_of_one_name_on_a_disk_that_folds_cases(self, folding_disk, names, place):
        sources = [folding_disk / name for name in names]
        output = place and folding_disk / place
        first, second = plan(sources, output, suffix=".jpg")
        assert isinstance(first, Job) and isinstance(second, Outcome)
        assert second.status == "failed" and names[1] in second.message

    @pytest.mark.parametrize("names", PAIRS)
    def test_rows_of_a_list_too(self, folding_disk, names):
        listed = folding_disk / "list.txt"
        listed.write_text("\n".join(str(folding_disk / name) for name in names), encoding="utf-8")
        first, second = plan_list(FileList.open(listed), suffix=".jpg")
        assert isinstance(first, Job) and isinstance(second, Outcome)

    @pytest.mark.skipif(sys.platform != "linux", reason="its usual disks tell them apart")
    @pytest.mark.parametrize("names", PAIRS)
    def test_elsewhere_they_are_two(self, tmp_path, names):
        (tmp_path / "a file.png").touch()
        jobs = plan([tmp_path / name for name in names], suffix=".jpg")
        assert len({name_key(job.target) for job in jobs if isinstance(job, Job)}) == 2

    @pytest.mark.parametrize(
        "name", ["C:\\photos\\a.jpg", "c:/photos/a.jpg", "\\\\server\\share\\a.jpg", "C:a.jpg", "D://a.jpg"]
    )
    def test_no_path_of_windows_is_taken_for_an_address(self, tmp_path, name):
        listed = tmp_path / "list.csv"
        listed.write_bytes(f'file,hints\r\n{name},"1,2,#ff0000"\r\n'.encode())
        (job,) = plan_list(FileList.open(listed))
        assert isinstance(job, Job) and job.source == Path(name) and job.hints is not None
