"""The threads in which the service does what would hold up its other answers: moving files, reading pictures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from colorize.base import available_cpus

NAME = "colorize-request"
MOST = 32


def count_threads() -> int:
    """Return how many there are: as many as asyncio would make at most."""
    return min(MOST, available_cpus() + 4)


@asynccontextmanager
async def with_threads(app: FastAPI) -> AsyncIterator[None]:
    """Give ``asyncio.to_thread`` threads that are all there from the beginning, for as long as an application runs.

    Those of asyncio come one by one, each when more calls are under way than ever before; a server has more of them
    after an hour of load than after a minute, which nobody can tell from a leak.
    """
    count = count_threads()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(count, NAME))
    all_there = threading.Barrier(count)
    await asyncio.gather(*(asyncio.to_thread(all_there.wait) for _ in range(count)))
    yield
