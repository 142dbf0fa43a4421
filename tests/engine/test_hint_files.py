"""Hint files: hints come back as they were, in other resolutions too; what is no such file is refused by its value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colorize.engine import Hint, read_hints, write_hints

SIZE = (90, 120)
HINTS = (Hint(0, 0, "#102030"), Hint(119, 89, "#A0b0c0", 7), Hint(60, 45.25, "#ff0000", 2.5, ((70, 45), (71, 50))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "aunt.hints.json"
    write_hints(path, HINTS, SIZE)
    return path


def test_hints_come_back(path: Path) -> None:
    assert read_hints(path, SIZE) == HINTS


def test_they_fit_another_resolution(path: Path) -> None:
    disc, stroke = read_hints(path, (360, 480))[1:]
    assert (disc.x, disc.y, disc.radius) == (477.5, 357.5, 28)  # the middles of 4 x 4 pixels
    assert stroke.path == ((281.5, 181.5), (285.5, 201.5))
    small = read_hints(path, (9, 12))
    assert all(0 <= x <= 11 and 0 <= y <= 8 for hint in small for x, y in hint.points)


def test_a_file_that_is_there_stays(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"aunt.hints.json"):
        write_hints(path, HINTS[:1], SIZE)
    with pytest.raises(ValueError, match="120,5 lies outside"):
        write_hints(path, [Hint(5, 5, "#000000", None, ((120, 5),))], SIZE, overwrite=True)
    assert path.read_bytes() == before


def entry(**changes: object) -> dict:
    return {"hints": [{"color": "#ff0000", "points": [[0.5, 0.5]], **changes}]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version 2"),
        ({"version": True}, "version True"),
        ({"format": "other"}, "format colorize-hints"),
        ({"photo": {"width": 90, "height": 120}}, "90 x 120 .* 120 x 90, the same turned"),
        ({"photo": {"width": 200, "height": 100}}, "200 x 100 .* another shape"),
        ({"photo": {"width": 0, "height": 100}}, "width"),
        ({"photo": None}, "width"),
        ({"hints": {}}, "no list"),
        ({"hints": [{}] * 1001}, "1001 hints"),
        (entry(points=[[1.2, 0.5]]), "hint 1: 1.2,0.5 lies outside"),
        (entry(points=[[0.5, 0.5], [0.5, -1e-9]]), "outside"),
        (entry(points=[[0.5, float("nan")]]), "outside"),
        (entry(points=[[0.5, True]]), "points"),
        (entry(points=[]), "points"),
        (entry(points=[[10**400, 0]]), "outside|points"),
        (entry(radius=0), "radius 0"),
        (entry(radius=float("inf")), "radius inf"),
        (entry(color="red"), "'red'"),
        (entry(color=None), "None"),
        (entry(color="a" * 5000), "aaa"),
        ({"version": 10**50}, "later|up to version|none"),
        (entry(colour="#00ff00"), "colour"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_name_and_value(path: Path, changes: dict, words: str) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(ValueError, match=f"aunt.hints.json: .*{words}") as caught:
        read_hints(path, SIZE)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b"{", b"GIF89a", b" " * 1_000_001])
def test_any_other_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"aunt.hints.json: .*file of hints"):
        read_hints(path, SIZE)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none.json"):
        read_hints(tmp_path / "none.json", SIZE)
