"""Every critic of the table, by one contract; the projected critic; critics' files."""

from __future__ import annotations

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn

from training.classifiers import Teacher
from training.critic import (
    CRITICS,
    CriticError,
    CriticInfo,
    PatchCritic,
    ProjectedCritic,
    build_critic,
    load_critic,
    save_critic,
)


def slow_where_large(name):
    return pytest.param(name, marks=[pytest.mark.slow] if name == "vgg16_bn" else [])


@pytest.fixture(scope="module", params=map(slow_where_large, CRITICS))
def named_critic(request) -> tuple[str, nn.Module]:
    torch.manual_seed(0)
    return request.param, build_critic(request.param)


class TestContract:
    def test_flat_logits_of_any_size(self, named_critic):
        name, critic = named_critic
        critic.eval()
        for size in ((64, 64), (96, 64)):
            logits = critic(torch.rand(2, 3, *size))
            assert logits.ndim == 2 and len(logits) == 2
            assert (logits.shape[1] > 1) == name.startswith(("patch", "projected"))

    def test_no_softmax_and_no_sigmoid(self, named_critic):
        _, critic = named_critic
        closed = (nn.Softmax, nn.Sigmoid, nn.LogSoftmax, nn.Linear)
        assert not any(isinstance(module, closed) for module in critic.modules())

    def test_gradients_reach_the_colours_and_every_weight(self, named_critic):
        _, critic = named_critic
        critic.train()
        lab = torch.rand(2, 3, 64, 64, requires_grad=True)
        critic(lab).square().sum().backward()
        assert lab.grad is not None and lab.grad[:, 1:].abs().sum() > 0
        without = [name for name, p in critic.named_parameters() if p.requires_grad and p.grad is None]
        assert not without
        critic.zero_grad()

    def test_eval_mode_changes_nothing(self, named_critic):
        _, critic = named_critic
        critic.eval()
        before = {key: value.clone() for key, value in critic.state_dict().items()}
        critic(torch.rand(2, 3, 64, 64))
        assert all(torch.equal(value, before[key]) for key, value in critic.state_dict().items())

    def test_it_sees_lightness_and_colours(self, named_critic):
        _, critic = named_critic
        critic.eval()
        lab = torch.rand(1, 3, 64, 64)
        for channel in range(3):
            other = lab.clone()
            other[:, channel] = torch.rand(1, 64, 64)
            assert not torch.equal(critic(lab), critic(other))


class TestProjected:
    @pytest.fixture
    def critic(self) -> ProjectedCritic:
        torch.manual_seed(0)
        return ProjectedCritic(8)

    def test_its_classifier_never_trains(self, critic):
        critic.train().requires_grad_(True)
        before = {key: value.clone() for key, value in critic.teacher.state_dict().items()}
        optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
        first = critic.heads[0][0].bias.detach().clone()
        critic(torch.rand(4, 3, 64, 64)).mean().backward()
        optimizer.step()
        assert all(torch.equal(value, before[key]) for key, value in critic.teacher.state_dict().items())
        assert not torch.equal(critic.heads[0][0].bias, first)

    def test_every_scale_counts_alike(self, critic):
        assert critic(torch.rand(2, 3, 96, 64)).shape == (2, 4 * len(critic.heads))

    def test_it_does_not_see_colours_finer_than_a_cell(self, critic):
        """A chessboard of colours is grey to it; of lightness it is not."""
        critic.eval()
        chessboard = (torch.arange(64)[:, None] + torch.arange(64)) % 2 - 0.5
        grey = torch.zeros(1, 3, 64, 64)
        fringed, bright = grey.clone(), grey.clone()
        fringed[:, 1] = chessboard
        bright[:, 0] = chessboard
        assert torch.allclose(critic(fringed), critic(grey), atol=1e-5)
        assert not torch.allclose(critic(bright), critic(grey), atol=1e-5)

    def test_it_adopts_a_classifier_and_keeps_it_in_its_file(self, critic, tmp_path):
        torch.manual_seed(1)
        teacher = Teacher("mobilenet_v2", torchvision.models.mobilenet_v2(), symmetric_input=True)
        critic.adopt(teacher)
        critic.eval()
        lab = torch.rand(1, 3, 64, 64)
        save_critic(critic, tmp_path / "critic.safetensors", CriticInfo("projected", 0.5))
        loaded = ProjectedCritic(8).eval()
        loaded.load_state_dict(load_file(tmp_path / "critic.safetensors"))
        assert torch.equal(loaded(lab), critic(lab))
        assert torch.equal(loaded.teacher.mean, teacher.mean), "the input's range goes with the weights"

    def test_another_classifier(self, critic):
        with pytest.raises(CriticError, match=r"mobilenet_v2.*resnet18"):
            critic.adopt(Teacher("resnet18", torchvision.models.resnet18()))


def test_the_default_has_about_six_million_parameters():
    assert 5.5e6 < sum(p.numel() for p in build_critic("patch").parameters()) < 6.5e6


def test_spectral_norm_bounds_every_layer():
    torch.manual_seed(1)
    critic = PatchCritic(8).train()
    for _ in range(30):
        critic(torch.rand(2, 3, 64, 64))
    critic.eval()
    for module in critic.modules():
        if isinstance(module, nn.Conv2d):
            assert torch.linalg.matrix_norm(module.weight.flatten(1), 2) < 1.05


def test_attention_starts_as_the_identity():
    torch.manual_seed(2)
    critic = PatchCritic(8, attention=True).eval()
    lab = torch.rand(1, 3, 64, 64)
    before = critic(lab)
    attention = next(module for module in critic.modules() if hasattr(module, "gain"))
    assert attention.gain.detach() == 0
    with torch.no_grad():
        attention.gain.fill_(1.0)
    assert not torch.allclose(before, critic(lab))


class TestFiles:
    def test_round_trip(self, tmp_path):
        critic = build_critic("dcgan").eval()
        save_critic(critic, tmp_path / "critic.safetensors", CriticInfo("dcgan", 0.875))
        again, info = load_critic(tmp_path / "critic.safetensors")
        assert info == CriticInfo("dcgan", 0.875)
        lab = torch.rand(1, 3, 64, 64)
        assert torch.equal(again.eval()(lab), critic(lab))

    def test_bad_files(self, tmp_path):
        with pytest.raises(CriticError, match=r"'x'.*patch"):
            build_critic("x")
        (tmp_path / "text").write_text("text")
        with pytest.raises(CriticError, match=r"text.* whole"):
            load_critic(tmp_path / "text")
        save_file({"a": torch.zeros(1)}, tmp_path / "foreign", {"format": "colorize-critic/1", "kind": "dcgan"})
        with pytest.raises(CriticError, match=r"foreign.*dcgan"):
            load_critic(tmp_path / "foreign")
