"""Clients of the service, good and bad: photographs of many sizes, films, cancellations; slow and vanishing ones."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np

from benchmarks.reliability.sound_files import make_films

MEGAPIXELS = {0.1: 8, 0.3: 6, 1: 5, 3: 3, 8: 2, 24: 0.4, 40: 0.2}
"""Size of a photograph -> how often it is sent, as a share of the sum."""
FILM = "h264.mp4"
TIMEOUT = 600.0  # seconds, of a request on a busy machine
SLOW_SECONDS = 3.0  # that a slow client takes for a small upload
POLL_SECONDS = 0.5
BOUNDARY = b"a-part-of-the-form"


@dataclass(frozen=True)
class Answer:
    """What a client was answered.

    Attributes:
        kind: Of client, a name of ``KINDS``.
        status: HTTP status of the answer that counts; 0: the client went away.
        seconds: From the beginning to that answer.
        wrong: What was wrong; empty: nothing.
    """

    kind: str
    status: int
    seconds: float
    wrong: str


class Uploads:
    """What clients send."""

    def __init__(self, most: float = max(MEGAPIXELS), seed: int = 0) -> None:
        """Make all photographs and a film.

        Args:
            most: Megapixels of the largest photograph.
            seed: Of the pictures.
        """
        self.photos = {size: _photo(size, seed) for size in MEGAPIXELS if size <= most}
        self.film = make_films(FILM)[FILM]

    def photo(self, random: np.random.Generator) -> bytes:
        """Return a sound photograph, small ones more often."""
        sizes = list(self.photos)
        shares = np.array([MEGAPIXELS[size] for size in sizes])
        return self.photos[sizes[int(random.choice(len(sizes), p=shares / shares.sum()))]]


def _photo(megapixels: float, seed: int) -> bytes:
    width = round((megapixels * 1e6 * 1.5) ** 0.5)
    height = round(width / 1.5)
    coarse = np.random.default_rng(seed).integers(0, 256, (40, 60), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def send_photo(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Send a sound photograph and return status and what is wrong."""
    answer = session.post("/v1/colorize", files={"photo": ("photo.jpg", uploads.photo(random))})
    if answer.status_code == 200 and answer.content[:2] != b"\xff\xd8":
        return 200, "the answer is no JPEG"
    return answer.status_code, _unless(answer, 200)


def send_bad_photo(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Send a photograph that is cut off, and return status and what is wrong."""
    photo = uploads.photos[0.1]
    answer = session.post(
        "/v1/colorize", files={"photo": ("photo.jpg", photo[: int(random.integers(len(photo) // 2))])}
    )
    return answer.status_code, _unless(answer, 422)


def send_film(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Send a film, wait for it, fetch it, and return status and what is wrong."""
    answer = session.post("/v1/videos", files={"video": ("film.mp4", uploads.film)})
    if answer.status_code not in (200, 201, 202):
        return answer.status_code, _unless(answer, 202)
    job = f"/v1/videos/{answer.json()['id']}"
    end = time.monotonic() + TIMEOUT
    while (state := session.get(job).json())["status"] in ("waiting", "working"):
        if time.monotonic() > end:
            return 0, "a film is never done"
        time.sleep(POLL_SECONDS)
    if state["status"] != "done":
        return 200, f"a sound film: {state}"
    result = session.get(f"{job}/result")
    return result.status_code, _unless(result, 200)


def cancel_film(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Send a film, cancel it at some time, and return status and what is wrong."""
    answer = session.post("/v1/videos", files={"video": ("film.mp4", uploads.film)})
    if answer.status_code not in (200, 201, 202):
        return answer.status_code, _unless(answer, 202)
    time.sleep(float(random.random()))
    answer = session.delete(f"/v1/videos/{answer.json()['id']}")
    return answer.status_code, _unless(answer, 200, 202, 204)


def send_too_much(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Announce an upload above the limit, send nothing of it, and return status and what is wrong."""
    with _connected(session) as connection:
        connection.sendall(_head(10**12))
        return _status(connection, 413)


def send_slowly(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Send a small photograph in dribbles and return status and what is wrong."""
    body = _form(uploads.photos[0.1])
    pieces = [body[start : start + len(body) // 10 + 1] for start in range(0, len(body), len(body) // 10 + 1)]
    with _connected(session) as connection:
        connection.sendall(_head(len(body)))
        for piece in pieces:
            with suppress(ConnectionError):  # refused by a full queue: the answer says so
                connection.sendall(piece)
            time.sleep(SLOW_SECONDS / len(pieces))
        return _status(connection, 200)


def vanish(session: httpx.Client, uploads: Uploads, random: np.random.Generator) -> tuple[int, str]:
    """Go away within an upload, or before its answer."""
    body = _form(uploads.photo(random))
    sent = len(body) if random.random() < 0.5 else int(random.integers(len(body)))
    with _connected(session) as connection, suppress(ConnectionError):
        connection.sendall(_head(len(body)) + body[:sent])
        time.sleep(float(random.random()) / 2)
    return 0, ""


KINDS: dict[str, tuple[float, Callable[[httpx.Client, Uploads, np.random.Generator], tuple[int, str]]]] = {
    "photo": (0.6, send_photo),
    "bad photo": (0.05, send_bad_photo),
    "film": (0.1, send_film),
    "film, cancelled": (0.05, cancel_film),
    "upload above the limit": (0.05, send_too_much),
    "slow client": (0.05, send_slowly),
    "vanishing client": (0.1, vanish),
}
"""Name -> how often, of 1, and what the client does."""


def be_clients(address: str, uploads: Uploads, number: int, end: float) -> Iterator[Answer]:
    """Yield what a client is answered who is now of one kind and now of another.

    Args:
        address: Of the server.
        uploads: What is sent.
        number: Of the client, from which follows what it does.
        end: Seconds of the performance counter after which nothing is begun.
    """
    random = np.random.default_rng([number, 1])
    names, shares = list(KINDS), [share for share, _ in KINDS.values()]
    with httpx.Client(base_url=address, timeout=TIMEOUT) as session:
        while (start := time.perf_counter()) < end:
            kind = names[int(random.choice(len(names), p=shares))]
            try:
                status, wrong = KINDS[kind][1](session, uploads, random)
            except (httpx.HTTPError, OSError, ValueError, KeyError) as error:
                status, wrong = 0, f"{type(error).__name__}: {error}"
            yield Answer(kind, status, time.perf_counter() - start, wrong)
            if status == 429:
                time.sleep(1)


def _unless(answer: httpx.Response, *expected: int) -> str:
    """Return what is wrong with an answer that is neither expected nor that of a full queue."""
    if answer.status_code in expected or (answer.status_code == 429 and "retry-after" in answer.headers):
        return ""
    return f"{answer.status_code}: {answer.text[:300]}"


def _connected(session: httpx.Client) -> socket.socket:
    parts = urlsplit(str(session.base_url))
    return socket.create_connection((parts.hostname or "", parts.port or 80), timeout=TIMEOUT)


def _head(length: int) -> bytes:
    kind = b"multipart/form-data; boundary=" + BOUNDARY
    lines = (
        b"POST /v1/colorize HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: " + kind,
        b"Content-Length: %d" % length,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _form(photo: bytes) -> bytes:
    head = b'\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
    return b"--" + BOUNDARY + head + photo + b"\r\n--" + BOUNDARY + b"--\r\n"


def _status(connection: socket.socket, expected: int) -> tuple[int, str]:
    """Return the status of the answer that comes, and what is wrong with it."""
    line = connection.recv(65536).split(b"\r\n")[0].decode("latin-1")
    status = int(line.split()[1]) if line.startswith("HTTP/") else 0
    return status, "" if status in (expected, 429) else f"{line or 'no answer'} where {expected} is expected"
