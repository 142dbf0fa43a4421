"""The rule that chooses a checkpoint and stops a run, the Pareto front, and the reports' files."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.probe import ProbeReport, ProbeSettings
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
        reason = stop_reason(reports, LIMITS)
        assert reason.startswith("3 probes") and "epoch 1's" in reason and "skin hue 40 over 15" in reason

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
