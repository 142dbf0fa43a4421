"""Teachers: torchvision's classifiers with their inner features, frozen, and their files."""

from __future__ import annotations

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from support.runs import settle_batch_norm

from training.classifiers import Teacher, TeacherError, fold_frozen, load_teacher


class TestTeacher:
    def test_logits_equal_torchvision(self, rgb):
        torch.manual_seed(0)
        theirs = torchvision.models.mobilenet_v2().eval()
        output = Teacher("mobilenet_v2", theirs)(rgb)
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        wanted = theirs((rgb - mean.view(3, 1, 1)) / std.view(3, 1, 1))
        torch.testing.assert_close(output.logits, wanted, rtol=1e-4, atol=1e-4)
        assert output.pooled.shape == (2, 1280)

    def test_strided_depthwise_convolutions_stay_in_float32(self, teacher):
        """Their gradient is slow in bfloat16 on a CPU; all others follow autocast."""
        kinds: dict[bool, set[torch.dtype]] = {True: set(), False: set()}
        convolutions = [module for module in teacher.modules() if isinstance(module, torch.nn.Conv2d)]
        hooks = [
            module.register_forward_hook(
                lambda module, _, y: kinds[module.groups > 1 and module.stride == (2, 2)].add(y.dtype)
            )
            for module in convolutions
        ]
        with torch.autocast("cpu", torch.bfloat16):
            teacher(torch.rand(1, 3, 64, 64))
        for hook in hooks:
            hook.remove()
        assert kinds == {True: {torch.float32}, False: {torch.bfloat16}}

    @pytest.mark.parametrize("name", ["resnet18", "vgg16_bn"])
    def test_other_classifiers(self, rgb, name):
        with torch.device("meta"):  # shapes without numbers: a VGG has 138 million parameters
            output = Teacher(name, torchvision.models.get_model(name, weights=None))(rgb.to("meta"))
        assert output.logits.shape == (2, 1000)
        assert [f.shape[1] for f in output.features] == {"resnet18": [64, 128, 256], "vgg16_bn": [256, 512, 512]}[name]

    def test_inner_features_are_the_same_and_never_the_graded_layer(self, rgb, teacher):
        inner, whole = teacher.inner_features(rgb), teacher(rgb)
        for a, b in zip(inner, whole.features, strict=True):
            torch.testing.assert_close(a, b)
        assert all(f.shape[1] != 1280 for f in inner)

    def test_it_is_frozen(self, teacher):
        teacher.train()
        assert not any(module.training for module in teacher.modules())
        assert not any(p.requires_grad for p in teacher.parameters())

    def test_a_file_with_its_own_input_range(self, tmp_path, rgb):
        torch.manual_seed(1)
        model = torchvision.models.mobilenet_v2().eval()
        state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
        path = tmp_path / "teacher.safetensors"
        save_file(state, path, {"architecture": "torchvision.models.mobilenet_v2", "input": "RGB in [-1,1]"})
        torch.testing.assert_close(load_teacher(path)(rgb).logits, model(rgb * 2 - 1), rtol=1e-4, atol=1e-4)

    def test_bad_files(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"missing.*no such"):
            load_teacher(tmp_path / "missing")
        (tmp_path / "text").write_text("text")
        with pytest.raises(TeacherError, match=r"text.* whole"):
            load_teacher(tmp_path / "text")
        save_file({"a": torch.zeros(1)}, tmp_path / "foreign")
        with pytest.raises(TeacherError, match=r"foreign.*mobilenet_v2"):
            load_teacher(tmp_path / "foreign")

    def test_a_network_without_a_body(self):
        with pytest.raises(TeacherError, match=r"linear.*another"):
            Teacher("linear", torch.nn.Linear(1, 1))


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18"])
def test_folded_batch_norms_change_no_answer(rgb, name):
    torch.manual_seed(1)
    classifier = torchvision.models.get_model(name, weights=None)
    settle_batch_norm(classifier)
    teacher = Teacher(name, classifier)
    folded = fold_frozen(teacher)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    before, after = teacher(rgb[:, :, :64, :64]), folded(rgb[:, :, :64, :64])
    for expected, got in zip([*before.features, before.logits], [*after.features, after.logits], strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
