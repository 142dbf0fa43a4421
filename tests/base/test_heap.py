"""The heap: threads share two, which keep a strip's planes; what was freed between small blocks is given back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FREE = """
from colorize.base import give_back_freed_memory

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

blocks = [bytearray(100_000) for _ in range(3000)]
kept = blocks[::50]
before = resident()
del blocks
freed = resident()
give_back_freed_memory()
print(before - resident(), before - freed)
"""

HEAPS = """
import ctypes
import sys
import threading
from colorize.base import share_heaps

if "share" in sys.argv:
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(6)

def allocate():
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


STRIPS = """
import resource
import sys
import threading
from colorize.base import share_heaps

if "share" in sys.argv:
    share_heaps()

def compute():
    for _ in range(50):
        planes = [bytearray(1 << 20) for _ in range(8)]
        del planes

def run():
    compute()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    compute()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_freed_memory_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", FREE], capture_output=True, text=True, check=True)
    given, by_itself = map(float, done.stdout.split())
    assert given > 250 > 150 > by_itself


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_threads_share_two_heaps() -> None:
    def heaps(*words: str) -> int:
        done = subprocess.run([sys.executable, "-c", HEAPS, *words], capture_output=True, text=True, check=True)
        return done.stdout.count("<heap nr")

    assert heaps() > 2
    assert heaps("share") <= 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_a_strips_planes_are_not_taken_anew_each_time() -> None:
    def faults(*words: str) -> int:
        done = subprocess.run([sys.executable, "-c", STRIPS, *words], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults() > 1000
    assert faults("share") < 100
