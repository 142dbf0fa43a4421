"""Downloads from a server that breaks off, lies, moves and fails; whatever happens, no wrong file takes the name."""

from __future__ import annotations

import errno
import hashlib
import pydoc
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server import Behaviour, serve

from colorize.base import DownloadError
from colorize.network import Source, downloads, fetch, registry
from colorize.network.registry import cache_folder

CONTENT = random.Random(0).randbytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(downloads, "RETRY_DELAYS", (0.0, 0.0))
    monkeypatch.setattr(downloads, "BLOCK_BYTES", 1 << 14)


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "cache" / "file.pth"


def part_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def known(address: str, name: str = "file") -> Source:
    return Source(f"{address}/{name}", len(CONTENT), DIGEST)


@pytest.mark.parametrize("name", ["file", "moved"])
def test_a_file_arrives_whole_also_by_a_redirect(target, name):
    with serve(Behaviour(CONTENT)) as address:
        fetch(known(address, name), target)
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()


def test_progress_counts_every_byte(target):
    seen = []
    with serve(Behaviour(CONTENT, cuts=[100_000])) as address:
        fetch(known(address), target, lambda have, total: seen.append((have, total)))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [have for have, _ in seen] == sorted({have for have, _ in seen})  # what is resumed is not counted twice


def test_a_cut_connection_is_taken_up_where_it_broke(target):
    behaviour = Behaviour(CONTENT, cuts=[100_000, 50_000])
    with serve(behaviour) as address:
        fetch(known(address), target)
    assert target.read_bytes() == CONTENT
    assert behaviour.requests == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_starts_again(target):
    behaviour = Behaviour(CONTENT, cuts=[100_000], ranges=False)
    with serve(behaviour) as address:
        fetch(known(address), target)
    assert target.read_bytes() == CONTENT


def test_a_dead_connection_keeps_what_came_for_the_next_command(target):
    behaviour = Behaviour(CONTENT, cuts=[100_000, 0, 0, 0, 0])
    with serve(behaviour) as address, pytest.raises(DownloadError, match=r"100000 bytes are kept, the same command"):
        fetch(known(address), target)
    assert not target.exists()
    assert part_of(target).stat().st_size == 100_000
    behaviour = Behaviour(CONTENT)
    with serve(behaviour) as address:
        fetch(known(address), target)
    assert behaviour.requests == ["bytes=100000-"]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("announce", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_wrong_length_is_refused_before_anything_is_written(target, announce):
    message = rf"{announce} bytes where {len(CONTENT)} are expected"
    with serve(Behaviour(CONTENT, announce=announce)) as address, pytest.raises(DownloadError, match=message):
        fetch(known(address), target)
    assert not target.exists()
    assert not part_of(target).exists()


def test_a_wrong_hash_is_not_kept(target):
    wrong = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    with serve(Behaviour(wrong)) as address, pytest.raises(DownloadError, match=rf"where {DIGEST} is expected"):
        fetch(known(address), target)
    assert not target.exists()
    assert not part_of(target).exists()


@pytest.mark.parametrize("junk", [b"another file's beginning", bytes(len(CONTENT)), CONTENT + b"too long"])
def test_a_foreign_part_never_ends_in_the_file_and_costs_no_second_command(target, junk):
    target.parent.mkdir()
    part_of(target).write_bytes(junk)
    with serve(Behaviour(CONTENT)) as address:
        fetch(known(address), target)
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()


@pytest.mark.parametrize("place", ["http.client.HTTPResponse.read", "http.client.HTTPConnection.getresponse"])
def test_a_network_that_goes_away_for_a_moment_is_no_end(target, monkeypatch, place):
    """An error of the system that is no ``ConnectionError`` by its class, while an answer is read or awaited."""
    owner, _, name = place.rpartition(".")
    whole, calls = getattr(pydoc.locate(owner), name), []

    def break_once(*arguments):
        calls.append(arguments)
        if len(calls) == 3 or (len(calls) == 1 and name == "getresponse"):
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        return whole(*arguments)

    monkeypatch.setattr(place, break_once)
    behaviour = Behaviour(CONTENT)
    with serve(behaviour) as address:
        fetch(known(address), target)
    assert target.read_bytes() == CONTENT
    assert len(behaviour.requests) == 2


def test_a_full_disk_meanwhile_is_not_tried_again(target, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    behaviour = Behaviour(CONTENT)
    with serve(behaviour) as address, pytest.raises(OSError, match="No space left"):
        fetch(known(address), target, refuse)  # called where a block is written
    assert len(behaviour.requests) == 1


def test_a_whole_part_needs_no_connection(target):
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    fetch(Source("http://127.0.0.1:9/file", len(CONTENT), DIGEST), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(("name", "status", "message"), [("no", 200, "404 Not Found"), ("file", 403, "403 Forbidden")])
def test_refusals_are_passed_on_at_once(target, name, status, message):
    behaviour = Behaviour(CONTENT, status=status, failures=9 if status != 200 else 0)
    with serve(behaviour) as address, pytest.raises(DownloadError, match=rf"/{name}: the server answers {message}"):
        fetch(known(address, name), target)
    assert len(behaviour.requests) <= 1
    assert not target.exists()


def test_a_busy_server_is_asked_again(target):
    with serve(Behaviour(CONTENT, status=503, failures=2)) as address:
        fetch(known(address), target)
    assert target.read_bytes() == CONTENT


def test_no_server(target):
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/file: .*refused"):
        fetch(known("http://127.0.0.1:9"), target)


def test_a_web_page_is_no_file(target):
    page = Behaviour(b"<html>choose a file</html>", kind="text/html; charset=utf-8")
    with serve(page) as address, pytest.raises(DownloadError, match="sends a web page"):
        fetch(known(address), target)
    assert not target.exists()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "/file"])
def test_only_http(target, url):
    with pytest.raises(DownloadError, match="only http and https"):
        fetch(Source(url, len(CONTENT), DIGEST), target)


@pytest.mark.parametrize("moved", ["file:///etc/hostname", "ftp://127.0.0.1:9/file", "data:,x"])
def test_a_redirect_leads_to_http_alone(target, moved):
    with serve(Behaviour(CONTENT, moved=moved)) as address, pytest.raises(DownloadError, match=moved.partition(":")[0]):
        fetch(known(address, "moved"), target)
    assert not target.exists()


def test_a_redirect_to_a_port_without_encryption_is_not_followed_from_https():
    redirect = downloads.RedirectHandler().redirect_request
    request = downloads.Request("https://weights.example/file")
    assert redirect(request, None, 302, "Found", {}, "https://mirror.example/file") is not None
    with pytest.raises(DownloadError, match=r"http://mirror\.example/file"):
        redirect(request, None, 302, "Found", {}, "http://mirror.example/file")


def test_a_server_that_always_breaks_off_is_given_up(target):
    behaviour = Behaviour(CONTENT, cuts=[100_000] * 50, ranges=False)
    with serve(behaviour) as address, pytest.raises(DownloadError, match="broke off after 100000 of 300000 bytes"):
        fetch(known(address), target)
    assert len(behaviour.requests) < 10


def test_a_file_that_changed_between_two_pieces_is_not_kept(target):
    behaviour = Behaviour(CONTENT, cuts=[100_000])

    def exchange(have: int, _total: int) -> None:
        if have >= 100_000:
            behaviour.content = CONTENT[::-1]

    with serve(behaviour) as address, pytest.raises(DownloadError, match=rf"where {DIGEST} is expected"):
        fetch(known(address), target, exchange)
    assert not target.exists()
    assert not part_of(target).exists()


def test_two_at_once_download_once(target):
    behaviour = Behaviour(CONTENT, gate=threading.Event())
    with serve(behaviour) as address, ThreadPoolExecutor(2) as threads:
        both = [threads.submit(fetch, known(address), target) for _ in range(2)]
        while not behaviour.requests:
            time.sleep(0.01)
        behaviour.gate.set()
        for one in both:
            one.result(30)
    assert len(behaviour.requests) == 1
    assert target.read_bytes() == CONTENT


def test_a_damaged_file_is_replaced(target):
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1])
    with serve(Behaviour(CONTENT)) as address:
        fetch(known(address), target)
    assert target.read_bytes() == CONTENT


def test_a_full_disk_is_told_before(target, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: _Usage(1000))
    with serve(Behaviour(CONTENT)) as address, pytest.raises(DownloadError, match="300000 bytes are needed and 1000"):
        fetch(known(address), target)


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"COLORIZE_HOME": "/a/b", "XDG_CACHE_HOME": "/c"}, "/a/b/weights"),
        ({"COLORIZE_HOME": "", "XDG_CACHE_HOME": "/c"}, "/c/colorize/weights"),
        ({"HOME": "/home/me"}, "/home/me/.cache/colorize/weights"),
    ],
)
def test_where_the_cache_lies(monkeypatch, settings, expected):
    for name in ("COLORIZE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_a_user_without_a_home_folder(monkeypatch):
    """As in a container under a number that nobody has, where HOME is not set."""

    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("COLORIZE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.setattr(registry.os, "getuid", lambda: 12345, raising=False)  # Windows has none
    assert cache_folder() == Path(tempfile.gettempdir(), "colorize-12345", "weights")
