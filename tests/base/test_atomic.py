"""Files that are whole under their name or not there, also when the process is killed while it writes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colorize.base import move_into_place, replacing

WRITE_HALF = """
import sys, time
from pathlib import Path
from colorize.base import replacing

with replacing(Path(sys.argv[1]), overwrite=True) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_takes_its_name_when_the_block_ends(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.bin"
    with replacing(path, overwrite=False, durable=durable) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_an_existing_file_is_replaced_only_if_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"a\.bin.*--overwrite"), replacing(path, overwrite=False):
        raise AssertionError("the block must not begin")
    with replacing(path, overwrite=True) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "a.bin"
    with pytest.raises(FileNotFoundError) as caught, replacing(path, overwrite=False):
        raise AssertionError("the block must not begin")
    assert str(caught.value) == f"{path}: there is no folder {tmp_path / 'gone'}; make it first"


def test_a_name_that_was_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(FileExistsError, match=r"a\.bin"), replacing(path, overwrite=False) as file:
        file.write(b"mine")
        path.write_bytes(b"another's")
    assert path.read_bytes() == b"another's"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"precious")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.jpg", overwrite=True) as file:
        file.write(b"half")
        raise RuntimeError
    assert os.listdir(tmp_path) == ["a.jpg"]
    assert (tmp_path / "a.jpg").read_bytes() == b"precious"


def test_a_killed_process_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"former")
    command = [sys.executable, "-c", WRITE_HALF, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        assert path.read_bytes() == b"former"
        process.kill()
    assert path.read_bytes() == b"former"
    with replacing(path, overwrite=True) as file:  # takes over what the killed one left, which is longer
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("fails", [False, True])
def test_two_that_write_to_one_path_do_not_disturb_each_other(tmp_path: Path, fails: bool) -> None:
    path = tmp_path / "a.bin"
    with replacing(path, overwrite=True) as first:
        first.write(b"fi")
        with contextlib.suppress(RuntimeError), replacing(path, overwrite=True) as second:
            second.write(b"second")
            if fails:
                raise RuntimeError
        assert path.exists() is not fails
        first.write(b"rst")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_finished_file_replaces_the_one_that_has_its_name(tmp_path: Path, durable: bool) -> None:
    (tmp_path / "part").write_bytes(b"new")
    (tmp_path / "a.bin").write_bytes(b"old")
    move_into_place(tmp_path / "part", tmp_path / "a.bin", durable)
    assert os.listdir(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"new"


def test_a_finished_folder_does_not_replace_one_that_holds_something(tmp_path: Path) -> None:
    for name in ("part", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    with pytest.raises(OSError, match="a"):
        move_into_place(tmp_path / "part", tmp_path / "a")
    assert (tmp_path / "a" / "file").read_text() == "a"
    move_into_place(tmp_path / "part", tmp_path / "b")
    assert (tmp_path / "b" / "file").read_text() == "part"


@pytest.mark.skipif(os.name != "posix", reason="Windows takes no temporary file over")
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_temporary_file_that_is_another_name_of_a_file_is_left_alone(tmp_path: Path, link: Callable) -> None:
    path, other = tmp_path / "a.bin", tmp_path / "other.bin"
    other.write_bytes(b"not ours")
    with replacing(path, overwrite=True):
        (temporary,) = tmp_path.glob(".*")
    path.unlink()
    link(other, temporary)
    with replacing(path, overwrite=True) as file:
        file.write(b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"not ours")


def test_a_name_that_cannot_be_had_is_the_one_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()
    with pytest.raises(OSError) as error, replacing(tmp_path / "a.jpg", overwrite=True) as file:
        file.write(b"x")
    assert error.value.filename == str(tmp_path / "a.jpg") and ".tmp" not in str(error.value)
    assert os.listdir(tmp_path) == ["a.jpg"]
