"""The launchers: what a double click and dropped files come to, and that a first start that was stopped begins anew."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "launchers"
STUB = "import pathlib, sys; pathlib.Path(sys.argv[0]).with_name('seen').write_text('\\n'.join(sys.argv[1:]))"
DROPPED = ["/photos/aunt & uncle's.jpg", "/photos/großmutter $HOME 1.png"]


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("launch", FOLDER / "launch.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.venv, "create", lambda folder, **_: folder.mkdir(exist_ok=True))  # a real one takes long
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The launchers in a folder with a difficult name; in place of the program is one that notes what it was given."""
    folder = tmp_path / "our family's photos"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("environment", "*.app", "__pycache__"))
    (folder / "launch.py").write_text(STUB, "utf-8")
    return folder


def desktop_command(path: Path, files: list[str]) -> list[str]:
    """Return the command of a desktop entry (Desktop Entry Specification: escapes of values, quotes, field codes)."""
    line = re.search(r"^Exec=(.*)$", path.read_text("utf-8"), re.MULTILINE)
    assert line is not None
    words = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', line[1].replace("\\\\", "\\"))
    values = {"%k": [str(path)], "%F": files}
    return [word for quoted, bare in words for word in values.get(bare, [re.sub(r"\\(.)", r"\1", quoted) or bare])]


@pytest.mark.skipif(os.name != "posix", reason="the scripts of a shell")
@pytest.mark.parametrize("name", ["colorize.sh", "Colorize.command", "Colorize.desktop"])
@pytest.mark.parametrize("files", [[], DROPPED], ids=["click", "drop"])
def test_files_arrive_as_they_are_named(folder: Path, name: str, files: list[str], tmp_path: Path) -> None:
    path = folder / name
    assert path.stat().st_mode & stat.S_IXUSR
    command = desktop_command(path, files) if path.suffix == ".desktop" else [str(path), *files]
    subprocess.run(command, check=True, cwd=tmp_path, stdin=subprocess.DEVNULL, timeout=30)
    assert (folder / "seen").read_text("utf-8").split("\n") == (files or [""])


@pytest.mark.skipif(os.name != "posix", reason="the scripts of a shell")
@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"python3": (3, 15), "python3.13": (3, 13), "python3.15": (3, 15)}, "python3.13"),
        ({"python3": (3, 9), "python3.11": (3, 11)}, "python3.11"),
        ({"python3": (3, 12), "python3.14": (3, 14)}, "python3"),
        ({"python3": (3, 9), "python3.15": (3, 15)}, None),
    ],
)
def test_a_python_that_the_libraries_are_built_for_is_taken(
    folder: Path, tmp_path: Path, there: dict[str, tuple[int, int]], taken: str | None
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "pwd", "cd"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    for name, version in there.items():
        asked = f'"{sys.executable}" -c "import sys; sys.version_info = {version}; exec(sys.argv[1])" "$2"'
        start = f'[ "$1" = -c ] && exec {asked}\necho {name}'
        (programs / name).write_text(f"#!/bin/sh\n{start}\n", "utf-8")
        (programs / name).chmod(0o755)
    script = ["/bin/sh", str(folder / "colorize.sh")]
    done = subprocess.run(
        script, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={"PATH": str(programs)}, timeout=30
    )
    assert done.returncode == (taken is None)
    assert done.stdout.strip() == (taken or "Python 3.10 to 3.14 is missing: https://www.python.org/downloads")


def test_the_script_of_windows_has_its_line_ends_and_starts_the_same() -> None:
    text = (FOLDER / "Colorize.bat").read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") > 5
    assert text.splitlines()[-1] == b'%found% "%~dp0launch.py" %*'


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 15, 0)])
def test_a_python_that_the_program_does_not_run_with_is_named(
    launch: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, version: tuple
) -> None:
    monkeypatch.setattr(launch.sys, "version_info", version)
    monkeypatch.setattr(launch, "make_environment", None)  # which is not called
    assert launch.main([]) == 1
    assert "install 3.10 to 3.14 from https://www.python.org/downloads" in capsys.readouterr().out


def test_all_launchers_want_the_pythons_of_the_package(launch: ModuleType) -> None:
    wanted = re.search(
        r'^requires-python = ">=3\.(\d+),<3\.(\d+)"', (FOLDER.parent / "pyproject.toml").read_text(), re.M
    )
    assert wanted is not None
    oldest, end = int(wanted[1]), int(wanted[2])
    assert ((3, oldest), (3, end - 1)) == (launch.OLDEST, launch.NEWEST)
    for name in ("colorize.sh", "Colorize.bat"):
        text = (FOLDER / name).read_text("utf-8")
        assert f"(3, {oldest}) <= sys.version_info < (3, {end})" in text
        assert f"Python 3.{oldest} to 3.{end - 1} is missing" in text
        assert all(f"3.{minor}" in text for minor in range(oldest, end))


class TestEnvironment:
    def test_it_is_made_once_and_anew_when_the_checkout_needs_more(self, launch, tmp_path, capsys):
        made = []
        root = tmp_path / "checkout"
        root.mkdir()
        for needs in ("one", "one", "two"):
            (root / "pyproject.toml").write_text(needs)
            launch.make_environment(tmp_path / "environment", root, lambda *given: made.append(given))
        programs = tmp_path / "environment" / ("Scripts" if os.name == "nt" else "bin")
        assert made == [(programs / "python", root)] * 2
        assert capsys.readouterr().out.count("Step 1 of 2") == 2

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), subprocess.CalledProcessError(1, "pip"), OSError("full")])
    def test_one_that_was_stopped_does_not_count(self, launch, tmp_path, error):
        (tmp_path / "pyproject.toml").write_text("needs")
        made = []

        def fail(*_):
            raise error

        with pytest.raises(type(error)):
            launch.make_environment(tmp_path / "environment", tmp_path, fail)
        launch.make_environment(tmp_path / "environment", tmp_path, lambda *_: made.append(1))
        assert made == [1]

    def test_two_clicks_make_one(self, launch, tmp_path):
        (tmp_path / "pyproject.toml").write_text("needs")
        made: list[int] = []

        def install(*_):
            made.append(1)
            second.start()
            second.join(0.3)  # it waits
            assert second.is_alive()

        def start():
            launch.make_environment(tmp_path / "environment", tmp_path, install)

        first, second = threading.Thread(target=start), threading.Thread(target=start)
        first.start()
        first.join(10)
        second.join(10)
        assert made == [1]

    def test_a_failed_installation_is_said_with_a_remedy(self, launch, monkeypatch, capsys):
        def fail(*_):
            raise subprocess.CalledProcessError(1, ["pip"])

        monkeypatch.setattr(launch, "make_environment", fail)
        assert launch.main([]) == 1
        assert "again" in capsys.readouterr().out


def program(path: Path, code: str) -> Path:
    """Write a program of Python as the environment's; return its folder."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{code}\n", "utf-8")
    path.chmod(0o755)
    return path.parent


PAGE = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')
        stops = self.path == "/stop"
        self.server.stops = stops
    log_message = lambda *_: None
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
server.stops = False
while not server.stops:
    server.handle_request()
sys.exit(7)
"""


@pytest.mark.skipif(os.name != "posix", reason="programs in Python with a first line that says so")
class TestPrograms:
    def test_dropped_files_go_to_the_command(self, launch, tmp_path):
        programs = program(tmp_path / "bin" / "colorize", f"{STUB}; sys.exit(3)")
        assert launch.color_files(programs, DROPPED) == 3
        assert (programs / "seen").read_text("utf-8").split("\n") == DROPPED

    @pytest.mark.parametrize("is_taken", [False, True])
    def test_the_page_is_shown_when_it_answers_also_where_the_port_is_taken(
        self, launch, tmp_path, monkeypatch, is_taken
    ):
        programs = program(tmp_path / "bin" / "colorize-web", PAGE)
        shown = []

        def show(address):
            shown.append(address)
            launch.urllib.request.urlopen(f"{address}stop", timeout=5)

        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            monkeypatch.setattr(launch, "PORT", port)
            answers = launch.answers
            monkeypatch.setattr(launch, "answers", lambda asked: asked != port and answers(asked))  # it is silent
            if not is_taken:
                other.close()
                monkeypatch.setattr(launch, "answers", answers)
            assert launch.open_page(programs, show) == 7
        assert len(shown) == 1
        assert (shown == [f"http://127.0.0.1:{port}/"]) == (not is_taken)

    def test_a_page_that_is_open_already_is_shown_again(self, launch, tmp_path, monkeypatch):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"status": "ok"}')

            def log_message(self, *_):
                pass

        shown = []
        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            monkeypatch.setattr(launch, "PORT", server.server_port)
            assert launch.open_page(tmp_path / "none", shown.append) == 0
            thread.join()
        assert shown == [f"http://127.0.0.1:{server.server_port}/"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_lets_the_command_finish_what_it_writes(tmp_path: Path) -> None:
    program = tmp_path / "colorize"
    program.write_text(
        f"#!{sys.executable}\n"
        "import signal, sys, time\n"
        "def finish(*_):\n"
        "    time.sleep(1)\n"
        "    print('finished', flush=True)\n"
        "    sys.exit(130)\n"
        "signal.signal(signal.SIGINT, finish)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    program.chmod(0o755)
    code = (
        "import pathlib, sys, launch; "
        f"print('status', launch.color_files(pathlib.Path({str(tmp_path)!r}), ['film.mp4']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    started = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None and started.stdout.readline() == "ready\n"
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    out, err = started.communicate(timeout=60)
    assert (out, err) == ("finished\nstatus 130\n", "")


def test_a_python_that_makes_no_environment_is_told_with_the_package(
    launch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "FOLDER", tmp_path)
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ensurepip" else found(name))
    assert launch.main([]) == 1
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"sudo apt install python{version}-venv" in capsys.readouterr().out


def test_ctrl_c_within_the_first_start_is_a_line(
    launch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "FOLDER", tmp_path)
    monkeypatch.setattr(launch.venv, "create", stop)
    assert launch.main(["a.jpg"]) == 130
    assert "Start again" in capsys.readouterr().out
