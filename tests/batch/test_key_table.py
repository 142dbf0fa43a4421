"""The table of keys: what is put in comes out, in little memory."""

from __future__ import annotations

import tracemalloc

import pytest

from colorize.batch.key_table import KeyTable


def test_it_remembers_the_last_number_of_each_key() -> None:
    table = KeyTable()
    for number in range(5000):
        table.set(f"scan {number}", 1 + number % 7)
    table.set("scan 3", 6)
    assert len(table) == 5000
    assert [table.get(f"scan {number}") for number in range(5)] == [1, 2, 3, 6, 5]
    assert [table.get("scan 5000"), table.get("\udcff")] == [0, 0]


def test_it_takes_at_most_24_bytes_a_key() -> None:
    tracemalloc.start()
    table = KeyTable()
    for number in range(5_000):
        table.set(str(number), 1)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 24 * 5_000


@pytest.mark.parametrize("number", [0, 8])
def test_other_numbers_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match=str(number)):
        KeyTable().set("a", number)
