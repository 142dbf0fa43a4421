"""Settings as options of the command line: there and back, checked, and all of them in docs/usage.md."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from support.settings import Tinted

from colorize.batch import FileOptions, PhotoOptions
from colorize.cli import Parser, add_arguments, command_options, from_arguments, make_options
from colorize.cli.options import GROUPS, build_parser, parse_command
from colorize.cli.reference import insert_tables, option_tables
from colorize.engine import ColorSettings, Hint, RuntimeSettings
from colorize.film import TimedHint, VideoOptions

USAGE = Path(__file__).parents[2] / "docs" / "usage.md"


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="colorize")
    add_arguments(parser, make_options(Tinted))
    return parser


class TestANewSetting:
    def test_is_an_option_with_help_range_and_default(self, parser: Parser) -> None:
        help = " ".join(parser.format_help().split())
        assert "--tint -10..10" in help and "towards magenta" in help and "units of a; default: 0" in help

    def test_arrives(self, parser: Parser) -> None:
        given = parser.parse_args(["--tint", "-2.5"])
        assert from_arguments(parser, Tinted, given) == Tinted(tint=-2.5)
        assert from_arguments(parser, Tinted, parser.parse_args([])) == Tinted()

    @pytest.mark.parametrize(("text", "words"), [("11", "--tint 11 is not within -10..10"), ("red", "not a number")])
    def test_is_checked(self, parser: Parser, capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
        with pytest.raises(SystemExit, match="2"):
            from_arguments(parser, Tinted, parser.parse_args(["--tint", text]))
        assert words in capsys.readouterr().err

    def test_is_on_the_command_line_that_does_the_same(self) -> None:
        assert command_options(Tinted(tint=1.5)) == ["--tint", "1.5"]
        assert command_options(Tinted()) == []

    def test_is_in_the_documents(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(GROUPS, "colours", (Tinted,))
        assert "| `--tint -10..10` | towards magenta" in insert_tables(USAGE.read_text("utf-8"), option_tables())
        assert "--tint" in build_parser().format_help()


def test_every_setting_comes_back_from_its_command_line() -> None:
    colors = ColorSettings(strength=0.3, saturation=1.1, render_size=320, square=True)
    runtime = RuntimeSettings(weights="artistic", device="cpu", threads=3, max_megapixels=20.5)
    hints = [Hint(1, 2.5, "#a0b0c0"), Hint(3, 4, "#000000", 7)]
    photo = PhotoOptions(True, False, format="png", quality=50, hints=hints, batch_size=4)
    timed = [TimedHint(hints[0], seconds=12.5), TimedHint(hints[1], frame=300)]
    video = VideoOptions(
        True, False, temporal="best", every=4, codec="vp9", crf=30, preset="5", start=1.5, end=90.25, hints=timed
    )
    arguments = command_options(colors, runtime, photo, FileOptions(force=True))
    command = parse_command(["a.jpg", *arguments])
    assert (command.colors, command.runtime, command.options.photo) == (colors, runtime, photo)
    assert command.options.force and not command.options.video.ai_label
    command = parse_command(["a.mp4", *command_options(video, FileOptions(preview=4))])
    assert (command.options.video, command.options.preview) == (video, 4)


def test_auto_is_a_value_of_its_own() -> None:
    assert parse_command(["a.mp4", "--every", "auto"]).options.video.every is None
    assert parse_command(["a.mp4", "--every", "16"]).options.video.every == 16


def test_one_option_for_what_photos_and_films_share() -> None:
    options = parse_command(["a.mp4"]).options
    assert (options.photo.batch_size, options.video.batch_size) == (1, 8)
    options = parse_command(["a.mp4", "--batch-size", "3", "--threads", "2", "--overwrite"]).options
    assert (options.photo.batch_size, options.video.batch_size, options.video.threads) == (3, 3, 2)
    assert options.photo.overwrite and options.video.overwrite


def test_the_usage_document_holds_every_option() -> None:
    text = USAGE.read_text("utf-8")
    assert insert_tables(text, option_tables()) == text, "run: python -m colorize.cli.reference docs/usage.md"
    named = set(re.findall(r"--[a-z][a-z-]+", option_tables()))
    assert named == set(re.findall(r"--[a-z][a-z-]+", build_parser().format_help())) - {"--help", "--version"}


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="options"):
        insert_tables("# Usage\n", option_tables())


def test_values_are_texts_that_argparse_reads_again() -> None:
    (option,) = (option for option in make_options(Tinted) if option.name == "--tint")
    assert option.parse("1e-3") == 0.001
    with pytest.raises(argparse.ArgumentTypeError, match="red"):
        option.parse("red")
