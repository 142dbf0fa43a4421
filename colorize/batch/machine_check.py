"""What is asked of the machines of a cluster before the work begins, and the line about what one of them lacks.

Nothing here imports Ray, which carries the question and the answer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from colorize import __version__
from colorize.batch.jobs import Job
from colorize.engine import RuntimeSettings

ANSWER_SECONDS = 20.0  # within which a cluster answers


class ClusterError(ValueError):
    """Ray or its machines cannot do the work; the message says which, why, and the remedy."""


def check_address(address: str, named: str) -> None:
    """Check that somebody answers at an address, for Ray would wait for minutes.

    Args:
        address: As the user gives it.
        named: What it stands for.

    Raises:
        ClusterError: It is no address, or nobody does.
    """
    host, _, port = named.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ClusterError(f"--ray {address}: no address; give HOST:PORT or auto, and name the files before --ray")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ClusterError(
            f"--ray {address}: the cluster does not answer ({reason}); start it, or give another"
        ) from error


def machine_probe() -> Callable[..., dict[str, Any]]:
    """Return a function that a machine without this package can run, for Ray sends it whole."""

    def probe(weights: str, runtime: str, token: str, source: str | None, cwd: str) -> dict[str, Any]:
        import os
        import socket
        import uuid

        found: dict[str, Any] = {"host": socket.gethostname(), "version": None, "error": ""}
        try:
            os.chdir(cwd)
            found["cwd"] = True
        except OSError:
            found["cwd"] = False
        try:
            import colorize

            found["version"] = colorize.__version__
            from colorize.batch import hash_weights

            found["weights"] = hash_weights(weights)
            from colorize.network import load_network

            load_network(weights, "cpu", runtime=runtime, threads=1)  # it may lack the graph, or what computes it
        except ImportError as error:
            found["error"] = str(error)
        except Exception as error:  # another version of the package may raise anything; its line comes first
            found.setdefault("weights", "")
            found["error"] = str(error)
        found["sees_folder"] = os.path.exists(token)
        found["sees_source"] = source is None or os.path.exists(source)
        try:
            with open(f"{token}-{uuid.uuid4().hex}", "x"):
                found["writes"] = True
        except OSError as error:
            found["writes"], found["write_error"] = False, error.strerror
        return found

    return probe


def check_machine(
    address: str, found: dict[str, Any], weights: str, runtime: RuntimeSettings, folder: Path, sample: Job | None
) -> None:
    """Check what a machine says of itself.

    Raises:
        ClusterError: It cannot do the work.
    """
    where = f"{address} ({found['host']})"
    if found["version"] is None:
        raise ClusterError(f"{where}: the package colorize-photos is missing ({found['error']}); install it there")
    if found["version"] != __version__:
        raise ClusterError(f"{where}: has colorize {found['version']}, here is {__version__}; install the same there")
    if found.get("weights") != weights:
        own = found.get("weights")
        problem = f"have the SHA-256 {own[:16]}.., here {weights[:16]}.." if own else found["error"]
        raise ClusterError(f"{where}: its weights {runtime.weights} {problem}; copy those of this machine there")
    if found["error"]:
        raise ClusterError(f"{where}: {found['error']}")
    if not found["sees_folder"]:
        raise ClusterError(f"{where}: does not see {folder}; results belong on storage that all machines see")
    if not found["writes"]:
        raise ClusterError(f"{where}: cannot write into {folder} ({found['write_error']}); give it the right to")
    if sample is not None and not found["sees_source"] and sample.source.exists():
        raise ClusterError(
            f"{where}: does not see {sample.source}, which is there on this machine; sources belong on storage that "
            "all machines see, under the same path"
        )
