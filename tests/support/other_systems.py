"""A process in which much is as on Windows, on Linux: what POSIX alone has is missing, and its rules for files hold.

A file that is open, or mapped into memory, is neither renamed nor replaced nor removed; no name is made that Windows
forbids; and neither ``/proc`` nor ``/dev/shm`` can be opened by Python. What libraries of C do is not watched, but for
the files that they hold open.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import sys
from typing import Any

POSIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "_posixshmem")
POSIX_NAMES = re.findall(
    r"\w+",
    """
    sched_getaffinity sched_setaffinity sched_getscheduler sched_setscheduler sched_getparam sched_param SCHED_FIFO
    SCHED_RR fork forkpty register_at_fork posix_fadvise posix_fallocate posix_spawn sysconf statvfs fchmod fchown chown
    geteuid getuid getgid getgroups nice mkfifo killpg setsid getpgid wait waitid getloadavg pread pwrite sendfile
    copy_file_range memfd_create O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK O_SYNC
""",
)
POSIX_SIGNALS = ("SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "SIGQUIT", "SIGTSTP")
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
SYSTEM_FOLDERS = ("/proc", "/dev/shm")


def become_like_windows() -> None:
    """Change this process for good, before it imports what is to be tried."""
    for name in POSIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment] - an ImportError
    for name in POSIX_NAMES:
        if hasattr(os, name):
            delattr(os, name)
    for name in POSIX_SIGNALS:
        delattr(signal, name)
    os.supports_dir_fd.clear()
    is_busy = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal is_busy
        if is_busy or event not in WATCHED:
            return
        is_busy = True  # what is asked here asks again
        try:
            WATCHED[event](*arguments)
        finally:
            is_busy = False

    sys.addaudithook(watch)


def _opened(path: object, mode: object, flags: int) -> None:
    if isinstance(path, str | bytes):
        if os.fsdecode(path).startswith(SYSTEM_FOLDERS):
            raise FileNotFoundError(2, "not on this system", path)
        if flags & os.O_CREAT:
            _check_name(path)


def _renamed(source: str, target: str, *_: object) -> None:
    _check_name(target)
    for path in (source, target):
        _check_closed(path)


def _check_name(path: str | bytes, *_: object) -> None:
    name = os.path.basename(os.fsdecode(path))
    if FORBIDDEN.search(name):
        raise OSError(22, "Windows forbids such a name", path)


def _check_closed(path: str | bytes, *_: object) -> None:
    """Raise what Windows raises where a file, or one in a folder, is open."""
    path = os.path.realpath(os.fsdecode(path))
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    with open("/proc/self/maps", encoding="utf-8") as maps:
        used = {line.split(maxsplit=5)[-1].strip() for line in maps}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # of this list itself
            used.add(os.readlink(f"/proc/self/fd/{number}"))
    held = [each for each in used if each == path or (is_folder and each.startswith(f"{path}/"))]
    if any(os.path.isfile(each) for each in held):
        error = PermissionError(13, "in use", path)
        error.winerror = 32  # type: ignore[attr-defined]
        raise error


WATCHED = {
    "open": _opened,
    "os.rename": _renamed,
    "os.remove": _check_closed,
    "os.rmdir": _check_closed,
    "os.mkdir": _check_name,
}
