"""A dry run: what would become of files, found out without colouring one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from colorize.batch.jobs import Job, Outcome, check_target, failed_outcome, skipped_film
from colorize.batch.journal import BEGUN, BEGUN_ANEW, Journal
from colorize.batch.journaled_run import earlier_status
from colorize.batch.options import FileOptions
from colorize.film import frame_numbers, names_frames
from colorize.photo import photo_size


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
        earlier: How many files earlier runs brought to an end, by status.
    """

    options: FileOptions
    journal: Journal | None = None
    retry_failed: bool = False
    photos: int = 0
    films: int = 0
    pixels: int = 0
    earlier: Counter[str] = field(default_factory=Counter)

    def outcomes(self, entries: Iterable[Job | Outcome]) -> Iterator[Outcome]:
        """Yield ``planned`` for each file that would be coloured, and what would become of the others.

        A photo's header is read, a film, or one of its numbered frames, need only be there.
        """
        for entry in entries:
            state = 0 if isinstance(entry, Outcome) or self.journal is None else self.journal.state(entry)
            if isinstance(entry, Outcome):
                yield entry
            elif (status := earlier_status(state, entry, self.options, self.retry_failed)) is not None:
                self.earlier[status] += 1
            else:
                yield self._check(entry, is_begun=state in (BEGUN, BEGUN_ANEW))

    def _check(self, job: Job, is_begun: bool) -> Outcome:
        try:
            outcome = skipped_film(job, self.options) or (None if is_begun else check_target(job, self.options))
            if outcome is not None:
                return outcome
            if job.is_video:
                if not names_frames(job.source):
                    job.source.stat()
                elif not frame_numbers(job.source):
                    raise FileNotFoundError(f"{job.source}: no such frames")
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
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.earlier.items()))
        earlier = f"; from earlier runs: {counts}" if counts else ""
        return f"a dry run: {' and '.join(parts) or 'nothing'} to colour{earlier}; nothing was written"
