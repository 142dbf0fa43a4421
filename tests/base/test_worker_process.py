"""A worker process: values, errors, generators and reports that go there and back, and what a crash costs."""

from __future__ import annotations

import os
import pickle
import platform
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import crashing

from colorize.base import CrashError, RemoteError, WorkerProcess, worker_process


@pytest.fixture(scope="module")
def shared() -> Iterator[WorkerProcess]:
    """A process for tests that leave it alive."""
    process = WorkerProcess(crashing.nothing)
    yield process
    process.close()


def test_a_function_is_called_in_one_other_process(shared: WorkerProcess, capfd: pytest.CaptureFixture) -> None:
    assert shared.call(crashing.add, 2, 3) == 5
    numbers = {shared.call(crashing.pid) for _ in range(3)}
    assert len(numbers) == 1 and os.getpid() not in numbers
    assert capfd.readouterr().out == ""  # what is printed there goes to the errors


@pytest.mark.parametrize("layout", ["C", "F"])
def test_arrays_come_back_as_they_are(shared: WorkerProcess, layout: str) -> None:
    values = np.asarray(np.random.default_rng(0).integers(0, 65536, (700, 900, 3), dtype=np.uint16), order=layout)
    zeros = np.zeros((0, 3), np.uint8)
    back = shared.call(crashing.add, (values, values[::-1, ::2]), (zeros,))
    for sent, got in zip((values, values[::-1, ::2], zeros), back, strict=True):
        assert got.dtype == sent.dtype
        np.testing.assert_array_equal(got, sent)
    back[0][0, 0] = 1  # it can be written


def test_errors_come_back_with_where_they_came_from(shared: WorkerProcess) -> None:
    with pytest.raises(ValueError, match=r"^a name$") as error:
        shared.call(crashing.fail, "a name")
    assert "in fail" in str(error.value.__cause__)
    with pytest.raises(RemoteError, match="UnpicklableError: one"):
        shared.call(crashing.fail_oddly)
    with pytest.raises((AttributeError, pickle.PicklingError), match="not_portable"):
        shared.call(crashing.not_portable)
    assert shared.call(crashing.add, 1, 1) == 2


def test_a_crash_is_an_error_and_the_next_call_has_another_process() -> None:
    process = WorkerProcess(crashing.nothing)
    before = process.call(crashing.pid)
    with pytest.raises(CrashError, match=r"^SIGSEGV$"):
        process.call(crashing.crash)
    after = process.call(crashing.pid)
    assert after != before
    process.close()
    assert not crashing.is_alive(after)


def test_a_process_that_cannot_begin_says_why_each_time() -> None:
    process = WorkerProcess(crashing.refuse)
    for _ in range(2):
        with pytest.raises(OSError, match="nothing to begin with"):
            process.call(crashing.pid)


def test_generators_go_on_side_by_side(shared: WorkerProcess) -> None:
    both = list(zip(shared.iterate(crashing.arrays, 3), shared.iterate(crashing.arrays, 3), strict=True))
    assert [int(first[0, 0]) for first, _ in both] == [0, 1, 2] == [int(second[-1, -1]) for _, second in both]
    with pytest.raises(ValueError, match="no more"):
        list(shared.iterate(crashing.failing_at, 2))
    assert list(shared.iterate(crashing.arrays, 0)) == []


def test_a_generator_outlives_the_crash_of_another_call() -> None:
    process = WorkerProcess(crashing.nothing)
    numbers = process.iterate(crashing.arrays, 4)
    seen = [int(next(numbers)[0, 0]), int(next(numbers)[0, 0])]
    with pytest.raises(CrashError):
        process.call(crashing.crash)
    assert seen + [int(array[0, 0]) for array in numbers] == [0, 1, 2, 3]
    process.close()


def test_reports_are_waited_for_until_the_call_is_cancelled(shared: WorkerProcess) -> None:
    cancel, numbers = threading.Event(), []

    def on_report(number: int) -> None:
        numbers.append(number)
        if number == 5:
            cancel.set()

    count = shared.call(crashing.count_until_cancelled, on_report=on_report, cancel=cancel)
    assert numbers == list(range(count)) and count > 5
    assert shared.call(crashing.add, 1, 1) == 2


def test_an_interrupted_call_leaves_no_answer_behind() -> None:
    process = WorkerProcess(crashing.nothing)

    def on_report(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.call(crashing.count_until_cancelled, on_report=on_report)
    assert process.call(crashing.add, 20, 2) == 22
    process.close()


def test_a_call_that_does_not_end_is_ended_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "ENDING_SECONDS", 0.2)
    process, begun = WorkerProcess(crashing.nothing), threading.Event()
    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(process.call, crashing.count_until_cancelled, on_report=lambda _: begun.set())
        assert begun.wait(60)
        process.close()
        with pytest.raises(CrashError, match="SIGKILL"):
            ended.result(60)


def test_an_idle_process_ends_and_is_started_anew() -> None:
    process = WorkerProcess(crashing.nothing, idle_seconds=0.3)
    before = process.call(crashing.pid)
    assert process.call(crashing.pid) == before
    end = time.monotonic() + 60
    while crashing.is_alive(before):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert process.call(crashing.pid) != before
    process.close()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_a_process_that_rests_gives_freed_memory_back() -> None:
    process = WorkerProcess(crashing.rest_soon)
    at_work = process.call(crashing.fragment, 3000)
    end = time.monotonic() + 60
    while at_work - process.call(crashing.resident) < 200_000_000:
        assert time.monotonic() < end
        time.sleep(1)
    process.close()
