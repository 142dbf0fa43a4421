"""The rule that chooses and stops, the probe that feeds it, and blends of weights."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from colorize.color import rgb_to_lab
from colorize.network import Generator, GeneratorConfig, load_generator, read_info, save_generator
from training import interpolate
from training.classifiers import Teacher
from training.flicker import warp_error
from training.interpolate import InterpolateSettings, blend, scale_chroma
from training.photos import Photos
from training.probe import Probe, ProbeReport, ProbeSettings, moving_video, still_video
from training.stopping import (
    broken_limits,
    choose,
    pareto_front,
    plot_reports,
    read_reports,
    score,
    stop_reason,
    write_reports,
)

LIMITS = ProbeSettings(patience=3)
START = ProbeReport(
    epoch=0,
    feature_distance=0.8,
    colourfulness=15.0,
    colourfulness_gap=0.6,
    ramp_free_share=0.8,
    ciede2000=10.0,
    hue_drift=10.0,
    blue_skin=0.01,
    bleeding=0.5,
    flicker_still=0.4,
    flicker_moving=0.3,
)


def better_report(epoch: int, **changes: float) -> ProbeReport:
    return replace(START, **{"epoch": epoch, "feature_distance": 0.7 - epoch / 100, **changes})


class TestRule:
    def test_the_best_allowed_one_is_taken(self):
        reports = [
            START,
            better_report(1),
            better_report(2),
            better_report(3, hue_drift=16.0),
            better_report(4, feature_distance=0.75),
        ]
        assert choose(reports, LIMITS).epoch == 2

    @pytest.mark.parametrize(
        ("changes", "broken"),
        [
            ({"hue_drift": 15.1}, "skin hue 15.1 over 15"),
            ({"blue_skin": 0.031}, "blue skin 0.031 over 0.03"),
            ({"bleeding": 1.01}, "bleeding 1.01 over 1"),
            ({"flicker_still": 0.81}, "flicker 0.81 over 0.8"),
            ({"flicker_moving": 0.81}, "flicker 0.81 over 0.8"),
        ],
    )
    def test_every_limit(self, changes, broken):
        assert broken_limits(better_report(1, **changes), START, LIMITS) == [broken]
        assert choose([START, better_report(1, **changes)], LIMITS) is START

    def test_the_start_is_always_allowed(self):
        bad_start = replace(START, bleeding=5.0, hue_drift=90.0, blue_skin=0.9)
        assert not broken_limits(bad_start, bad_start, LIMITS)

    def test_a_figure_without_meaning_breaks_nothing(self):
        assert not broken_limits(better_report(1, hue_drift=math.nan, bleeding=math.nan), START, LIMITS)

    def test_it_stops_after_patience(self):
        reports = [START, better_report(1), *(better_report(epoch, hue_drift=40.0) for epoch in (2, 3, 4))]
        assert stop_reason(reports[:-1], LIMITS) == ""
        assert stop_reason(reports, LIMITS) == (
            "3 probes without a better checkpoint than epoch 1's (skin hue 40 over 15)"
        )

    def test_it_goes_on_while_it_gets_better_report(self):
        assert not stop_reason([START, *(better_report(epoch) for epoch in range(1, 20))], LIMITS)

    def test_too_many_colours_are_no_gain(self):
        assert score(better_report(1, colourfulness_gap=0.1)) < score(better_report(1, colourfulness_gap=0.3))


figures = st.floats(0, 1)


@given(st.lists(st.tuples(figures, figures, figures, figures), min_size=1, max_size=12))
def test_the_front_holds_the_best_of_each_and_nothing_beaten(points):
    reports = [
        replace(START, epoch=epoch, feature_distance=a, colourfulness_gap=b, blue_skin=c, flicker_still=d)
        for epoch, (a, b, c, d) in enumerate(points)
    ]
    front = pareto_front(reports)
    assert front
    assert min(r.feature_distance for r in front) == min(a for a, *_ in points)
    for report in front:
        assert not any(
            all(getattr(o, n) < getattr(report, n) for n in ("feature_distance", "colourfulness_gap", "blue_skin"))
            and max(o.flicker_still, o.flicker_moving) < max(report.flicker_still, report.flicker_moving)
            for o in reports
        )


def test_reports_round_trip_and_plot(tmp_path):
    reports = [START, better_report(1)]
    assert read_reports(tmp_path / "reports.json") == []
    write_reports(reports, tmp_path / "reports.json")
    again = read_reports(tmp_path / "reports.json")
    assert [replace(r, critic_accuracy=0) for r in again] == [replace(r, critic_accuracy=0) for r in reports]
    plot_reports(reports, reports[1], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


class TestProbe:
    @pytest.fixture
    def picture(self):
        return np.ascontiguousarray(skimage.data.astronaut()[:96, 150:278])

    def test_a_still_film_keeps_its_colours(self, picture):
        first, second = still_video(picture, 2, seed=1)
        assert first.shape == picture.shape and not np.array_equal(first, second)
        a, b = rgb_to_lab(first), rgb_to_lab(second)
        assert 2 < (a[..., 0] - b[..., 0]).std() < 6
        assert abs(a[..., 1:].mean() - b[..., 1:].mean()) < 0.2

    def test_a_moving_film_moves_and_can_be_followed(self, picture):
        video = list(moving_video(picture, 3))
        assert len(video) == 3 and video[0].shape == video[2].shape
        assert np.abs(video[0].astype(int) - video[2]).mean() > 2
        assert warp_error(video, video).truth < 3

    def test_it_measures(self, picture):
        lying = np.stack([picture, picture[::-1, ::-1]])
        photos = Photos(lying, np.array([128, 100]), np.array([False, True]))
        torch.manual_seed(0)
        teacher = Teacher("mobilenet_v2", torchvision.models.mobilenet_v2())
        probe = Probe(photos, ProbeSettings(pictures=2, videos=1, frames=2), teacher, 32, "cpu")
        generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4))).eval()
        grey = probe(generator, 3, 0.5)
        assert grey.epoch == 3 and grey.critic_accuracy == 0.5
        assert grey.colourfulness < 1 and grey.colourfulness_gap > 0.95
        assert grey.flicker_still < 0.05, "what is grey does not flicker"
        torch.nn.init.normal_(generator.head.weight, std=1.0)
        vivid = probe(generator, 4)
        assert vivid.colourfulness > 5 * grey.colourfulness
        assert vivid.flicker_still > grey.flicker_still
        assert math.isnan(vivid.critic_accuracy)

    def test_too_few_pictures(self, picture):
        with pytest.raises(ValueError, match="too few for a probe"):
            Probe(Photos(picture[None], np.array([128]), np.array([False])), LIMITS, None, 32, "cpu")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="at least 2 pictures"):
            ProbeSettings(pictures=1)


class TestInterpolate:
    @pytest.fixture
    def files(self, tmp_path):
        for seed, name in enumerate("ab"):
            torch.manual_seed(seed)
            save_generator(Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4))), tmp_path / f"{name}.safetensors")
        return tmp_path / "a.safetensors", tmp_path / "b.safetensors"

    @pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
    def test_every_number_lies_between(self, weight):
        config = GeneratorConfig("resnet18", (8, 8, 8, 4, 4))
        a, b = Generator(config), Generator(config)
        for parameter in a.parameters():
            torch.nn.init.zeros_(parameter)
        for parameter in b.parameters():
            torch.nn.init.ones_(parameter)
        blended = blend(a, b, weight)
        assert all((parameter == weight).all() for parameter in blended.parameters())

    def test_ends_are_the_files_themselves(self, files, tmp_path):
        for weight, file in ((0.0, files[0]), (1.0, files[1])):
            path = interpolate.interpolate(InterpolateSettings(*files, tmp_path / "blend.safetensors", weight))
            ours, theirs = load_generator(path).state_dict(), load_generator(file).state_dict()
            assert all(torch.equal(value, theirs[name]) for name, value in ours.items())

    def test_chroma_is_scaled_and_hints_keep_theirs(self):
        """Written into the weights, it is the same as other hints and a multiplied answer."""
        torch.manual_seed(2)
        generator = Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 4))).eval()
        torch.nn.init.normal_(generator.head.weight, std=0.02)
        lightness, hints = torch.rand(2, 1, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 0.5
        scaled = scale_chroma(generator, 1.25)
        smaller = torch.cat([hints[:, :2] / 1.25, hints[:, 2:]], dim=1)
        with torch.no_grad():
            answer, expected = scaled(lightness, hints), torch.atanh(generator(lightness, smaller)) * 1.25
            assert torch.allclose(torch.atanh(answer), expected, atol=1e-5)
            assert not torch.allclose(answer, generator(lightness, hints), atol=1e-3)
            assert torch.equal(scale_chroma(generator, 1.0)(lightness, hints), generator(lightness, hints))

    def test_chroma_and_size_go_into_the_file(self, files, tmp_path):
        settings = InterpolateSettings(*files, tmp_path / "blend.safetensors", 0.5, chroma=1.25, render_size=96)
        info = read_info(interpolate.interpolate(settings))
        assert info.render_size == 96
        assert info.trained_on.startswith("chroma x 1.25 of (0.5 of [")

    def test_what_does_not_fit_is_refused(self, files, tmp_path, monkeypatch):
        other = tmp_path / "other.safetensors"
        save_generator(Generator(GeneratorConfig("resnet18", (8, 8, 8, 4, 8))), other)
        with pytest.raises(ValueError, match="built differently"):
            interpolate.interpolate(InterpolateSettings(files[0], other, tmp_path / "x"))
        with pytest.raises(ValueError, match="weight 2 is not within"):
            interpolate.interpolate(InterpolateSettings(*files, tmp_path / "x", 2.0))
        with pytest.raises(ValueError, match="chroma 0 is not above 0"):
            interpolate.interpolate(InterpolateSettings(*files, tmp_path / "x", chroma=0.0))
        with pytest.raises(ValueError, match="render_size 100 is not a multiple of 32"):
            interpolate.interpolate(InterpolateSettings(*files, tmp_path / "x", render_size=100))
        assert not (tmp_path / "x").exists()
        monkeypatch.setattr("sys.argv", ["interpolate", str(files[0]), "missing", "--output", str(tmp_path / "x")])
        with pytest.raises(SystemExit, match=r"interpolate: .*missing"):
            interpolate.main()
