"""Settings of the web process, those of its command line, and which Host headers they allow."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from colorize.base import repeated, setting
from colorize.engine import RuntimeSettings

MEGABYTE = 1_000_000


def parse_auth(text: str) -> tuple[str, str]:
    """Return the user and the password of ``USER:PASSWORD``.

    Raises:
        ValueError: It has another form.
    """
    user, _, password = text.partition(":")
    if not user or not password:
        raise ValueError("not USER:PASSWORD")
    return user, password


def parse_root_path(text: str) -> str:
    """Return a path without the slash at its end.

    Raises:
        ValueError: It does not begin with one.
    """
    if text and not text.startswith("/"):
        raise ValueError(f"{text} does not begin with /")
    return text.rstrip("/")


@dataclass(frozen=True)
class WebSettings(RuntimeSettings):
    """Settings of the process that serves the page and the HTTP API; ``weights`` are those of a client that names none.

    Attributes:
        max_megapixels: Largest photo, and largest frame of a film, in millions of pixels.
        host: Address to listen on; 127.0.0.1 can be reached from this machine alone.
        port: To listen on; 0: any free one.
        auth: User and password, which every path but ``/healthz`` asks for; None: nobody is asked.
        max_upload_mb: Largest upload, in millions of bytes.
        max_queue: How many photos and films may wait; one more is answered with status 429.
        keep_minutes: How long uploads and results are kept.
        root_path: Path under which a proxy shows the process, such as ``/colorize``; empty: at its root.
        allowed_hosts: Further names by which clients may address it.
    """

    max_megapixels: float = repeated(RuntimeSettings, "max_megapixels", 100.0)
    host: str = setting("127.0.0.1", "address; the default can be reached from this machine alone", metavar="ADDRESS")
    port: int = setting(7860, "port; 0: any free one", low=0, high=65535, metavar="N")
    auth: tuple[str, str] | None = setting(
        None, "ask for them, on the page and the service", metavar="USER:PASSWORD", parse=parse_auth, secret=True
    )
    max_upload_mb: float = setting(2000.0, "largest upload", low=0.001, high=1e6, unit="megabytes")
    max_queue: int = setting(32, "photos and films that may wait", low=1, high=10_000)
    keep_minutes: float = setting(60.0, "how long results are kept", low=0.01, high=100_000, unit="minutes")
    root_path: str = setting("", "where a proxy shows the page", metavar="/PATH", parse=parse_root_path)
    allowed_hosts: Sequence[str] = setting(
        (), "a further name of this server; may be given several times", metavar="NAME", each="allow_host"
    )

    def allows_host(self, host: str) -> bool:
        """Tell whether a Host header is one of this process.

        A page of a stranger that lets its own name point to this machine (DNS rebinding) sends that name. A number
        cannot be rebound, so numbers are let in, with ``localhost``, the machine's own name, and what was allowed.

        Args:
            host: ``name``, ``name:port``, ``1.2.3.4:port`` or ``[::1]:port``.
        """
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if not name:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            known = {"localhost", socket.gethostname().lower(), self.host.lower(), *map(str.lower, self.allowed_hosts)}
            return name in known
        return True
