"""``FileDates``: when a file was changed and read last, which its result may get too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from colorize.base import reason


class FileDates(NamedTuple):
    """The dates of a file.

    Attributes:
        accessed: When it was read, in nanoseconds since 1970.
        modified: When it was changed, likewise.
    """

    accessed: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> FileDates:
        """Return a file's dates; to be asked before it is read, which changes one of them.

        Raises:
            OSError: There is no such file.
        """
        status = path.stat()
        return cls(status.st_atime_ns, status.st_mtime_ns)

    def give(self, path: Path) -> None:
        """Give the dates to a file.

        Raises:
            OSError: The file's disk does not let them be changed.
        """
        os.utime(path, ns=(self.accessed, self.modified))

    def try_to_give(self, path: Path) -> tuple[str, ...]:
        """Give the dates to a file that is whole without them; return a line where its disk refuses."""
        try:
            self.give(path)
        except OSError as error:
            return (f"{path}: cannot be given the dates of its source ({reason(error)})",)
        return ()
