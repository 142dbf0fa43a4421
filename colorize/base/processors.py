"""The processors of this machine, and who may keep them busy."""

from __future__ import annotations

import os
import platform

VECTOR_INSTRUCTIONS = {"AVX-512": 256, "AVX2": 11, "AVX": 10, "SSE4.2": 7, "NEON": 100}
"""Name -> OpenCV's number (``CV_CPU_...``, of which its Python has no names), from wide to narrow; AVX-512: as of
Skylake servers, the least that libraries take."""


def available_cpus() -> int:
    """Return how many processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # Linux: some may be kept from it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def vector_instructions() -> str:
    """Return the widest vector instructions that there are, such as ``AVX2``: libraries round by them."""
    import cv2  # heavy

    found = (name for name, number in VECTOR_INSTRUCTIONS.items() if cv2.checkHardwareSupport(number))
    return next(found, platform.machine())


def start_no_blas_threads() -> None:
    """Have OpenBLAS compute in the thread that asks; call it before NumPy or OpenCV, which bring one each, is imported.

    Otherwise each starts a thread for every further processor, and those wait for work by asking for it again and
    again, for some hundredths of a second each time, though our products of matrices are small and few. What the user
    says in ``OPENBLAS_NUM_THREADS`` stands.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
