"""How many photos the service works on at once: two of any size, more while all of them are small; two networks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.photo_files import save_picture
from support.service import post

from colorize.engine import Colorizer
from colorize.web.photo_room import MAX_PIXELS, PhotoRoom
from colorize.web.service import PICTURES_AT_ONCE

TIMEOUT = 20
SMALL = MAX_PIXELS // 8


class Visitors:
    """Threads that hold a place each until they are let go, in the order in which they came in."""

    def __init__(self) -> None:
        self.room, self.inside, self._gates, self._threads = PhotoRoom(), [], {}, []

    def come(self, name: str, pixels: int) -> None:
        self._gates[name] = threading.Event()

        def stay() -> None:
            with self.room.place(pixels):
                self.inside.append(name)
                self._gates[name].wait(TIMEOUT)
            self.inside.remove(name)

        self._threads.append(threading.Thread(target=stay))
        self._threads[-1].start()
        time.sleep(0.05)  # it is in, or waits

    def go(self, name: str) -> None:
        self._gates[name].set()

    def end(self) -> None:
        for gate in self._gates.values():
            gate.set()
        for thread in self._threads:
            thread.join(TIMEOUT)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.01)


def test_two_of_any_size_and_no_third_beside_them() -> None:
    visitors = Visitors()
    try:
        for name in "abc":
            visitors.come(name, 10 * MAX_PIXELS)
        assert visitors.inside == ["a", "b"]
        visitors.go("a")
        until(lambda: visitors.inside == ["b", "c"])
    finally:
        visitors.end()


def test_more_as_long_as_all_are_small_together() -> None:
    visitors = Visitors()
    try:
        for name in "abcdefghi":
            visitors.come(name, SMALL)
        assert visitors.inside == list("abcdefgh")
        visitors.go("c")
        until(lambda: visitors.inside == list("abdefghi"))
    finally:
        visitors.end()


def test_a_large_one_that_waits_is_not_overtaken() -> None:
    visitors = Visitors()
    try:
        for name in "abc":
            visitors.come(name, SMALL)
        visitors.come("large", MAX_PIXELS)
        visitors.come("late", SMALL)
        assert visitors.inside == ["a", "b", "c"]
        visitors.go("a")
        time.sleep(0.05)
        assert visitors.inside == ["b", "c"], "two are there still, and it has no room"
        visitors.go("b")
        until(lambda: visitors.inside == ["c", "large"])
        visitors.go("c")
        visitors.go("large")
        until(lambda: visitors.inside == ["late"])
    finally:
        visitors.end()


def test_its_place_is_free_after_an_error() -> None:
    room = PhotoRoom()
    for _ in range(3):
        try:
            with room.place(MAX_PIXELS):
                raise ValueError
        except ValueError:
            pass
    visitors = Visitors()
    visitors.room = room
    try:
        visitors.come("a", MAX_PIXELS)
        visitors.come("b", MAX_PIXELS)
        assert visitors.inside == ["a", "b"]
    finally:
        visitors.end()


def test_four_small_photos_are_at_work_and_two_networks(make_client, tmp_path: Path, monkeypatch) -> None:
    client = make_client()
    predict = Colorizer.predict_ab_with_hints
    gate, lock, now, most = threading.Event(), threading.Lock(), [0], [0]

    def count(*arguments):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(TIMEOUT)
        try:
            return predict(*arguments)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(Colorizer, "predict_ab_with_hints", count)
    content = save_picture(tmp_path / "a.png").read_bytes()
    with ThreadPoolExecutor(5) as clients:
        answers = [clients.submit(post, client, content, f"{number}.png") for number in range(5)]
        try:
            until(lambda: now[0] == PICTURES_AT_ONCE == 2 and client.service.jobs.waiting == 1)
        finally:
            gate.set()
        contents = {answer.result(TIMEOUT).content for answer in answers}
    assert len(contents) == 1 and most[0] == 2
