"""Settings check themselves, and say what is wrong; what is made from them elsewhere is tested there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from support.settings import Tinted

from colorize.base import Settings, repeated, setting, specs
from colorize.batch import FileOptions, PhotoOptions
from colorize.engine import ColorSettings, RuntimeSettings
from colorize.film import VideoOptions
from colorize.web import WebSettings

ALL = (ColorSettings, RuntimeSettings, VideoOptions, PhotoOptions, FileOptions, WebSettings)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Tinted(tint=11), ["tint 11", "-10..10", "units of a"]),
        (lambda: replace(Tinted(), tint=float("nan")), ["tint nan"]),
        (lambda: ColorSettings(render_size=0), ["render size 0", "pixels"]),
        (lambda: VideoOptions(codec="mpeg2"), ["codec 'mpeg2'", "h264"]),
        (lambda: VideoOptions(every=50), ["every 50", "1..16"]),
        (lambda: VideoOptions(start=5, end=4), ["end 4", "start 5"]),
        (lambda: PhotoOptions(seed=7), ["seed", "candidates"]),
        (lambda: ColorSettings(render_size=33.5), ["render size 33.5", "whole number", "1..2048 pixels"]),
        (lambda: ColorSettings(saturation="x"), ["saturation 'x'", "number", "0..2"]),
        (lambda: ColorSettings(strength=True), ["strength True", "0..1"]),
        (lambda: ColorSettings(strength=None), ["strength None"]),
        (lambda: ColorSettings(strength=10**400), ["strength 1000", "0..1"]),
        (lambda: ColorSettings(square="no"), ["square 'no'", "True or False"]),
        (lambda: RuntimeSettings(threads="2"), ["threads '2'", "1..1024"]),
        (lambda: RuntimeSettings(device=""), ["device ''", "empty"]),
        (lambda: RuntimeSettings(weights=" "), ["weights ' '", "empty"]),
        (lambda: RuntimeSettings(runtime=[]), ["runtime []", "onnx"]),
        (lambda: VideoOptions(temporal={}), ["temporal {}", "fast"]),
        (lambda: VideoOptions(preset=""), ["preset ''", "empty"]),
        (lambda: VideoOptions(start="1:30"), ["start '1:30'", "number"]),
        (lambda: PhotoOptions(hints="1,1,#ff0000"), ["hints", "not a list"]),
        (lambda: PhotoOptions(hints=["1,1,#ff0000"]), ["hints", "'1,1,#ff0000'", "Hint"]),
        (lambda: FileOptions(photo=ColorSettings()), ["photo", "ColorSettings", "PhotoOptions"]),
        (lambda: WebSettings(host=""), ["host ''", "empty"]),
        (lambda: FileOptions(skip_existing=True, video=VideoOptions(overwrite=True)), ["overwrite", "skip existing"]),
    ],
)
def test_what_is_wrong_is_named_with_its_range(make, words):
    with pytest.raises(ValueError, match=r"\w") as caught:
        make()
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("settings", ALL, ids=lambda settings: settings.__name__)
def test_every_setting_says_what_it_does_and_its_default_is_right(settings):
    assert settings() == settings()
    for each, spec in specs(settings):
        assert spec.help, each.name
        assert (spec.low is None) == (spec.high is None), each.name
        assert each.default is not None or spec.automatic or not spec.surfaces or each.name in OFF, each.name


OFF = {
    "auth",
    "candidates",
    "export_keyframes",
    "hint_file",
    "keyframes",
    "preview",
    "propagate",
}  # whose None means that there is no such thing


def test_settings_that_are_repeated_differ_by_their_default_alone():
    @dataclass(frozen=True)
    class Other(Settings):
        tint: float = repeated(Tinted, "tint", 3.0)

    assert Other().tint == 3
    with pytest.raises(ValueError, match=r"tint 11 is not within -10\.\.10"):
        Other(11)


def test_numbers_of_numpy_become_pythons():
    colors = ColorSettings(strength=np.float32(0.5), saturation=1, render_size=np.int64(64))
    assert colors == ColorSettings(strength=0.5, render_size=64)
    assert [type(value) for value in (colors.strength, colors.saturation, colors.render_size)] == [float, float, int]


def test_secrets_are_not_shown():
    @dataclass(frozen=True)
    class Secret(Settings):
        word: str = setting("sesame", "opens", secret=True)

    assert "sesame" not in repr(Secret())
