"""Settings check themselves, and say what is wrong; what is made from them elsewhere is tested there."""

from __future__ import annotations

from dataclasses import dataclass, replace

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


OFF = {"candidates", "preview", "auth"}  # whose None means that there is no such thing


def test_settings_that_are_repeated_differ_by_their_default_alone():
    @dataclass(frozen=True)
    class Other(Settings):
        tint: float = repeated(Tinted, "tint", 3.0)

    assert Other().tint == 3
    with pytest.raises(ValueError, match=r"tint 11 is not within -10\.\.10"):
        Other(11)


def test_secrets_are_not_shown():
    @dataclass(frozen=True)
    class Secret(Settings):
        word: str = setting("sesame", "opens", secret=True)

    assert "sesame" not in repr(Secret())
