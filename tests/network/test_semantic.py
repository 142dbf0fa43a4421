"""The semantic branch: parity with timm, its part in the generator, its weights in a training run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from support.narrow import narrow_encoders
from support.photos import write_photos
from support.runs import settle_batch_norm, small_run

from colorize.network import (
    SEMANTIC_NETWORKS,
    Generator,
    GeneratorConfig,
    load_generator,
    save_generator,
)
from colorize.network.semantic import EfficientNetLite
from training import pretrain_generator
from training.config import PretrainConfig
from training.interpolate import blend
from training.objective import LossWeights
from training.pretrain_generator import build_generator, pretrain, with_semantic_branch

pytestmark = pytest.mark.trains
NAME = "efficientnet_lite0"
SMALL = GeneratorConfig("resnet18", (8, 8, 8, 4, 4))


@pytest.fixture(scope="module", autouse=True)
def narrow_resnet18():
    """Beside the semantic branch, whose width is timm's, the encoder is not the point."""
    with narrow_encoders("resnet18"):
        yield


def unsettle(network: Generator) -> None:
    """Give what starts at zero, and batch norms, values that a wrong order or a lost tensor would show."""
    settle_batch_norm(network)
    for layer in (network.semantic_branch.spatial_proj, network.semantic_branch.global_proj, network.head):
        torch.nn.init.normal_(layer.weight, std=0.1)


def fit_batch_norm(network: torch.nn.Module, pictures: torch.Tensor) -> None:
    """Set batch norms to the statistics of pictures; with others nothing of a picture is left after many layers."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(pictures)
    network.eval()


def theirs(name: str = NAME) -> torch.nn.Module:
    torch.manual_seed(0)
    network = timm.create_model(f"tf_{name}", pretrained=False).eval()
    settle_batch_norm(network)
    return network


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    result = Generator(replace(SMALL, semantic_branch=NAME)).eval()
    unsettle(result)
    return result


@pytest.fixture(scope="module")
def semantic_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("semantic_branch") / "lite0.safetensors"
    save_file(theirs().state_dict(), path)
    return path


@pytest.fixture
def config(tmp_path, semantic_file) -> PretrainConfig:
    write_photos(tmp_path / "photos", 6, side=32)
    run = small_run(tmp_path / "photos", tmp_path / "run", samples=(8,), batch_sizes=(4,), ema=0.0)
    losses = LossWeights(perceptual=0, distillation=0)
    return PretrainConfig(
        run, losses, "resnet18", SMALL.decoder_widths, semantic_branch=NAME, semantic_weights=semantic_file
    )


@pytest.mark.parametrize("name", SEMANTIC_NETWORKS)
def test_a_grey_picture_is_seen_as_timm_sees_it(name):
    network = theirs(name)
    ours = EfficientNetLite(SEMANTIC_NETWORKS[name]).eval()
    ours.load_rgb_weights(network.state_dict())
    grey = torch.rand(2, 1, 64, 96) * 2 - 1
    with torch.inference_mode():
        wanted = network.forward_features(grey.expand(-1, 3, -1, -1))
        assert wanted.std() > 0.1
        torch.testing.assert_close(ours(grey), wanted, rtol=1e-3, atol=1e-3)


def test_weights_of_another_classifier_are_refused():
    with pytest.raises(RuntimeError, match="blocks"):
        EfficientNetLite(SEMANTIC_NETWORKS["efficientnet_lite1"]).load_rgb_weights(theirs(NAME).state_dict())
    with pytest.raises(RuntimeError, match="conv_stem"):
        EfficientNetLite(SEMANTIC_NETWORKS[NAME]).load_rgb_weights({})


def test_a_new_branch_changes_no_answer(semantic_file):
    torch.manual_seed(2)
    without = Generator(SMALL).eval()
    torch.nn.init.normal_(without.head.weight, std=0.1)
    result = with_semantic_branch(without, NAME, semantic_file).eval()
    x = torch.rand(2, 1, 64, 64) * 2 - 1
    with torch.inference_mode():
        assert torch.equal(result(x), without(x))
    assert result.config == replace(SMALL, semantic_branch=NAME)
    assert with_semantic_branch(result, NAME, None) is result  # its own: nothing is downloaded
    assert with_semantic_branch(result, "", None) is result
    with pytest.raises(ValueError, match=r"efficientnet_lite1: .* another one already, efficientnet_lite0"):
        with_semantic_branch(result, "efficientnet_lite1", None)


def test_weights_that_do_not_fit_the_branch_are_named(tmp_path):
    save_file({"conv_stem.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="tf_efficientnet_lite0"):
        with_semantic_branch(Generator(SMALL), NAME, tmp_path / "other.safetensors")


def test_the_branch_matters_near_and_far(generator):
    branch = generator.semantic_branch
    fit_batch_norm(branch, torch.rand(4, 1, 128, 128) * 2 - 1)
    x = torch.zeros(1, 1, 128, 128)
    changed = x.clone()
    changed[..., :32, :32] = 1.0
    with torch.inference_mode():
        change = branch(changed) - branch(x)
        local = branch.spatial_proj(branch.body(changed)) - branch.spatial_proj(branch.body(x))
    assert local[0, :, 0, 0].abs().max() > 0.1
    shared = change - local  # by the mean over the picture, which reaches every place alike
    torch.testing.assert_close(shared, shared[..., :1, :1].expand_as(shared), rtol=0, atol=1e-4)
    assert shared.abs().max() > 0.1


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (70, 45)])
def test_any_size(generator, size):
    with torch.inference_mode():
        ab = generator(torch.rand(1, 1, *size))
    assert ab.shape == (1, 2, *size)
    assert torch.isfinite(ab).all()


def test_backward_reaches_every_parameter(generator):
    generator.train()
    generator(torch.rand(2, 1, 64, 64), torch.rand(2, 3, 64, 64)).square().sum().backward()
    without = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_save_load_and_fold_keep_the_answers(generator, tmp_path):
    x = torch.rand(1, 1, 64, 96) * 2 - 1
    save_generator(generator, tmp_path / "weights.safetensors")
    loaded = load_generator(tmp_path / "weights.safetensors")
    assert loaded.config == generator.config
    folded = generator.prepared(torch.device("cpu"), torch.float32)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    with torch.inference_mode():
        wanted = generator(x)
        assert wanted.std() > 0.01
        assert (loaded(x) - wanted).abs().max() < 0.02  # fp16 on disk
        torch.testing.assert_close(folded(x), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_export_keeps_the_answers(generator):
    x = torch.rand(1, 1, 64, 96) * 2 - 1
    program = torch.export.export(generator, (x,))
    with torch.inference_mode():
        torch.testing.assert_close(program.module()(x), generator(x), rtol=1e-3, atol=1e-4)


def test_blends_take_the_branch_along(generator):
    other = Generator(generator.config)
    unsettle(other)
    middle = blend(generator, other, 0.5)
    wanted = (generator.semantic_branch.global_proj.weight + other.semantic_branch.global_proj.weight) / 2
    torch.testing.assert_close(middle.semantic_branch.global_proj.weight, wanted)
    with pytest.raises(ValueError, match="built differently"):
        blend(generator, Generator(SMALL), 0.5)


@pytest.mark.slow
def test_a_run_trains_the_projections_and_moves_the_body_little(config):
    flat = replace(config.run, weight_decay=0.0)
    moved = {}
    for rate in (1.0, 0.01):
        there = replace(config, semantic_rate=rate, run=replace(flat, output=flat.output.with_name(f"rate-{rate}")))
        start, result = build_generator(there).semantic_branch, load_generator(pretrain(there)).semantic_branch
        assert result.global_proj.weight.abs().sum() > 0  # zero at first
        moved[rate] = float((result.body.conv_stem.weight - start.body.conv_stem.weight).detach().abs().mean())
    assert moved[0.01] < 0.3 * moved[1.0]


@pytest.mark.slow
def test_a_run_goes_on_from_weights_with_a_branch(config, generator, tmp_path):
    save_generator(generator, tmp_path / "warm.safetensors")
    warm = replace(config, semantic_branch="", semantic_weights=None, weights=tmp_path / "warm.safetensors")
    start = build_generator(warm)
    assert start.config == generator.config
    assert load_file(pretrain(warm)).keys() == load_file(tmp_path / "warm.safetensors").keys()


@pytest.mark.slow
def test_deep_layers_learn_with_a_decoder_alone(config, generator, tmp_path, monkeypatch):
    save_generator(generator, tmp_path / "warm.safetensors")
    last: list[dict[str, torch.Tensor]] = []

    def keep(released, *_):
        last.append({name: value.clone() for name, value in released.state_dict().items()})

    monkeypatch.setattr(pretrain_generator, "save_generator", keep)
    flat = replace(config.run, weight_decay=0.0)
    warm = replace(
        config, semantic_branch="", semantic_weights=None, weights=tmp_path / "warm.safetensors", decoder_only=True
    )
    moved = {}
    for rate in (1.0, 0.01, 0.0):
        there = replace(warm, deep_rate=rate, run=replace(flat, output=flat.output.with_name(f"deep-{rate}")))
        before = build_generator(there).state_dict()
        pretrain(there)
        changed = {name for name, value in last[-1].items() if not torch.equal(value, before[name])}
        deep = ("encoder.layer3.", "encoder.layer4.")
        deep += tuple(
            f"semantic_branch.{part}."
            for part in ("body.blocks.5", "body.blocks.6", "body.conv_head", "body.bn2", "spatial_proj", "global_proj")
        )
        for prefix in deep:
            assert any(name.startswith(prefix) for name in changed) == (rate > 0)
        assert all(name.startswith((*deep, "decoder.", "head.")) for name in changed)
        assert not any("running" in name or "tracked" in name for name in changed)
        projection = "semantic_branch.global_proj.weight"
        moved[rate] = (last[-1][projection] - before[projection]).abs().mean()
    assert moved[0.01] < 0.3 * moved[1.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"deep_rate": 0.5}, "deep_rate 0.5 belongs to decoder_only; add --decoder-only"),
        ({"deep_rate": -1.0, "decoder_only": True}, "deep_rate -1 must be 0 or more"),
        ({"deep_rate": float("nan"), "decoder_only": True}, "deep_rate nan must be 0 or more"),
        ({"semantic_branch": "vgg"}, "unknown semantic branch 'vgg'; choose one of efficientnet_lite0"),
        ({"semantic_rate": 0}, "semantic_rate 0 must be above 0"),
    ],
)
def test_wrong_settings_are_named(config, change, message):
    with pytest.raises(ValueError, match=message):
        replace(config, **change)


def test_missing_weights_of_the_branch_are_one_line(config, monkeypatch, tmp_path):
    arguments = ["--photos", str(tmp_path / "photos"), "--output", str(tmp_path / "out"), "--semantic-branch", NAME]
    losses = ["--losses.perceptual", "0", "--losses.distillation", "0", "--backbone", "resnet18"]
    missing = ["--semantic-weights", str(tmp_path / "missing.safetensors")]
    monkeypatch.setattr("sys.argv", ["pretrain_generator", *arguments, *losses, *missing])
    with pytest.raises(SystemExit) as stop:
        pretrain_generator.main()
    assert "missing.safetensors" in str(stop.value)
    assert "\n" not in str(stop.value)
