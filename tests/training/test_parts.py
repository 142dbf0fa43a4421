"""Files in parts: joined they are the same bytes; a missing, a damaged and a former part are told."""

from __future__ import annotations

import pytest

from colorize.base import replacing
from training.parts import PartsError, find_parts, read_whole, remove_others, remove_unfinished, write_parts

MIB = 1 << 20


@pytest.mark.parametrize(("length", "count"), [(0, 1), (MIB, 1), (MIB + 1, 2), (3 * MIB, 3)])
def test_parts_are_no_larger_than_asked_and_join(tmp_path, length, count):
    data = bytes(range(256)) * (length // 256) + b"x" * (length % 256)
    parts = write_parts(tmp_path / "a.pt", data, 1)
    assert len(parts) == count and max(part.stat().st_size for part in parts) <= MIB
    assert read_whole(tmp_path / "a.pt") == data
    assert read_whole(tmp_path / "other.pt") is None


def test_a_missing_and_a_damaged_part_are_named(tmp_path):
    path = tmp_path / "a.pt"
    parts = write_parts(path, b"1" * MIB + b"2", 0.5)
    parts[1].write_bytes(b"3")
    with pytest.raises(PartsError, match=r"a\.pt.*damaged"):
        read_whole(path)
    parts[1].unlink()
    with pytest.raises(PartsError, match=r"a\.pt.*2 of its parts"):
        read_whole(path)


def test_new_parts_take_the_place_of_former_ones(tmp_path):
    path = tmp_path / "a.pt"
    former = write_parts(path, b"1" * MIB, 0.5)
    kept = {part: part.read_bytes() for part in former}
    new = write_parts(path, b"2" * MIB, 0.25)
    assert find_parts(path) == sorted(new) and len(new) == 4
    # As after a kill between two parts: the former ones are still all there.
    new[0].unlink()
    for part, data in kept.items():
        part.write_bytes(data)
    assert read_whole(path) == b"1" * MIB
    remove_others(path)
    assert find_parts(path) == sorted(kept) and read_whole(path) == b"1" * MIB
    path.write_bytes(b"whole")  # and after one between a whole file and the removal of its former parts
    remove_others(path)
    assert find_parts(path) == [] and read_whole(path) == b"whole"


def test_a_kill_within_the_first_parts_leaves_nothing_in_the_way(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"

    def killed(*arguments, **options):
        if len(find_parts(path)) == 2:
            raise KeyboardInterrupt
        return replacing(*arguments, **options)

    monkeypatch.setattr("training.parts.replacing", killed)
    with pytest.raises(KeyboardInterrupt):
        write_parts(path, b"1" * MIB, 0.25)
    remove_unfinished(path)
    assert read_whole(path) is None and not list(tmp_path.iterdir())


def test_parts_that_were_brought_stay(tmp_path):
    path = tmp_path / "a.pt"
    write_parts(path, b"1" * MIB, 0.25)[0].unlink()
    remove_unfinished(path)
    assert len(find_parts(path)) == 3


def test_more_than_a_hundred_parts_join_in_order(tmp_path):
    path, data = tmp_path / "c[1].pt", bytes(range(120)) * 100
    parts = write_parts(path, data, 100 / 2**20)
    assert len(parts) == 120 and find_parts(path) == parts
    assert read_whole(path) == data
