"""The bins of the ab plane: their rings, the expectation, the head that classifies and its training."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.photos import write_photos
from support.runs import CLASSIFYING, HUE_AGREEMENT, SMALL, small_run
from support.runs import make_generator as make

from colorize.color import AB_MAX
from colorize.network import (
    BINS,
    HEADS,
    Generator,
    GeneratorConfig,
    bin_areas,
    bin_centres,
    load_generator,
    save_generator,
)
from colorize.network.bins import RINGS, Expectation
from training.config import PretrainConfig
from training.interpolate import scale_chroma
from training.losses import SOFTNESS, classification_loss
from training.objective import GeneratorLoss, LossWeights
from training.pretrain_generator import build_generator, pretrain
from training.trainable_generator import TrainableGenerator, with_classification

pytestmark = pytest.mark.usefixtures("narrow_resnet18")


VARIANTS = {"regression": SMALL, "classification": CLASSIFYING, "classification, hue agreement": HUE_AGREEMENT}


class TestRings:
    def test_the_centres_lie_around_grey(self):
        centres = bin_centres() * AB_MAX
        assert centres.shape == (BINS, 2) == (sum(count for _, count in RINGS), 2)
        assert not centres[0].any()
        torch.testing.assert_close(centres.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)  # so a new head is grey
        distances = torch.cdist(centres, centres) + 1e9 * torch.eye(BINS)
        assert distances.min() > 4
        wanted = torch.tensor([float(chroma) for chroma, count in RINGS for _ in range(count)])
        torch.testing.assert_close(centres.norm(dim=1), wanted, atol=1e-3, rtol=0)

    def test_the_areas_fill_a_disc(self):
        areas = bin_areas()
        assert areas.shape == (BINS,)
        assert (areas > 0).all()
        outermost = (90 + (90 - 65) / 2) / AB_MAX
        assert float(areas.sum()) == pytest.approx(math.pi * outermost**2, rel=1e-5)


class TestExpectation:
    @pytest.mark.parametrize("index", [0, 5, BINS - 1])
    def test_one_certain_bin_is_its_centre(self, index):
        logits = torch.zeros(1, BINS, 2, 3)
        logits[:, index] = 1000
        torch.testing.assert_close(Expectation()(logits)[0, :, 1, 2], bin_centres()[index])

    @given(st.floats(0, 40), st.floats(0, 2 * math.pi))
    @settings(max_examples=50, deadline=None)
    def test_a_gaussian_is_expected_near_its_middle(self, chroma, hue):
        ab = torch.tensor([math.cos(hue), math.sin(hue)]) * chroma / AB_MAX
        logits = -(bin_centres() - ab).square().sum(dim=1) / (2 * 0.09**2) + bin_areas().log()
        found = Expectation()(logits[None, :, None, None])[0, :, 0, 0]
        assert (found - ab).norm() * AB_MAX < 2

    def test_bfloat16_logits_are_averaged_in_float32(self):
        logits = torch.randn(1, BINS, 4, 4).bfloat16()
        answer = Expectation()(logits)
        assert answer.dtype == torch.float32
        torch.testing.assert_close(answer, Expectation()(logits.float()))


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
class TestEveryHead:
    def test_a_new_one_is_nearly_grey(self, config):
        torch.manual_seed(0)
        ab = Generator(config).eval()(torch.rand(1, 1, 64, 64))
        assert ab.shape == (1, 2, 64, 64)
        assert ab.abs().max() * AB_MAX < 3

    def test_backward_reaches_every_parameter(self, config):
        generator = make(config).train()
        generator(torch.rand(2, 1, 64, 64), torch.rand(2, 3, 64, 64)).square().sum().backward()
        assert [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()] == []

    def test_save_load_and_fold_keep_the_answers(self, config, tmp_path):
        generator, x = make(config, std=1.5), torch.rand(1, 1, 64, 96) * 2 - 1
        save_generator(generator, tmp_path / "weights.safetensors")
        loaded = load_generator(tmp_path / "weights.safetensors")
        assert loaded.config == generator.config
        folded = generator.prepared(torch.device("cpu"), torch.float32)
        with torch.inference_mode():
            wanted = generator(x)
            assert wanted.std() > 0.01
            assert (loaded(x) - wanted).abs().max() < 0.02  # fp16 on disk
            torch.testing.assert_close(folded(x), wanted, rtol=1e-3, atol=1e-4)

    @pytest.mark.slow
    def test_export_keeps_the_answers(self, config):
        generator, x = make(config, std=1.5), torch.rand(1, 1, 64, 96) * 2 - 1
        with torch.inference_mode():
            program = torch.export.export(generator, (x,))
            torch.testing.assert_close(program.module()(x), generator(x), rtol=1e-3, atol=1e-4)

    def test_bfloat16_keeps_the_colours(self, config):
        generator, x = make(config, std=0.2), torch.rand(1, 1, 64, 64) * 2 - 1
        with torch.inference_mode():
            exact, fast = (generator.prepared(torch.device("cpu"), p)(x) for p in (torch.float32, torch.bfloat16))
        assert (exact - fast).abs().mean() * AB_MAX < 1

    def test_a_trainable_generator_returns_its_logits(self, config):
        ab, _, logits = TrainableGenerator(make(config))(torch.rand(2, 1, 32, 32), torch.zeros(2, 3, 32, 32))
        assert ab.shape == (2, 2, 32, 32)
        assert logits.shape == (2, HEADS[config.head], 32, 32)


def test_every_head_is_among_the_variants():
    assert {config.head for config in VARIANTS.values()} == set(HEADS)


def test_an_unknown_head_is_named():
    with pytest.raises(ValueError, match=r"head 'softmax'; .*regression"):
        Generator(replace(SMALL, head="softmax"))


def test_weights_without_a_word_about_the_head_regress():
    fields = {name: value for name, value in SMALL.to_dict().items() if name != "head"}
    assert GeneratorConfig.from_dict(fields).head == "regression"


def test_a_regression_becomes_a_classification_of_the_same_colours():
    regression = make(SMALL, std=0.06)
    result = with_classification(regression).eval()
    assert result.config == CLASSIFYING
    assert with_classification(result) is result
    x = torch.rand(2, 1, 64, 64) * 2 - 1
    with torch.inference_mode():
        wanted = torch.atanh(regression(x)) * AB_MAX
        assert wanted.norm(dim=1).max() > 10
        assert (result(x) * AB_MAX - wanted).norm(dim=1)[wanted.norm(dim=1) < 40].max() < 3


class TestLoss:
    def test_it_is_least_at_the_truth(self):
        truth = (torch.rand(2, 2, 8, 8) - 0.5) * 0.8
        centres = bin_centres()[None, :, :, None, None]
        wanted = -(truth[:, None] - centres).square().sum(dim=2) / (2 * SOFTNESS**2)
        least = classification_loss(wanted, truth, bin_centres())
        probabilities = wanted[..., ::2, ::2].softmax(dim=1)
        entropy = -(probabilities * probabilities.clamp_min(1e-30).log()).sum(dim=1).mean()
        torch.testing.assert_close(least, entropy, rtol=1e-3, atol=1e-3)
        assert classification_loss(0 * wanted, truth, bin_centres()) == pytest.approx(math.log(BINS), rel=1e-3)
        assert least < classification_loss(wanted.flip(0), truth, bin_centres())

    def test_it_asks_for_what_is_shown_where_chroma_was_scaled(self):
        generator = scale_chroma(make(std=0.1), 1.5)
        loss = GeneratorLoss(LossWeights(content=0, perceptual=0, colourfulness=0, gradient=0, distillation=0), None)
        loss.weights = replace(loss.weights, classification=1)
        loss.read_bins(generator)
        colour = 1.5 * bin_centres()[15]  # where a bin is now: between bins a colour can only be approached
        truth = colour[None, :, None, None].expand(2, 2, 8, 8)
        logits = torch.zeros(2, BINS, 8, 8, requires_grad=True)
        step = torch.optim.Adam([logits], 0.1)
        for _ in range(150):
            step.zero_grad()
            loss((generator.to_ab(logits), logits.new_zeros(1), logits), torch.cat([truth[:, :1], truth], 1)).backward()
            step.step()
        shown = generator.to_ab(logits)[..., ::2, ::2]  # the places that the loss looks at
        assert (shown - colour[None, :, None, None]).abs().max() * AB_MAX < 3

    def test_a_regression_cannot_be_told_so(self):
        loss = GeneratorLoss(LossWeights(perceptual=0, distillation=0, classification=1), None)
        answer = TrainableGenerator(make(SMALL))(torch.rand(2, 1, 32, 32), torch.zeros(2, 3, 32, 32))
        with pytest.raises(ValueError, match=f"2 channels are no logits of {BINS} bins"):
            loss(answer, torch.zeros(2, 3, 32, 32))


@pytest.mark.trains
class TestTraining:
    @pytest.fixture
    def config(self, tmp_path) -> PretrainConfig:
        write_photos(tmp_path / "photos", 6, side=32)
        run = small_run(tmp_path / "photos", tmp_path / "run", samples=(8,), batch_sizes=(4,), ema=0.0)
        losses = LossWeights(perceptual=0, distillation=0, classification=1)
        return PretrainConfig(run, losses, "resnet18", SMALL.decoder_widths, head="classification")

    def test_a_run_from_a_new_generator(self, config):
        start, result = build_generator(config), load_generator(pretrain(config))
        assert result.config.head == "classification"
        assert torch.equal(result.expectation.centres.half(), start.expectation.centres.half())  # nothing moves them
        assert not torch.equal(result.head.weight, start.head.weight)

    def test_a_run_from_weights_that_regress(self, config, tmp_path):
        save_generator(make(SMALL, std=0.02), tmp_path / "warm.safetensors")
        warm = replace(config, weights=tmp_path / "warm.safetensors")
        assert load_generator(pretrain(warm)).config.head == "classification"
        assert build_generator(replace(warm, head="regression")).config.head == "regression"

    def test_an_unknown_head_is_named_before_the_run(self, config):
        with pytest.raises(ValueError, match="unknown head 'softmax'"):
            replace(config, head="softmax")
