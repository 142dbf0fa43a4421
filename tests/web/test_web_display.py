"""Command lines of requests, previews, and hints that the easel sends."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorize.batch import FileOptions, PhotoOptions
from colorize.cli.options import Command, parse_command
from colorize.engine import ColorSettings, Hint
from colorize.film import VideoOptions
from colorize.web.command_lines import command_line
from colorize.web.previews import write_pair, write_preview
from colorize.web.requests import ColorizeRequest

HERE: Any = SimpleNamespace(read=lambda path, function, *arguments: function(*arguments))  # a service without processes
HINTS = [Hint(1, 2.5, "#a0b0c0"), Hint(3, 4, "#000000", 7)]


class TestCommands:
    @pytest.mark.parametrize(
        ("colors", "options"),
        [
            (ColorSettings(), FileOptions()),
            (ColorSettings(strength=0.8, saturation=1.25, render_size=256, square=True), FileOptions(force=True)),
            (ColorSettings(), FileOptions(photo=PhotoOptions(candidates=4, seed=3))),
            (ColorSettings(), FileOptions(photo=PhotoOptions(hints=HINTS, ai_label=False, quality=80, format="png"))),
            (ColorSettings(), FileOptions(force=True, video=VideoOptions(start=1.5, end=90, temporal="best", every=2))),
            (ColorSettings(), FileOptions(preview=6, video=VideoOptions(start=0.1))),
        ],
    )
    def test_do_the_same(self, colors, options):
        command = parse(
            command_line(["a.mkv" if options.preview else "a.jpg"], ColorizeRequest("stable", colors, options))
        )
        assert command.colors == colors and command.options.force == options.force
        assert command.options.preview == options.preview and command.runtime.weights == "stable"
        shared = command.options.photo.ai_label, command.options.video.ai_label
        assert (options.photo.ai_label and options.video.ai_label) in shared
        assert command.options.photo == options.photo
        assert dataclasses.replace(command.options.video, ai_label=options.video.ai_label) == options.video

    def test_say_nothing_of_defaults(self):
        assert command_line(["a.jpg"], ColorizeRequest("stable")) == "colorize a.jpg"
        versions = FileOptions(photo=PhotoOptions(candidates=4, seed=3))
        request = ColorizeRequest("artistic", options=versions)
        assert command_line(["a.jpg"], request) == "colorize a.jpg --weights artistic --candidates 4 --seed 3"

    def test_names_survive_a_shell(self):
        names = ["-n.jpg", "it's $HOME; ls.jpg", "Ünï.png"]
        command = parse(command_line(names, ColorizeRequest("stable"), "out put"))
        assert command.files == ("./-n.jpg", *names[1:]) and command.settings.output == Path("out put")


def parse(text: str) -> Command:
    words = shlex.split(text)
    assert words.pop(0) == "colorize"
    return parse_command(words)


class TestPreviews:
    def test_is_reduced_and_never_enlarged(self, tmp_path):
        source = tmp_path / "wide.png"
        Image.new("L", (400, 100), 128).save(source)
        for side, size in ((100, (100, 25)), (1000, (400, 100)), (None, (400, 100))):
            with Image.open(write_preview(HERE, source, tmp_path / f"{side}.jpg", side)) as image:
                assert image.size == size

    def test_before_and_after_lie_side_by_side(self, tmp_path):
        before, after = tmp_path / "grey.png", tmp_path / "red.png"
        Image.new("L", (200, 100), 90).save(before)
        Image.new("RGB", (200, 100), (180, 40, 40)).save(after)
        write_pair(HERE, before, after, tmp_path / "pair.jpg", 50)
        with Image.open(tmp_path / "pair.jpg") as image:
            assert image.height == 25 and image.width >= 100
            assert image.getpixel((10, 12)) == pytest.approx((90,) * 3, abs=4)
            assert image.getpixel((image.width - 10, 12)) == pytest.approx((180, 40, 40), abs=6)

    def test_transparency_and_orientation(self, tmp_path):
        source = tmp_path / "turned.png"
        picture = np.zeros((40, 80, 2), np.uint8)  # black, transparent in its right half
        picture[:, :40, 1] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90 degrees
        Image.fromarray(picture, "LA").save(source, exif=exif)
        with Image.open(write_preview(HERE, source, tmp_path / "preview.jpg")) as image:
            assert image.size == (40, 80)
            values = np.asarray(image.convert("L"))
        assert values[:30].mean() < 5 and values[50:].mean() > 250
