"""Command lines of requests, previews with hints on them, and values of the colour picker."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorize.cli.options import build_parser, check_options
from colorize.engine import Hint
from colorize.film import VideoOptions
from colorize.motion import TemporalOptions
from colorize.web.command_lines import photo_command, video_command
from colorize.web.hint_controls import hex_color
from colorize.web.previews import write_hinted, write_preview
from colorize.web.requests import ColorSettings, PhotoRequest, VideoRequest

SETTINGS = ColorSettings("stable")


class TestCommands:
    @pytest.mark.parametrize(
        ("photo_request", "command"),
        [
            (PhotoRequest(SETTINGS), "colorize aunt.jpg"),
            (PhotoRequest(ColorSettings("stable", 0.8, 1.25, 256), force=True), None),
            (PhotoRequest(SETTINGS, candidates=4, seed=3), "colorize aunt.jpg --candidates 4 --seed 3"),
            (PhotoRequest(SETTINGS, [Hint(1, 2.5, "#a0b0c0"), Hint(3, 4, "#000000", 7)]), None),
        ],
    )
    def test_of_photos_do_the_same(self, photo_request, command):
        text = photo_command(["aunt.jpg"], photo_request)
        options = parse(text)
        assert command in (None, text)
        assert (options.strength, options.saturation) == (
            photo_request.color_settings.strength,
            photo_request.color_settings.saturation,
        )
        assert options.render_size == photo_request.color_settings.render_size and options.force == photo_request.force
        assert [Hint.parse(hint) for hint in options.hint] == list(photo_request.hints)

    def test_names_survive_a_shell(self):
        names = ["-n.jpg", "it's $HOME; ls.jpg", "Ünï.png"]
        options = parse(photo_command(names, PhotoRequest(SETTINGS), "out put"))
        assert options.files == ["./-n.jpg", *names[1:]] and options.output == Path("out put")

    def test_of_films_do_the_same(self):
        options = VideoOptions(start=1.5, end=90, temporal=TemporalOptions("best"))
        given = parse(video_command("a.mkv", VideoRequest(SETTINGS, options, force=True)))
        assert (given.start, given.end, given.temporal, given.force) == (1.5, 90, "best", True)
        assert parse(video_command("a.mkv", VideoRequest(SETTINGS, options, preview=6))).preview == 6
        assert video_command("a.mkv", VideoRequest(SETTINGS, VideoOptions())) == "colorize a.mkv"


def parse(command: str):
    words = shlex.split(command)
    assert words.pop(0) == "colorize"
    parser = build_parser()
    options = parser.parse_args(words)
    check_options(parser, options)
    return options


class TestPreviews:
    def test_a_pixel_of_the_preview_is_one_of_the_photo(self, tmp_path):
        source = tmp_path / "wide.png"
        Image.new("L", (400, 100), 128).save(source)
        preview = write_preview(source, tmp_path / "preview.jpg", max_side=100)
        with Image.open(preview.path) as image:
            assert image.size == (100, 25)
        assert preview.to_photo(0, 0) == (2, 2) and preview.to_photo(99, 24) == (398, 98)
        assert preview.to_photo(5000, -3) == (399, 0)

    def test_hints_are_drawn(self, tmp_path):
        source = tmp_path / "grey.png"
        Image.new("L", (200, 200), 128).save(source)
        preview = write_preview(source, tmp_path / "preview.jpg")
        write_hinted(preview, [Hint(50, 150, "#d02020")], tmp_path / "hints.jpg")
        with Image.open(tmp_path / "hints.jpg") as image:
            red, green, _ = image.getpixel((50, 150))
            assert red > green + 100 and image.getpixel((150, 50)) == pytest.approx((128,) * 3, abs=3)

    def test_transparency_and_orientation(self, tmp_path):
        source = tmp_path / "turned.png"
        picture = np.zeros((40, 80, 2), np.uint8)  # black, transparent in its right half
        picture[:, :40, 1] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees
        Image.fromarray(picture, "LA").save(source, exif=exif)
        preview = write_preview(source, tmp_path / "preview.jpg")
        with Image.open(preview.path) as image:
            assert image.size == (40, 80) and preview.photo_size == (80, 40)
            values = np.asarray(image.convert("L"))
        assert values[:30].mean() < 5 and values[50:].mean() > 250


@pytest.mark.parametrize(
    ("value", "color"),
    [("#A0b1C2", "#a0b1c2"), ("#a0b1c2ff", "#a0b1c2"), ("#abc", "#aabbcc"), ("rgba(255, 12.6, 0, 0.5)", "#ff0d00")],
)
def test_colour_pickers_are_understood(value, color):
    assert hex_color(value) == color
