"""A dry run: what would become of files, found out without colouring one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colorize.batch.jobs import Job, Outcome, check_target, failed_outcome
from colorize.batch.journal import DONE, FAILED, SKIPPED, Journal
from colorize.batch.options import FileOptions
from colorize.photo import photo_size

ENDED = (DONE, SKIPPED)


@dataclass
class DryRun:
    """A dry run, which counts.

    Attributes:
        options: Those of the files.
        journal: Of earlier runs; nothing is written into it. None: none is kept.
        retry_failed: What failed in earlier runs counts as to be coloured.
        photos: That would be coloured.
        films: That would be coloured.
        pixels: Of the photos.
        earlier: Files that earlier runs brought to an end.
    """

    options: FileOptions
    journal: Journal | None = None
    retry_failed: bool = False
    photos: int = 0
    films: int = 0
    pixels: int = 0
    earlier: int = 0

    def outcomes(self, entries: Iterable[Job | Outcome]) -> Iterator[Outcome]:
        """Yield ``planned`` for each file that would be coloured, and what would become of the others.

        A photo's header is read, a film need only be there.
        """
        for entry in entries:
            state = 0 if isinstance(entry, Outcome) or self.journal is None else self.journal.state(entry)
            if isinstance(entry, Outcome):
                yield entry
            elif state in ENDED or (state == FAILED and not self.retry_failed):
                self.earlier += 1
            else:
                yield self._check(entry, is_begun=state != 0)

    def _check(self, job: Job, is_begun: bool) -> Outcome:
        try:
            outcome = None if is_begun else check_target(job, self.options)
            if outcome is not None:
                return outcome
            if job.is_video:
                job.source.stat()
                self.films += 1
            else:
                height, width = photo_size(job.source)
                self.photos += 1
                self.pixels += height * width
        except Exception as error:  # any surprise in one file must not stop the others
            return failed_outcome(job, error)
        return Outcome(job.source, "planned", f"{job.source} -> {job.target}")

    def summary(self) -> str:
        """Return in words how much there would be to do."""
        parts = [f"{self.photos} photos ({self.pixels / 1e6:.1f} megapixels)"] if self.photos else []
        parts += [f"{self.films} films"] if self.films else []
        earlier = f"; {self.earlier} ended in earlier runs" if self.earlier else ""
        return f"a dry run: {' and '.join(parts) or 'nothing'} to colour{earlier}; nothing was written"
