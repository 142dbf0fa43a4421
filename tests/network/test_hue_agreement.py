"""Hue agreement, temperature and chroma of a head that classifies, in the network and in its weights file."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import CLASSIFYING, HUE_AGREEMENT, SMALL
from support.runs import make_generator as make

from colorize.color import AB_MAX
from colorize.network import (
    BINS,
    GeneratorConfig,
    bin_centres,
    load_generator,
    read_info,
    save_generator,
    torch_network,
)
from colorize.network.bins import Expectation
from training.interpolate import InterpolateSettings, blend, interpolate, scale_chroma, scale_logits

pytestmark = pytest.mark.usefixtures("narrow_resnet18")


class TestHueAgreement:
    @staticmethod
    def expected(logits: torch.Tensor, power: float) -> torch.Tensor:
        return Expectation(power)(logits[None, :, None, None])[0, :, 0, 0]

    def two_bins(self, first: int, second: int) -> torch.Tensor:
        logits = torch.full((BINS,), -1e4)
        logits[[first, second]] = 0
        return logits

    @pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
    def test_certainty_keeps_its_chroma_and_doubt_loses_it(self, power):
        first = 1 + 6 + 8 + 10  # of twelve hues at a chroma of 33
        for index in (first, first + 7, BINS - 1):
            answer = self.expected(self.two_bins(index, index), power)
            torch.testing.assert_close(answer, bin_centres()[index], atol=1e-4, rtol=1e-3)
        assert self.expected(self.two_bins(first, first + 6), power).norm() * AB_MAX < 0.01  # opposite hues
        right_angle = self.two_bins(first, first + 3)
        plain = self.expected(right_angle, 0)
        wanted = plain * 0.5 ** (power / 2)  # the mean of two unit vectors at a right angle is sqrt(.5) long
        torch.testing.assert_close(self.expected(right_angle, power), wanted, atol=1e-4, rtol=1e-3)

    @given(st.integers(0, 1000), st.floats(0, 4), st.floats(0.1, 20))
    @settings(max_examples=50, deadline=None)
    def test_hue_stays_and_chroma_never_grows(self, seed, power, spread):
        logits = torch.randn(1, BINS, 3, 3, generator=torch.Generator().manual_seed(seed)) * spread
        plain, reduced = Expectation()(logits), Expectation(power)(logits)
        before, after = plain.norm(dim=1), reduced.norm(dim=1)
        assert (after <= before * 1.001 + 1e-5).all()
        torch.testing.assert_close((plain * reduced).sum(dim=1), before * after, rtol=1e-3, atol=1e-6)

    def test_scaled_chroma_scales_what_is_left(self):
        generator, x = make(HUE_AGREEMENT, std=0.1), torch.rand(1, 1, 64, 64)
        with torch.inference_mode():
            torch.testing.assert_close(scale_chroma(generator, 1.5)(x), 1.5 * generator(x), rtol=1e-2, atol=1e-4)

    def test_gradients_are_numbers_where_all_bins_are_alike(self):
        logits = torch.zeros(1, BINS, 2, 2, requires_grad=True)
        Expectation(0.5)(logits).sum().backward()
        assert logits.grad is not None
        assert logits.grad.isfinite().all()

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"hue_agreement_power": -0.1}, r"hue_agreement_power -0\.1 is not within 0\.\.4"),
            ({"hue_agreement_power": float("nan")}, r"hue_agreement_power nan is not within"),
            (
                {"head": "regression", "hue_agreement_power": 0.5},
                r"hue_agreement_power 0\.5 needs a head that classifies, not a regression",
            ),
        ],
    )
    def test_what_is_no_power(self, fields, message):
        with pytest.raises(ValueError, match=message):
            replace(CLASSIFYING, **fields)

    def test_another_power_has_another_fingerprint(self):
        plain, same, other = (
            torch_network(make(config), "cpu") for config in (CLASSIFYING, CLASSIFYING, HUE_AGREEMENT)
        )
        assert plain.fingerprint() == same.fingerprint() != other.fingerprint()

    def test_weights_without_a_word_about_it_have_none(self):
        fields = {name: value for name, value in CLASSIFYING.to_dict().items() if name != "hue_agreement_power"}
        assert GeneratorConfig.from_dict(fields).hue_agreement_power == 0

    def test_it_goes_into_the_file_and_stays_there(self, tmp_path):
        first, second, third = (tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.safetensors"))
        save_generator(make(), first)
        interpolate(InterpolateSettings(first, first, second, 0, hue_agreement_power=0.5))
        assert read_info(second).trained_on.startswith("hue_agreement_power 0.5 of (1 of [")
        interpolate(InterpolateSettings(second, second, third, 0, chroma=1.1))
        assert read_info(third).config == read_info(second).config == HUE_AGREEMENT
        x = torch.rand(1, 1, 32, 32)
        with torch.inference_mode():
            assert not torch.allclose(load_generator(second)(x), load_generator(first)(x), atol=1e-3)
        with pytest.raises(ValueError, match="built differently"):
            interpolate(InterpolateSettings(first, second, third))


class TestTemperatureAndChroma:
    def test_a_lower_temperature_decides_more_firmly(self):
        generator, x = make(), torch.rand(1, 1, 64, 64)
        with torch.inference_mode():
            plain, firm = generator(x), scale_logits(generator, 4.0)(x)
            firmest = scale_logits(generator, 1e5)(x)
            distance = (firmest[:, None] - bin_centres()[None, :, :, None, None]).norm(dim=2).amin(dim=1)
        assert firm.norm(dim=1).mean() > plain.norm(dim=1).mean()
        assert distance.quantile(0.99) < 1e-3  # at the end one bin takes all
        assert scale_logits(generator, 1.0) is generator

    @pytest.mark.parametrize(
        ("config", "factor", "message"),
        [
            (CLASSIFYING, 0.0, "inverse_temperature 0 is not above 0"),
            (SMALL, 2.0, "inverse_temperature 2 needs a generator that classifies"),
        ],
    )
    def test_what_has_no_temperature(self, config, factor, message):
        with pytest.raises(ValueError, match=message):
            scale_logits(make(config), factor)

    def test_chroma_is_scaled_and_hints_keep_theirs(self):
        generator = make(std=0.1)
        lightness, hints = torch.rand(2, 1, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 0.5
        smaller = torch.cat([hints[:, :2] / 1.25, hints[:, 2:]], dim=1)
        with torch.inference_mode():
            wanted = generator(lightness, smaller) * 1.25
            torch.testing.assert_close(scale_chroma(generator, 1.25)(lightness, hints), wanted, rtol=1e-3, atol=1e-5)
            assert torch.equal(scale_chroma(generator, 1.0)(lightness, hints), generator(lightness, hints))

    def test_it_goes_into_the_file(self, tmp_path):
        file = tmp_path / "a.safetensors"
        save_generator(make(), file)
        settings = InterpolateSettings(file, file, tmp_path / "b.safetensors", 0.5, chroma=1.25, inverse_temperature=2)
        path = interpolate(settings)
        assert read_info(path).trained_on.startswith("chroma x 1.25 of (inverse_temperature 2 of (0.5 of [")
        wanted = scale_chroma(scale_logits(load_generator(file), 2), 1.25)
        x = torch.rand(1, 1, 32, 32)
        with torch.inference_mode():
            torch.testing.assert_close(load_generator(path)(x), wanted(x), rtol=1e-2, atol=2e-3)

    def test_heads_do_not_blend(self):
        with pytest.raises(ValueError, match="built differently"):
            blend(make(), make(SMALL), 0.5)
