"""What a visitor asked for last: a slower answer to what was asked for before is not shown."""

from __future__ import annotations

import threading

_LOCK = threading.Lock()


class Latest:
    """What one visitor asked for last, and the hints that were set last on each photo.

    Attributes:
        photo: Path of the photo whose colours were asked for last; empty: the visitor began anew; None: none were
            asked for yet.
        film: Path of the film that is chosen, or whose scenes were asked for; empty: none is.
        search: Stands for the search for its scenes that was asked for last; None: none was.
    """

    def __init__(self) -> None:
        self.photo: str | None = None
        self.film = ""
        self.search: object = None
        self._number = 0  # no itertools.count: Gradio copies this for each visitor, which Python 3.14 cannot
        self._asked = 0
        self._edits: dict[str, int] = {}  # our number of the edit of a photo's hints that is under way
        self._edited: dict[str, int] = {}  # the page's number of the last edit that has begun
        self._ended: dict[str, int] = {}  # the same of the last that has ended
        self._hints: dict[str, str] = {}

    def ask(self, photo: str = "") -> int:
        """Return a number of what is asked for now; answers to what was asked for before are out of date.

        Args:
            photo: Path of the photo whose colours are asked for; empty: none is, the visitor begins anew.
        """
        self.photo, self._asked = photo, self._next()
        return self._asked

    def is_last(self, number: int) -> bool:
        """Return whether nothing was asked for after what ``ask`` gave this number."""
        return number == self._asked

    def begin_edit(self, photo: str, page_number: int | None = None) -> int:
        """Return a number of an edit of a photo's hints that begins now; edits that are under way are out of date.

        Args:
            photo: Path of the photo.
            page_number: That of the edit in the page, where later edits have higher ones; None: it has none.

        Returns:
            0 where the edit is out of date itself.
        """
        if page_number is not None:
            if page_number <= self._edited.get(photo, -1):
                return 0
            self._edited[photo] = page_number
        self._edits[photo] = self._next()
        return self._edits[photo]

    def _next(self) -> int:
        with _LOCK:  # events of one visitor run in several threads
            self._number += 1
            return self._number

    def end_edit(self, photo: str, number: int, hints: str | None) -> bool:
        """Take the hints that an edit has set, and return whether it was not out of date.

        Args:
            photo: Path of the photo.
            number: That ``begin_edit`` gave.
            hints: The hints, one a line; None: the edit failed, and those before it stay.
        """
        if not number or self._edits.get(photo) != number:
            return False
        del self._edits[photo]
        self._ended[photo] = self._edited.get(photo, -1)
        if hints is not None:
            self._hints[photo] = hints
        return True

    def page_number(self, photo: str) -> int:
        """Return the page's number of the last edit that the hints of a photo include; -1: there was none."""
        return self._ended.get(photo, -1)

    def has_hints(self, photo: str, hints: str) -> bool:
        """Return whether these are the hints that were set last on a photo; while others are being drawn, none are."""
        return photo not in self._edits and self._hints.get(photo, hints) == hints
