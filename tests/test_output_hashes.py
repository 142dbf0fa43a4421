"""What ``benchmarks.output_hashes`` takes for the same: entry points, renamed options, answers, films, tables."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from support.videos import VideoRecipe, make_video

from benchmarks import output_hashes
from benchmarks.output_hashes import (
    NAMES,
    RESUMED,
    answer_hash,
    entry_points,
    file_hash,
    form_field,
    name_in,
    print_table,
    unequal,
)

PROJECT = """
[project]
name = "colorize"
[project.scripts]
colorize = "colorize.cli.command:main"
colorize-web = "colorize.web.command:run"

[tool.other]
elsewhere = "no.script:main"
"""


def test_entry_points_of_a_project():
    assert entry_points(PROJECT) == {
        "colorize": ("colorize.cli.command", "main"),
        "colorize-web": ("colorize.web.command", "run"),
    }
    own = entry_points((output_hashes.ROOT / "pyproject.toml").read_text("utf-8"))
    assert {"colorize", "colorize-web"} <= own.keys()


@pytest.mark.parametrize("help", ["[--mark X,Y] [--no-mark] --no-marks", "(--hint X,Y) --no-ai-label, --no-mark-up"])
def test_an_option_goes_by_the_tree_s_name(help):
    old = "--mark" in help.split()[0]
    assert [name_in(help, names) for names in NAMES.values()] == (
        ["--mark", "--no-mark"] if old else ["--hint", "--no-ai-label"]
    )


def test_an_option_that_is_not_there_is_told():
    with pytest.raises(SystemExit, match="none of --hint, --mark"):
        name_in("--no-mark --hints", ("--hint", "--mark"))


@pytest.mark.parametrize("field", ["mark", "hint"])
def test_a_field_goes_by_the_service_s_name(field):
    forms = {"Error": {"properties": {"hint": {}}}, "Form": {"properties": {"photo": {}, field: {}}}, "Empty": {}}
    assert form_field({"components": {"schemas": forms}}, ("hint", "mark")) == field


def test_only_the_job_s_id_is_left_out_of_an_answer():
    def answered(**values):
        return answer_hash(httpx.Response(values.pop("code", 200), json=values))

    first = answered(id="a1", result="/v1/videos/a1/result", done=3)
    assert first == answered(id="b2", result="/v1/videos/b2/result", done=3)
    assert first != answered(id="b2", result="/v1/videos/b2/result", done=4)
    assert answered(detail="no") != answered(detail="no", code=422)


def test_how_far_an_unfinished_job_is_is_left_out():
    def answered(**values):
        return answer_hash(httpx.Response(202, json={"id": "a1", "notes": [], **values}))

    waiting = answered(status="waiting", done=0, total=None, seconds_left=None)
    assert waiting == answered(status="working", done=3, total=48, seconds_left=2.5)
    assert waiting != answered(status="done", done=48, total=48, seconds_left=None)
    assert answered(status="done", done=48) != answered(status="done", done=47)
    assert waiting != answered(status="waiting", done=0, total=None, seconds_left=None, notes=["one"])


def test_the_body_and_the_name_of_a_file_count():
    def answered(body, name):
        return answer_hash(httpx.Response(200, content=body, headers={"content-disposition": name}))

    assert answered(b"1", "a.jpg") == answered(b"1", "a.jpg")
    assert len({answered(b"1", "a.jpg"), answered(b"2", "a.jpg"), answered(b"1", "b.jpg")}) == 3


def test_matroska_is_hashed_without_its_random_numbers(tmp_path):
    recipe = VideoRecipe(frames=4, sounds=("eng",), metadata={"title": "One"})
    first, second = (make_video(tmp_path / f"{number}.mkv", recipe) for number in (1, 2))
    assert first.read_bytes() != second.read_bytes()
    assert file_hash(first) == file_hash(second)
    others = [VideoRecipe(frames=4, sounds=("eng",)), VideoRecipe(frames=4, sounds=("eng",), full_range=True)]
    hashes = {file_hash(make_video(tmp_path / f"other{number}.mkv", other)) for number, other in enumerate(others)}
    assert len(hashes | {file_hash(first)}) == 3


def test_other_files_are_hashed_to_the_last_byte(tmp_path):
    for name, data in (("a.mp4", b"1"), ("b.mp4", b"1"), ("c.mp4", b"2")):
        (tmp_path / name).write_bytes(data)
    assert file_hash(tmp_path / "a.mp4") == file_hash(tmp_path / "b.mp4") != file_hash(tmp_path / "c.mp4")


def test_the_made_film_is_always_the_same(tmp_path):
    films = [output_hashes.make_film(tmp_path / name) for name in ("a.mp4", "b.mp4")]
    assert file_hash(films[0]) == file_hash(films[1])


def test_rows_that_differ_or_are_missing_are_named():
    table = {"a": "1", "b": "2"}
    assert unequal([table]) == unequal([table, dict(table)]) == []
    assert unequal([table, {"a": "1", "b": "3"}]) == ["b"]
    assert unequal([table, {"a": "1"}]) == ["b"]


def test_a_resumed_film_that_is_another_one_is_named():
    whole, again = "film fast: film.mp4", f"film fast{RESUMED}: film.mp4"
    assert unequal([{whole: "1", again: "1"}]) == []
    assert unequal([{whole: "1", again: "2"}]) == [again]


def test_the_table_shows_old_before_new(capsys):
    print_table([{"row": "n" * 64, "more": "1"}, {"row": "o" * 64}])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["row", "o" * 16, "n" * 16, "DIFFERENT"],
        ["more", "none", "1", "DIFFERENT"],
    ]


def test_nothing_of_the_program_is_imported():
    text = Path(output_hashes.__file__).read_text("utf-8")
    assert "\nfrom colorize" not in text
    assert "\nimport colorize" not in text
