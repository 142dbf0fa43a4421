"""The service's threads: all are there from the beginning, so that any more of them would be a leak."""

from __future__ import annotations

import threading
from pathlib import Path

from support.photo_files import save_picture
from support.service import post

from colorize.web.threads import NAME, count_threads


def count() -> int:
    return sum(thread.name.startswith(NAME) for thread in threading.enumerate())


def test_threads_are_there_from_the_beginning_to_the_end(make_client, tmp_path: Path) -> None:
    client = make_client()
    others = count()  # of another test's server
    with client:
        assert count() - others == count_threads() > 4
        assert post(client, save_picture(tmp_path / "a.png").read_bytes(), "a.png").status_code == 200
        assert count() - others == count_threads()
    assert count() == others
