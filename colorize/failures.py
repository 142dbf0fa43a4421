"""What a failed file is told to the user: which file, why, and what helps."""

from __future__ import annotations

import errno
import os

from colorize.errors import ImageError
from colorize.jobs import Job, Outcome


def failure(job: Job, error: BaseException) -> Outcome:
    """Return the outcome of a job that ended with an error."""
    return Outcome(job.source, "failed", " ".join(_describe(job, error).split()), error)


def _describe(job: Job, error: BaseException) -> str:
    """Return the line that says which file failed, why, and what helps."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        place = error.filename or job.target
        reason = os.strerror(error.errno)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"{job.target}: the disk is full; make room or choose another place with -o"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and str(place) != str(job.source):
            return f"{job.target}: no permission to write there; choose another place with -o"
        return f"{place}: {reason.lower()}"
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return f"{job.source}: not enough memory; close other programs or try --device cpu"
    if isinstance(error, OSError | ImageError):
        return text if str(job.source) in text or str(job.target) in text else f"{job.source}: {text}"
    if isinstance(error, ValueError):
        return text if str(job.source) in text else f"{job.source}: {text}"
    return f"{job.source}: unexpected {type(error).__name__}: {text}; -v shows where"
