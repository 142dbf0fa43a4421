"""What the launchers start: the page in the browser, or the command with the files that were dropped on the icon.

The first start makes an environment of its own in ``launchers/environment`` and installs the program there; nothing
else of the machine is changed, and who deletes the folder is rid of it. Needs Python and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
OLDEST, NEWEST = (3, 10), (3, 14)  # of Python; the newest for which all libraries have builds
INTERRUPTED = 130  # exit status
PROGRAM = ".exe" if os.name == "nt" else ""  # suffix of what an environment's folder of programs holds
PORT = 7860
START_SECONDS = 120.0  # a slow disk reads the libraries for the first time
EXTRAS = "web,heic"
DROPLET = """
on launch_with(file_arguments)
    tell application "Terminal"
        activate
        do script LAUNCH & file_arguments
    end tell
end launch_with

on run
    launch_with("")
end run

on open dropped_files
    set file_arguments to ""
    repeat with dropped_file in dropped_files
        set file_arguments to file_arguments & " " & quoted form of POSIX path of dropped_file
    end repeat
    launch_with(file_arguments)
end open
"""
"""An icon of macOS that takes files (AppleScript); a .command is given none. LAUNCH stands for the command's text."""


def main(files: Sequence[str]) -> int:
    """Make the environment if need be, then colour files, or open the page where there are none.

    Returns:
        The exit status: that of ``colorize`` or ``colorize-web``; 1: the environment could not be made.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        wanted = " to ".join(".".join(map(str, version)) for version in (OLDEST, NEWEST))
        print(f"This is Python {sys.version.split()[0]}; install {wanted} from https://www.python.org/downloads")
        return 1
    try:
        programs = make_environment(FOLDER / "environment", ROOT)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"\nThe program could not be installed: {error}\nStart again to try once more.")
        return 1
    except KeyboardInterrupt:
        print("\nStopped before the program was installed. Start again to begin anew.")
        return INTERRUPTED
    if sys.platform == "darwin":
        make_droplet()
    return color_files(programs, files) if files else open_page(programs)


def make_environment(folder: Path, root: Path, install: Callable[[Path, Path], None] | None = None) -> Path:
    """Make the environment, unless it is there and of what the checkout needs now; return the folder of its programs.

    An environment counts only once a note in it, written last, says what was installed: a first start that was stopped
    begins anew.

    Args:
        folder: Of the environment.
        root: The checkout.
        install: Called with the environment's Python and the checkout; None: pip installs the checkout.

    Raises:
        OSError: The environment cannot be made.
        subprocess.CalledProcessError: Something cannot be installed.
    """
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    note = folder / "installed.txt"
    wanted = f"{hashlib.sha256((root / 'pyproject.toml').read_bytes()).hexdigest()} {root} {sys.version}"
    with _one_at_a_time(folder.with_name(f".{folder.name}.lock")):
        if note.is_file() and note.read_text("utf-8") == wanted:
            return programs
        print("The first start installs the program: some 300 MB are downloaded, once.", flush=True)
        print("Step 1 of 2: a folder of its own", flush=True)
        if importlib.util.find_spec("ensurepip") is None:  # as Debian and Ubuntu divide Python
            raise OSError(
                f"this Python cannot make an environment; its system's package is missing: "
                f"sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            )
        note.unlink(missing_ok=True)
        venv.create(folder, clear=True, with_pip=True)
        print("Step 2 of 2: the program and its libraries", flush=True)
        (install or _install)(programs / f"python{PROGRAM}", root)
        note.write_text(wanted, "utf-8")
        print("Installed.\n", flush=True)
    return programs


def color_files(programs: Path, files: Sequence[str]) -> int:
    """Colour files beside the originals; return the exit status of ``colorize``."""
    command = subprocess.Popen([str(programs / f"colorize{PROGRAM}"), *files])
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the command's too, which finishes what it writes
            return command.wait()


def open_page(programs: Path, show: Callable[[str], object] = webbrowser.open) -> int:
    """Serve the page until the window is closed, and show it in the browser; one that is open already is shown alone.

    Args:
        programs: The folder of the environment's programs.
        show: Called with the page's address once it answers.

    Returns:
        The exit status of ``colorize-web``, or 0.
    """
    if answers(PORT):
        show(f"http://127.0.0.1:{PORT}/")
        return 0
    port = PORT if _is_free(PORT) else 0
    if port == 0:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    print("The page opens in the browser. It ends when this window is closed.", flush=True)
    server = subprocess.Popen([str(programs / f"colorize-web{PROGRAM}"), "--port", str(port)])
    try:
        end = time.monotonic() + START_SECONDS
        while server.poll() is None and not answers(port) and time.monotonic() < end:
            time.sleep(0.2)
        if server.poll() is None:
            show(f"http://127.0.0.1:{port}/")
        return server.wait()
    except KeyboardInterrupt:
        return server.wait()
    finally:
        server.terminate()


def answers(port: int) -> bool:
    """Tell whether the program serves its page on a port of this machine."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return b'"status"' in answer.read(1000)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def make_droplet() -> None:
    """Make the icon beside the launchers that takes dropped files (macOS)."""
    application = FOLDER / "Colorize.app"
    if application.exists():
        return
    command = shlex.join(["/bin/sh", str(FOLDER / "Colorize.command")])
    quoted = '"' + command.replace("\\", "\\\\").replace('"', '\\"') + '"'
    with contextlib.suppress(OSError):
        subprocess.run(
            ["osacompile", "-o", str(application), "-e", DROPLET.replace("LAUNCH", quoted)], stderr=subprocess.DEVNULL
        )


def _install(python: Path, root: Path) -> None:
    """Install the checkout as it lies there, so that a newer one needs nothing; pip shows its progress."""
    subprocess.run([str(python), "-m", "pip", "install", "-e", f"{root}[{EXTRAS}]"], check=True)


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return True
    return False


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a lock that the system gives back when the process ends: somebody impatient clicks twice."""
    with path.open("a+b") as file:
        if os.name == "nt":
            import msvcrt

            while True:
                with contextlib.suppress(OSError):
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if sys.stdin is not None and sys.stdin.isatty() and (status != 0 or sys.argv[1:]):
        input("Done. Enter closes this window. " if status == 0 else "Enter closes this window. ")
    sys.exit(status)
