"""The journal of a run: after any stop nothing is coloured twice and nothing is missed."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from support.command import in_new_process

from colorize.batch import FileOptions, Job, Journal, JournaledRun, Outcome, PhotoOptions, journal_folder, write_reports
from colorize.batch.journaled_run import Finished

SETTINGS = {"saturation": 1.0, "weights": "abc"}


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Five files, of which one fails."""
    for name in ("a", "b", "bad", "c", "d"):
        (tmp_path / name).write_text(name)
    return [Job(tmp_path / name, tmp_path / "out" / name) for name in ("a", "b", "bad", "c", "d")]


def copy_files(jobs: Iterator[Job], coloured: list[str]) -> Generator[Finished, None, None]:
    """Take the place of workers: write results, and fail at what is called bad."""
    for job in jobs:
        coloured.append(job.source.name)
        if job.source.name == "bad":
            yield Finished(job, Outcome(job.source, "failed", f"{job.source}: bad 17"), 0.5, "w1")
            continue
        job.target.parent.mkdir(exist_ok=True)
        job.target.write_text("coloured")
        yield Finished(job, Outcome(job.source, "done", f"{job.source} -> {job.target}"), 0.5, "w1")


def run(
    jobs: list[Job], options: FileOptions | None = None, *, retry: bool = False, settings: dict | None = None
) -> tuple[list[str], JournaledRun]:
    """Run over files as a new process would; return the names of the files that were coloured, and the run."""
    options = options or FileOptions()
    journal = Journal(jobs[0].target.parent / "colorize-journal", settings or SETTINGS)
    journal.open(replaces=options.photo.overwrite or options.skip_existing)
    coloured: list[str] = []
    made = JournaledRun(journal, options, lambda _: None, retry)
    try:
        made.run(jobs, lambda todo: copy_files(todo, coloured))
    finally:
        journal.close()
    write_reports(journal)
    return coloured, made


def test_the_same_command_has_nothing_left_to_do(jobs: list[Job]) -> None:
    assert run(jobs)[0] == ["a", "b", "bad", "c", "d"]
    coloured, made = run(jobs)
    assert coloured == [] and made.earlier == {"done": 4, "failed": 1}


def test_new_files_among_old_ones_are_coloured(jobs: list[Job]) -> None:
    assert run(jobs[1:4])[0] == ["b", "bad", "c"]
    assert run(jobs)[0] == ["a", "d"]


def test_failures_are_tried_again_when_that_is_asked_for(jobs: list[Job]) -> None:
    run(jobs)
    assert run(jobs, retry=True)[0] == ["bad"]


def test_a_result_that_was_removed_is_made_again(jobs: list[Job]) -> None:
    run(jobs)
    jobs[1].target.unlink()
    assert run(jobs)[0] == ["b"]


def test_what_lay_there_before_is_never_replaced(jobs: list[Job]) -> None:
    jobs[0].target.parent.mkdir()
    jobs[0].target.write_text("precious")
    assert run(jobs)[0] == ["b", "bad", "c", "d"]
    assert run(jobs, retry=True)[0] == ["bad"]
    assert jobs[0].target.read_text() == "precious"
    assert run(jobs, FileOptions(photo=PhotoOptions(overwrite=True)), retry=True)[0] == ["a", "bad"]


def test_what_was_left_for_a_result_is_made_once_that_is_gone_or_may_be_replaced(jobs: list[Job]) -> None:
    jobs[0].target.parent.mkdir()
    jobs[0].target.write_text("precious")
    skip = FileOptions(skip_existing=True)
    assert run(jobs, skip)[0] == ["b", "bad", "c", "d"]
    assert run(jobs, skip)[1].earlier == {"done": 3, "skipped": 1, "failed": 1}
    jobs[0].target.unlink()
    assert run(jobs, skip)[0] == ["a"]


@pytest.mark.parametrize("skip", [True, False])
def test_what_a_result_was_in_the_way_of_is_tried_with_the_option_that_its_line_names(
    jobs: list[Job], skip: bool
) -> None:
    jobs[0].target.parent.mkdir()
    jobs[0].target.write_text("precious")
    run(jobs)
    assert run(jobs)[1].earlier == {"done": 3, "failed": 2}
    options = FileOptions(skip_existing=True) if skip else FileOptions(photo=PhotoOptions(overwrite=True))
    assert run(jobs, options)[0] == ([] if skip else ["a"])
    assert jobs[0].target.read_text() == ("precious" if skip else "coloured")
    assert run(jobs, options)[1].earlier == {"done": 3 if skip else 4, "failed": 1, **({"skipped": 1} if skip else {})}


def test_a_kill_while_a_run_starts_afresh_leaves_nothing_of_the_former(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(jobs)
    overwrite, other = FileOptions(photo=PhotoOptions(overwrite=True)), {**SETTINGS, "saturation": 1.5}
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".jsonl":
            raise KeyboardInterrupt
        real(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        with pytest.raises(KeyboardInterrupt):
            run(jobs, overwrite, settings=other)
    assert run(jobs, overwrite, settings=other)[0] == ["a", "b", "bad", "c", "d"]


def test_what_another_run_has_done_meanwhile_is_known(jobs: list[Job]) -> None:
    folder = jobs[0].target.parent / "colorize-journal"
    early = Journal(folder, SETTINGS)  # read, and then a million names are planned
    assert run(jobs)[0] == ["a", "b", "bad", "c", "d"]
    early.open(replaces=False)
    coloured: list[str] = []
    made = JournaledRun(early, FileOptions(), lambda _: None)
    made.run(jobs, lambda todo: copy_files(todo, coloured))
    early.close()
    assert coloured == [] and made.earlier == {"done": 4, "failed": 1}


def test_the_report_counts_what_the_summary_counts(jobs: list[Job]) -> None:
    folder = jobs[0].target.parent
    rows = [Outcome(Path("list.csv"), "failed", f"list.csv, row {row}: names no file") for row in (3, 4, 5)]

    def report(entries: list[Job | Outcome]) -> list[str]:
        journal = Journal(folder / "colorize-journal", SETTINGS)
        journal.open(replaces=False)
        JournaledRun(journal, FileOptions(), lambda _: None).run(entries, lambda todo: copy_files(todo, []))
        journal.close()
        write_reports(journal)
        with (folder / "colorize-journal" / "report.csv").open(newline="") as file:
            return [row["line"] for row in csv.DictReader(file) if row["status"] == "failed"]

    assert report([*jobs[:2], *rows]) == [row.message for row in rows]
    assert report([*jobs[:2], rows[1]]) == [rows[1].message]  # the others were mended


def test_other_settings_start_afresh_only_where_results_may_be_replaced(jobs: list[Job]) -> None:
    run(jobs)
    other = {**SETTINGS, "saturation": 1.5}
    with pytest.raises(ValueError, match=r"colorize-journal.*saturation 1\.0 -> 1\.5"):
        run(jobs, settings=other)
    assert run(jobs)[0] == []
    overwrite = FileOptions(photo=PhotoOptions(overwrite=True))
    assert run(jobs, overwrite, settings=other)[0] == ["a", "b", "bad", "c", "d"]
    assert run(jobs, overwrite, settings=other)[0] == []


def test_two_runs_at_once_are_refused(jobs: list[Job]) -> None:
    folder = jobs[0].target.parent / "colorize-journal"
    first = Journal(folder, SETTINGS)
    first.open(replaces=False)
    with pytest.raises(ValueError, match="another run"):
        Journal(folder, SETTINGS).open(replaces=False)
    first.close()
    assert run(jobs)[0] == ["a", "b", "bad", "c", "d"]


@pytest.mark.parametrize("moment", ["after the result", pytest.param("before the result", marks=pytest.mark.slow)])
def test_after_a_kill_only_what_was_at_work_is_done_again(jobs: list[Job], moment: str) -> None:
    folder = jobs[0].target.parent
    done = in_new_process(
        f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import test_journal
        from colorize.batch import Job
        class Killed(Path().__class__):
            def write_text(self, text):
                if {moment!r} == "after the result":
                    Path(self).write_text(text)
                os.kill(os.getpid(), signal.SIGKILL)
        jobs = [Job(Path({str(folder.parent)!r}, n), Path({str(folder)!r}, n)) for n in ("a", "b", "bad")]
        jobs.append(Job(Path({str(folder.parent)!r}, "c"), Killed({str(folder)!r}, "c")))
        test_journal.run(jobs)
        """
    )
    assert done.returncode not in (0, 1), done.stderr
    (chunk,) = (folder / "colorize-journal").glob("*.jsonl.open")
    with chunk.open("a") as file:
        file.write('{"file": "torn')  # as a kill within a write leaves it
    coloured, made = run(jobs)
    assert coloured == ["c", "d"] and made.earlier == {"done": 2, "failed": 1}
    assert run(jobs)[0] == []
    assert all(job.target.read_text() == "coloured" for job in jobs if job.source.name != "bad")


def test_the_reports_hold_each_file_once(jobs: list[Job]) -> None:
    run(jobs)
    run(jobs, retry=True)
    folder = jobs[0].target.parent / "colorize-journal"
    with (folder / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(Path(row["file"]).name for row in rows) == ["a", "b", "bad", "c", "d"]
    (bad,) = (row for row in rows if row["status"] == "failed")
    assert (bad["file"], bad["worker"], bad["seconds"]) == (str(jobs[2].source), "w1", "0.5")
    page = (folder / "report.html").read_text()
    assert "FILE: bad N" in page and "<rect" in page and "w1" in page


@pytest.mark.parametrize(
    "change",
    [
        *({"file": value} for value in (5, None, ["a"])),
        {"result": 5},
        *({name: "\ud800"} for name in ("file", "result", "line")),
        {"hints": 5},
        *({"status": value} for value in ([], "dome", None)),
        *({"seconds": value} for value in ("x", None, -1, float("nan"))),
        *({"ended": value} for value in ("x", 1e300, float("inf"), 10**400)),
        *({name: 7} for name in ("line", "worker")),
        {"ended": "NESTED"},
    ],
    ids=ascii,
)
def test_a_damaged_line_is_passed_over(jobs: list[Job], change: dict) -> None:
    assert run(jobs[:2])[0] == ["a", "b"]
    (chunk,) = (jobs[0].target.parent / "colorize-journal").glob("*.jsonl")
    *lines, last = chunk.read_text().splitlines()
    damaged = json.dumps({**json.loads(last), **change}).replace('"NESTED"', "[" * 100_000 + "]" * 100_000)
    chunk.write_text("\n".join([*lines, damaged]) + "\n")
    coloured, made = run(jobs)  # the last one counts as begun
    assert coloured == ["b", "bad", "c", "d"] and made.earlier == {"done": 1}
    assert run(jobs)[1].earlier == {"done": 4, "failed": 1}


def test_a_damaged_or_foreign_journal_is_named(tmp_path: Path) -> None:
    for content in ("{", "[" * 100_000, '{"results": 5}'):
        (tmp_path / "settings.json").write_text(content)
        with pytest.raises(ValueError, match=r"settings\.json: cannot be read"):
            Journal(tmp_path, SETTINGS)
    (tmp_path / "settings.json").write_text('{"format": "colorize-journal/99"}')
    with pytest.raises(ValueError, match="another version"):
        Journal(tmp_path, SETTINGS)


def test_the_journal_of_a_pattern_lies_in_a_folder_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a[1].jpg").write_bytes(b"x")
    journal = tmp_path / "colorize-journal"
    for named in (tmp_path, tmp_path / "**/*.jpg", tmp_path / "*/x?.jpg", tmp_path / "a[1].jpg", tmp_path / "none.jpg"):
        assert journal_folder([named], None, None) == journal
    assert journal_folder(["**/*.jpg"], None, None) == Path("colorize-journal")
