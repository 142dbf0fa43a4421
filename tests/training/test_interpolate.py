"""Blends of two weights files, and their calibrated chroma."""

from __future__ import annotations

import pytest
import torch

from colorize.network import Generator, GeneratorConfig, load_generator, read_info, save_generator
from training import interpolate
from training.interpolate import InterpolateSettings, blend, scale_chroma

pytestmark = pytest.mark.usefixtures("narrow_resnet18")


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
        with pytest.raises(ValueError, match="other"):
            interpolate.interpolate(InterpolateSettings(files[0], other, tmp_path / "x"))
        with pytest.raises(ValueError, match="weight 2 "):
            interpolate.interpolate(InterpolateSettings(*files, tmp_path / "x", 2.0))
        with pytest.raises(ValueError, match="chroma 0 "):
            interpolate.interpolate(InterpolateSettings(*files, tmp_path / "x", chroma=0.0))
        with pytest.raises(ValueError, match=r"render_size 100 .*32"):
            interpolate.interpolate(InterpolateSettings(*files, tmp_path / "x", render_size=100))
        assert not (tmp_path / "x").exists()
        monkeypatch.setattr("sys.argv", ["interpolate", str(files[0]), "missing", "--output", str(tmp_path / "x")])
        with pytest.raises(SystemExit, match=r"interpolate: .*missing"):
            interpolate.main()
