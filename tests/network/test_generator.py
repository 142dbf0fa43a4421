"""The generator: one contract for all backbones, parity with torchvision, the limits of the default."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
import torchvision
from support.narrow import narrow_encoders
from support.quick import only_quick
from support.runs import settle_batch_norm
from torch.utils.flop_counter import FlopCounterMode

from colorize.network import (
    BACKBONES,
    Generator,
    GeneratorConfig,
    ResNetEncoder,
    UpBlock,
    load_generator,
    save_generator,
)

SMALL = (16, 12, 8, 8, 4)  # decoder widths that keep the tests quick


def make(backbone: str = "resnet18", latent_dim: int = 0) -> Generator:
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(backbone, SMALL, latent_dim))
    torch.nn.init.normal_(generator.head.weight, std=0.1)  # the start is nearly grey; a test wants to see colour
    return generator


EACH_BACKBONE = only_quick(quick := ["resnet18", "resnet50"], sorted({*BACKBONES} - {*quick}))


@pytest.mark.parametrize("backbone", EACH_BACKBONE)
class TestEveryBackbone:
    """All that hangs on the depth and the blocks, at an eighth of the width."""

    @pytest.fixture(autouse=True)
    def _narrow(self, backbone):
        with narrow_encoders(backbone):
            yield

    def test_shape_and_range(self, backbone):
        ab = make(backbone).eval()(torch.rand(2, 1, 64, 96) * 2 - 1)
        assert ab.shape == (2, 2, 64, 96)
        assert ab.abs().max() <= 1
        assert ab.std() > 0

    @pytest.mark.parametrize("size", [(1, 1), (1, 33), (31, 32), (45, 70)])
    def test_any_size(self, backbone, size):
        with torch.inference_mode():
            ab = make(backbone).eval()(torch.zeros(1, 1, *size))
        assert ab.shape == (1, 2, *size)
        assert torch.isfinite(ab).all()

    def test_backward_reaches_every_parameter(self, backbone):
        generator = make(backbone).train()
        hints = torch.rand(2, 3, 64, 64)
        generator(torch.rand(2, 1, 64, 64), hints).square().sum().backward()
        without = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert without == []

    def test_save_and_load(self, backbone, tmp_path):
        generator = make(backbone).eval()
        settle_batch_norm(generator)
        save_generator(generator, tmp_path / "weights.safetensors")
        loaded = load_generator(tmp_path / "weights.safetensors")
        assert loaded.config == generator.config
        x = torch.rand(1, 1, 64, 64) * 2 - 1
        with torch.inference_mode():
            difference = (loaded(x) - generator(x)).abs().max()
        assert difference < 0.02  # fp16 on disk

    def test_deepcopy_is_independent_and_equal(self, backbone):
        generator = make(backbone).eval()
        twin = copy.deepcopy(generator)
        x = torch.rand(1, 1, 32, 32)
        with torch.inference_mode():
            assert torch.equal(generator(x), twin(x))
            twin.head.weight.zero_()
            assert generator.head.weight.abs().sum() > 0

    @pytest.mark.slow
    def test_export(self, backbone):
        generator = make(backbone).eval()
        x = torch.rand(1, 1, 64, 64)
        program = torch.export.export(generator, (x,))
        with torch.inference_mode():
            torch.testing.assert_close(program.module()(x), generator(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", EACH_BACKBONE)
class TestParity:
    """Every backbone at its width, against torchvision's network of the same name."""

    def test_encoder_equals_torchvision(self, backbone):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = torchvision.models.get_model(backbone, weights=None).eval()
        settle_batch_norm(theirs)
        ours = ResNetEncoder(backbone).eval()
        ours.load_state_dict({k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")})
        x = torch.randn(1, 3, 64, 64)
        with torch.inference_mode():
            features = ours(x)
            y = theirs.relu(theirs.bn1(theirs.conv1(x)))
            wanted = [y]
            y = theirs.maxpool(y)
            for stage in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
                y = stage(y)
                wanted.append(y)
        for feature, target in zip(features, wanted, strict=True):
            torch.testing.assert_close(feature, target)

    def test_rgb_weights_see_grey_as_torchvision_does(self, backbone):
        theirs = torchvision.models.get_model(backbone, weights=None).eval()
        ours = ResNetEncoder(backbone, 4).eval()
        ours.load_rgb_weights(theirs.state_dict())
        grey = torch.rand(1, 1, 64, 64)
        with torch.inference_mode():
            features = ours(torch.cat([grey, torch.rand(1, 3, 64, 64)], dim=1))  # hints must not matter yet
            wanted = theirs.conv1(grey.expand(1, 3, 64, 64))
            torch.testing.assert_close(features[0], theirs.relu(theirs.bn1(wanted)), rtol=1e-4, atol=1e-4)


def test_default_is_within_its_limits():
    generator = Generator().eval()
    assert sum(p.numel() for p in generator.parameters()) <= 24e6
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        generator(torch.zeros(1, 1, 256, 256))
    assert counter.get_total_flops() <= 25e9


def test_hints_change_the_result():
    generator = make().eval()
    x = torch.zeros(1, 1, 64, 64)
    hints = torch.zeros(1, 3, 64, 64)
    hints[:, :, 20:30, 20:30] = 1
    with torch.inference_mode():
        assert not torch.equal(generator(x), generator(x, hints))
        assert torch.equal(generator(x), generator(x, torch.zeros(1, 3, 64, 64)))


def test_latent_zero_is_the_deterministic_answer():
    generator = make(latent_dim=4).eval()
    x = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        assert torch.equal(generator(x), generator(x, latent=torch.zeros(2, 4)))
        assert not torch.equal(generator(x), generator(x, latent=torch.randn(2, 4)))


def test_up_block_starts_as_nearest_enlargement():
    up = UpBlock(3, 2, 5).up
    x = torch.randn(1, 3, 4, 4)
    y = up(x)
    assert torch.equal(y[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2), y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g(torch.zeros(1, 3, 32, 32)), "lightness must be"),
        (lambda g: g(torch.zeros(1, 1, 32, 32), torch.zeros(1, 2, 32, 32)), "hints must be"),
        (lambda g: g(torch.zeros(1, 1, 32, 32), latent=torch.zeros(1, 4)), "latent_dim is 0"),
    ],
)
def test_wrong_inputs_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(make().eval())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": "vgg"}, "unknown backbone 'vgg'; choose one of resnet18"),
        ({"decoder_widths": (1, 2)}, "decoder_widths .* not .1, 2."),
        ({"latent_dim": -1}, "latent_dim .* not -1"),
        ({"semantic_branch": "vgg"}, "unknown semantic branch .vgg.; choose one of efficientnet_lite0"),
        ({"depth": 3}, "unknown field .depth."),
    ],
)
def test_wrong_configs_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        Generator(GeneratorConfig.from_dict(fields))


def test_config_survives_json():
    config = GeneratorConfig("resnet50", (5, 4, 3, 2, 1), 7, "efficientnet_lite1")
    assert GeneratorConfig.from_dict(config.to_dict()) == config
