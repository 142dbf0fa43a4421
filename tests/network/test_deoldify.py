"""The DeOldify generators: the original's numbers to 1e-4, our contract, and our pipeline around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000
from support.deoldify import TINY, published_shapes, reference, tiny_state, weights_by_recipe
from support.memory import answers_over_nan
from support.quick import only_quick
from torch import nn

from colorize.color import AB_MAX, lab_tensor_to_rgb, rgb_tensor_to_lab, rgb_to_lab
from colorize.engine import Colorizer, Hint
from colorize.network import (
    KINDS,
    DeOldifyGenerator,
    SelfAttention,
    build_unet,
    choose_precision,
    torch_network,
)
from colorize.network.deoldify import unet
from colorize.network.deoldify.folding import fold
from colorize.network.deoldify.generator import DEVIATION, MEAN
from colorize.network.deoldify.layers import SpectralConv, SpectralLinear, WeightNormConv
from colorize.network.deoldify.unet import UNet

CPU = torch.device("cpu")
NORMALISATIONS = SpectralConv | SpectralLinear | WeightNormConv


def normalised(grey: torch.Tensor) -> torch.Tensor:
    return (grey.repeat(1, 3, 1, 1) - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]


def with_weights(kind: str, state: dict[str, torch.Tensor]) -> DeOldifyGenerator:
    network = build_unet(kind)
    network.load_state_dict(state, assign=True)
    return DeOldifyGenerator(network.requires_grad_(False), kind).eval()


@pytest.fixture(scope="module")
def artistic():
    """The published artistic network with the recipe's weights, not folded."""
    return with_weights("deep", weights_by_recipe(published_shapes("artistic")))


@pytest.fixture(scope="module")
def both(artistic):
    """The artistic network as it runs, in float32 and in bfloat16."""
    return artistic.prepared(CPU, torch.float32), artistic.prepared(CPU, torch.bfloat16)


@pytest.fixture(params=["deep", "wide"])
def tiny(request, tiny_states, monkeypatch):
    """Both kinds of network with few channels."""
    monkeypatch.setitem(KINDS, request.param, TINY[request.param])
    return with_weights(request.param, {name: value.clone() for name, value in tiny_states[request.param].items()})


def random_lightness(*size: int) -> torch.Tensor:
    return torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("kind", "name"), [("deep", "artistic"), ("wide", "stable")])
def test_keys_and_shapes_are_the_published_ones(kind, name):
    shapes = {key: list(value.shape) for key, value in build_unet(kind).state_dict().items()}
    assert shapes == published_shapes(name)


@pytest.mark.slow
@torch.inference_mode()
def test_artistic_gives_the_originals_numbers_before_and_after_folding(artistic):
    grey, output = reference("artistic")
    assert torch.allclose(artistic.network(normalised(grey)), output, rtol=0, atol=1e-4)
    folded = artistic.prepared(CPU, torch.float32)
    assert not any(isinstance(module, NORMALISATIONS) for module in folded.modules())
    assert torch.allclose(folded.network(normalised(grey)), output, rtol=0, atol=1e-4)


@pytest.mark.slow
@torch.inference_mode()
def test_stable_gives_the_originals_numbers_before_and_after_folding():
    generator = with_weights("wide", weights_by_recipe(published_shapes("stable")))
    grey, output = reference("stable")
    assert torch.allclose(generator.network(normalised(grey)), output, rtol=0, atol=1e-4)
    fold(generator.network)
    assert torch.allclose(generator.network(normalised(grey)), output, rtol=0, atol=1e-4)


def bfloat16_difference(both: tuple[DeOldifyGenerator, DeOldifyGenerator], grey: torch.Tensor) -> float:
    """Return the mean CIEDE2000 between a generator's colours in bfloat16 and in float32."""
    lightness = rgb_tensor_to_lab(grey.repeat(1, 3, 1, 1))[:, :1]
    pictures = []
    for generator in both:
        with torch.inference_mode():
            ab = generator(lightness)
        lab = torch.cat([(lightness + 1) * 50, ab * AB_MAX], dim=1)[0].permute(1, 2, 0)
        pictures.append(lab.numpy())
    chroma = np.hypot(pictures[0][..., 1], pictures[0][..., 2])
    assert chroma.std() > 0.1  # one flat colour would prove little
    return float(deltaE_ciede2000(*pictures).mean())


@pytest.mark.slow
def test_artistic_in_bfloat16_cannot_be_told_from_float32(both):
    # A fifth of the picture, because many processors emulate bfloat16: 0.034 here, 0.036 over the whole of it.
    assert bfloat16_difference(both, reference("artistic")[0][..., 24:72, 40:88]) < 0.5


@torch.inference_mode()
def test_vivid_colours_in_bfloat16(tiny):
    lightness = random_lightness(64, 96)
    exact, rounded = (tiny.prepared(CPU, dtype)(lightness) * AB_MAX for dtype in (torch.float32, torch.bfloat16))
    assert exact.std() > 3
    assert (exact - rounded).abs().mean() < 0.05 * exact.std()


@pytest.fixture(scope="module")
def narrow_both(request):
    """A network as it runs, in float32 and bfloat16: the artistic one; where bfloat16 is emulated, a tiny one."""
    if choose_precision(CPU) == torch.bfloat16:
        return request.getfixturevalue("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS, "deep", TINY["deep"])
        generator = with_weights("deep", tiny_state("deep"))
    return generator.prepared(CPU, torch.float32), generator.prepared(CPU, torch.bfloat16)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 32), (48, 16), (64, 64)])
def test_bfloat16_reads_no_memory_of_others_on_narrow_pictures(narrow_both, size):
    network_input, (exact, rounded) = random_lightness(*size), narrow_both
    answers = answers_over_nan(rounded, network_input, 2)
    assert (answers[0] - exact(network_input)).abs().mean() < 0.01
    assert all(torch.equal(answer, answers[0]) for answer in answers)


@torch.inference_mode()
def test_folding_changes_nothing_but_the_number_of_operations(tiny):
    x = normalised(torch.rand(2, 1, 32, 64, generator=torch.Generator().manual_seed(1)))
    before = tiny.network(x)
    folded = tiny.prepared(CPU, torch.float32).network
    assert before.std() > 0.05
    assert torch.allclose(folded(x), before, rtol=0, atol=1e-4)
    fold(folded)
    assert torch.allclose(folded(x), before, rtol=0, atol=1e-4)
    assert torch.equal(tiny.network(x), before)  # a prepared copy leaves its original alone
    assert any(isinstance(module, SpectralConv) for module in tiny.modules())
    norms = [name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert not [name for name in norms if ".shuf." in name or name.startswith("layers.0.")]


@torch.inference_mode()
def test_a_border_stays_exact_where_a_shift_would_leak_into_the_padding(tiny):
    """The batch norms that cannot be folded have large shifts here: a wrong fold would show at the border alone."""
    for name, buffer in tiny.network.named_buffers():
        if name.endswith("running_mean"):
            buffer.fill_(-1.0)
    x = normalised(torch.full((1, 1, 64, 64), 0.5))
    assert torch.allclose(tiny.prepared(CPU, torch.float32).network(x), tiny.network(x), rtol=0, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("rows", [2, 4, 10, 30])
def test_strips_joined_are_the_whole(tiny, rows, monkeypatch):
    x = normalised(torch.rand(1, 1, 64, 48, generator=torch.Generator().manual_seed(2)))
    monkeypatch.setattr(unet, "STRIP_ROWS", 64)
    whole = tiny.network(x)
    monkeypatch.setattr(unet, "STRIP_ROWS", rows)
    assert torch.allclose(tiny.network(x), whole, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_attention_equals_the_published_formula():
    attention = SelfAttention(32)
    for seed, tensor in enumerate([*attention.parameters(), *attention.buffers()]):
        nn.init.normal_(tensor, generator=torch.Generator().manual_seed(seed))
    x = torch.randn(2, 32, 6, 5, generator=torch.Generator().manual_seed(0))
    tokens = x.flatten(2)
    query, key, value = (p.weight[:, :, 0] @ tokens for p in (attention.query, attention.key, attention.value))
    shares = torch.softmax(query.transpose(1, 2) @ key, dim=1)  # over the queries
    expected = attention.gamma * (value @ shares).unflatten(2, (6, 5)) + x
    exchanged = attention.gamma * (value @ torch.softmax(key.transpose(1, 2) @ query, dim=1)).unflatten(2, (6, 5)) + x
    assert torch.allclose(attention(x), expected, atol=1e-4)
    assert not torch.allclose(expected, exchanged, atol=0.1)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(32, 32), (16, 48), (48, 80), (50, 34), (2, 2)])
def test_every_even_size_is_taken(tiny, size):
    result = tiny.network(normalised(torch.rand(1, 1, *size)))
    assert result.shape == (1, 3, *size)
    assert torch.isfinite(result).all()
    assert result.abs().max() <= 3


@pytest.mark.parametrize("shape", [(1, 3, 33, 32), (1, 3, 32, 31), (1, 1, 32, 32), (3, 32, 32)])
def test_the_network_refuses_other_shapes(tiny, shape):
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\) with even H and W"):
        tiny.network(torch.zeros(shape))


@torch.inference_mode()
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (32, 48)])
def test_lightness_of_any_size_gives_ab(tiny, size):
    ab = tiny.prepared(CPU, torch.float32)(random_lightness(*size))
    assert ab.shape == (1, 2, *size)
    assert ab.dtype == torch.float32
    assert ab.abs().max() <= 1


@torch.inference_mode()
def test_ab_is_that_of_the_networks_colours(tiny):
    seen = []
    tiny.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    lightness = random_lightness(32, 32)
    ab = tiny(lightness)
    rgb = seen[0] * torch.tensor(DEVIATION)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert torch.allclose(rgb[:, :1], rgb[:, 1:2], atol=1e-5)
    assert torch.allclose(rgb_tensor_to_lab(rgb)[:, :1], lightness, atol=1e-4)  # what it sees is grey, of this L
    colors = tiny.network(seen[0]) * torch.tensor(DEVIATION)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert torch.allclose(lab_tensor_to_rgb(rgb_tensor_to_lab(colors.clamp(0, 1))), colors.clamp(0, 1), atol=1e-4)
    assert torch.equal(ab, rgb_tensor_to_lab(colors.clamp(0, 1))[:, 1:])


def test_hints_latents_and_wrong_shapes_are_refused(tiny):
    network, lightness = torch_network(tiny, "cpu"), random_lightness(32, 32).numpy()
    assert not network.takes_hints and network.latent_dim == 0
    features = network.encode(lightness)
    assert features.bottleneck is None
    with pytest.raises(ValueError, match="no hints"):
        network.decode(np.zeros((1, 4, 32, 32), np.float32), features)
    with pytest.raises(ValueError, match="no latent vector"):
        network.decode(lightness, features, np.zeros((1, 8), np.float32))
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\)"):
        tiny(torch.zeros(1, 3, 32, 32))


def test_a_picture_keeps_its_lightness(tiny, scene):
    colorizer = Colorizer(torch_network(tiny, "cpu", "float32"), render_size=48)
    picture = scene.astype(np.uint16) * 257
    result = colorizer(picture)
    assert result.shape == (*scene.shape, 3)
    lab = rgb_to_lab(result)
    assert np.hypot(lab[..., 1], lab[..., 2]).mean() > 1
    assert np.abs(lab[..., 0] - rgb_to_lab(picture)[..., 0]).max() < 0.02
    with pytest.raises(ValueError, match="take no colour hints"):
        colorizer(picture, [Hint(5, 5, "#ff0000")])


@pytest.mark.parametrize("size", only_quick([(20, 400), (1, 1)], [(90, 120), (400, 20), (33, 32)]))
@pytest.mark.parametrize("square", [False, True])
def test_tall_and_wide_pictures(tiny, size, square):
    colorizer = Colorizer(torch_network(tiny, "cpu"), render_size=48, square=square)
    picture = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    height, width = colorizer.preprocess(picture).shape[2:]
    assert min(height, width) == 48
    assert height == width if square or size in ((1, 1), (33, 32)) else height != width
    assert colorizer(picture).shape == (*size, 3)


def test_render_sizes_are_multiples_of_16_and_the_default_is_deoldifys(tiny):
    network = torch_network(tiny, "cpu")
    assert Colorizer(network).render_size == 560
    assert Colorizer(network, render_size=21 * 16).render_size == 336
    assert Colorizer(network, render_size=50).render_size == 48


def test_frames_run_together_as_alone(tiny, scene):
    colorizer = Colorizer(torch_network(tiny, "cpu", "float32"), render_size=32)
    frames = [scene, scene[::-1].copy(), scene[:, ::-1].copy()]
    for one, together in zip(map(colorizer, frames), colorizer.frames(frames, batch_size=3), strict=True):
        assert np.abs(one.astype(int) - together).max() <= 1


def test_a_network_is_built_without_memory():
    assert all(value.is_meta for value in build_unet("wide").state_dict().values())
    assert isinstance(build_unet("deep"), UNet)
