"""Settings of the web process, those of its command line, and which Host headers they allow."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from colorize.base import DEFAULT_WEIGHTS

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class WebSettings:
    """Settings of the process that serves the page and the HTTP API.

    Attributes:
        host: Address to listen on; 127.0.0.1 can be reached from this machine alone.
        port: To listen on; 0: any free one.
        auth: User and password, which every path but ``/healthz`` asks for; None: nobody is asked.
        weights: Default weights, a released name or a file.
        device: Where the network runs: ``cpu``, ``cuda`` or ``mps``; None: the best there is.
        threads: Processor threads of the network; None: one per core.
        max_upload_mb: Largest upload, in millions of bytes.
        max_megapixels: Largest photo, and largest frame of a film, in millions of pixels.
        max_queue: How many photos and films may wait; one more is answered with status 429.
        keep_minutes: How long uploads and results are kept.
        root_path: Path under which a proxy shows the process, such as ``/colorize``; empty: at its root.
        allowed_hosts: Further names by which clients may address it.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    auth: tuple[str, str] | None = field(default=None, repr=False)
    weights: str = DEFAULT_WEIGHTS
    device: str | None = None
    threads: int | None = None
    max_upload_mb: float = 2000
    max_megapixels: float = 100
    max_queue: int = 32
    keep_minutes: float = 60
    root_path: str = ""
    allowed_hosts: Sequence[str] = ()

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
