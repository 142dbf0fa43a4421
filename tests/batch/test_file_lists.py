"""Lists of files: which rows become jobs, where their results go, and what is refused."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from colorize.batch import FileList, FileOptions, Job, Outcome, PhotoOptions, plan_list
from colorize.engine import Hint


def planned(path: Path, output: Path | None = None) -> list[Job | Outcome]:
    return list(plan_list(FileList.open(path), output))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "a/b.jpg\n\nc d.tif\r\n"),
        ("l.csv", "file\na/b.jpg\nc d.tif\n"),
        ("l.csv", '\ufeffnote;path\nx;a/b.jpg\n"y;z";c d.tif\n'),
        ("l.csv", "source\tyear\na/b.jpg\t1900\nc d.tif\n"),
    ],
)
def test_rows_become_jobs(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert planned(path) == [
        Job(Path("a/b.jpg"), Path("a/b_colorized.jpg")),
        Job(Path("c d.tif"), Path("c d_colorized.tif")),
    ]
    assert FileList.open(path).count() == 2


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow
    from pyarrow.parquet import write_table

    path = tmp_path / "l.parquet"
    write_table(pyarrow.table({"file": ["a.jpg", None], "result": [None, "x.png"], "id": [1, 2]}), path)
    first, second = planned(path, Path("out"))
    assert first == Job(Path("a.jpg"), Path("out/a.jpg"))
    assert isinstance(second, Outcome) and second.status == "failed"


@pytest.mark.parametrize(
    ("source", "result", "output", "target"),
    [
        ("/mnt/a/b.jpg", "", "out", "out/mnt/a/b.jpg"),
        ("../a/b.jls", "", "out", "out/a/b.png"),
        ("a/b.jpg", "c/d.png", "out", "out/c/d.png"),
        ("a/b.jpg", "c/d.png", None, "c/d.png"),
    ],
)
def test_where_a_result_goes(tmp_path: Path, source: str, result: str, output: str | None, target: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text(f"file,result\n{source},{result}\n")
    assert planned(path, None if output is None else Path(output)) == [Job(Path(source), Path(target))]


def test_hints_of_a_row(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text('file,hints\na.jpg,"1,2,#102030 3,4,#405060,7"\nb.jpg,"1,2,red"\nc.jpg,\n')
    first, second, third = planned(path)
    assert first == Job(Path("a.jpg"), Path("a_colorized.jpg"), (Hint(1, 2, "#102030"), Hint(3, 4, "#405060", 7)))
    assert isinstance(second, Outcome) and "b.jpg" in second.message and "row 3" in second.message
    assert third == Job(Path("c.jpg"), Path("c_colorized.jpg"))


def test_two_rows_with_one_result(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_text("a/x.jpg\nb.jpg\na/x.jpg\n")
    *_, last = planned(path)
    assert isinstance(last, Outcome) and last.status == "failed"
    assert "a/x_colorized.jpg" in last.message and "row 3" in last.message


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("l.csv", "name,year\na,1\n", "'year'"),
        ("l.csv", "", "'file'"),
        ("l.csv", "file,reference\na,b\n", "reference"),
        ("l.json", "[]", ".parquet"),
        ("l.parquet", "no parquet", "l.parquet"),
    ],
)
def test_what_is_no_list_is_refused_by_name(tmp_path: Path, name: str, text: str, word: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises((ValueError, ImportError)) as error:
        FileList.open(path)
    assert str(path) in str(error.value) and word in str(error.value) and "\n" not in str(error.value)


def test_a_list_is_read_as_far_as_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("file\na.jpg\n" + "b.jpg\n" * 5000 + '"' + "x" * 200_000 + '"\n')  # a cell larger than csv allows
    assert next(iter(plan_list(FileList.open(path)))) == Job(Path("a.jpg"), Path("a_colorized.jpg"))
    with pytest.raises(ValueError, match="damaged"):
        list(islice(FileList.open(path).rows(), 6000))


def test_an_address_is_no_path(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("file,result\ns3://scans/a.jpg,a.jpg\nb.jpg,memory://b.jpg\nc:/d.jpg,d.jpg\n")
    first, second, third = planned(path)
    for row, address, outcome in ((2, "s3://scans/a.jpg", first), (3, "memory://b.jpg", second)):
        assert isinstance(outcome, Outcome) and outcome.status == "failed"
        assert address in outcome.message and f"row {row}" in outcome.message and "mount" in outcome.message
    assert isinstance(third, Job)


def test_a_name_too_long_stops_no_other_row(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_text(f"{'x' * 300}/a.jpg\nb.jpg\nc\0/d.jpg\n")
    assert [job.source.name for job in planned(path) if isinstance(job, Job)] == ["a.jpg", "b.jpg", "d.jpg"]


def test_no_row_replaces_the_file_of_another(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("file,result\na.jpg,b.jpg\nb.jpg,c.jpg\nd_colorized.jpg,\nd.jpg,d_colorized.jpg\n")
    assert all(isinstance(entry, Job) for entry in planned(path))
    options = FileOptions(photo=PhotoOptions(overwrite=True))
    first, *others = plan_list(FileList.open(path), options=options)
    assert isinstance(first, Outcome) and first.status == "failed" and "would replace b.jpg" in first.message
    assert all(isinstance(entry, Job) for entry in others)
