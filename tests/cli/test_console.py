"""The console: what is said of a film before it is coloured, and not again afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from colorize.batch import Outcome
from colorize.cli import main
from colorize.cli.console import InterruptHandler, Reporter
from colorize.film import Progress

FILM = Path("film.mp4")


@pytest.mark.parametrize("quiet", [False, True])
def test_notes_are_shown_when_they_are_known_and_once(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    reporter = Reporter(quiet, False, 1, InterruptHandler())
    for done in range(3):
        reporter.show_progress(FILM, Progress(done, 9, notes=("starting afresh",)))
    assert capsys.readouterr().err == ("" if quiet else "colorize: starting afresh\n")
    reporter.report(Outcome(FILM, "done", "", notes=("starting afresh", "a frame is damaged")))
    assert capsys.readouterr().err == ("" if quiet else "colorize: a frame is damaged\n")
    reporter.report(Outcome(FILM, "done", "", notes=("starting afresh",)))
    assert capsys.readouterr().err == ("" if quiet else "colorize: starting afresh\n"), "of another film"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--skip-existing goes on"),
        (["--overwrite"], "the same command begins anew"),
        (["--dry-run"], "has written nothing"),
    ],
)
def test_what_an_interruption_advises_can_be_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("colorize.cli.command.run", stop)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["a.jpg", *options]) == 130
    assert words in capsys.readouterr().err


def test_the_bar_of_several_files_moves_on_and_lines_stand_above_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    reporter = Reporter(False, False, 3, InterruptHandler())
    for done, name in ((1, "a.jpg"), (3, "c.jpg")):
        reporter.advance() if done == 1 else reporter.advance_to(done)
        reporter.report(Outcome(Path(name), "failed", f"{name}: damaged"))
        *_, line, bar = filter(None, capsys.readouterr().err.replace("\r", "\n").split("\n"))
        assert line == f"colorize: {name}: damaged"
        assert f" {done}/3 [" in bar
    reporter.close()
