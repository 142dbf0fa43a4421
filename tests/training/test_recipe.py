"""Recipes: all options are checked before anything runs; what is finished is left out; the result is a weights file."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file
from support.small_networks import NARROW

from colorize.engine import Colorizer
from colorize.network import ResNetEncoder
from training import recipe
from training.recipe import RECIPES, RecipeError, RecipeSettings, plan, run_recipe

pytestmark = pytest.mark.trains
SOURCES = {"photos": 12}

SHORT = f"""
[[steps]]
name = "first"
script = "pretrain_generator"
options.backbone = "{NARROW}"
options.decoder-widths = [8, 8, 8, 4, 4]
options.losses.perceptual = 0
options.losses.distillation = 0

[[steps]]
name = "second"
script = "pretrain_generator"
options.weights = "{{first}}"
options.losses.perceptual = 0
options.losses.distillation = 0

[[steps]]
name = "blend"
script = "interpolate"
arguments = ["{{first}}", "{{second}}"]
options.weight = 0.25
options.render-size = 96
"""
"""A recipe without classifiers."""


@pytest.fixture
def settings(tmp_path, sources):
    (tmp_path / "short.toml").write_text(SHORT)
    photos = (sources / "photos",)
    return RecipeSettings(str(tmp_path / "short.toml"), photos, tmp_path / "out", smoke=True, device="cpu", threads=1)


def test_minutes_are_divided_among_the_steps_that_train(settings):
    commands = plan(replace(settings, minutes=6, smoke=False))
    minutes = [command.settings.run.minutes for command in commands if command.step.script == "pretrain_generator"]
    assert len(minutes) == 2 and minutes[0] == minutes[1] == 3


def rewrite(settings, old, new):
    path = settings.output.with_name("short.toml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def times(settings):
    """Return when the steps' files were written, by their names."""
    return {path.name: path.stat().st_mtime_ns for path in settings.output.rglob("*.safetensors")}


def test_a_recipe_ends_in_weights_and_is_not_run_again(settings, capsys):
    path = run_recipe(settings)
    assert path == settings.output / "blend.safetensors"
    assert Colorizer(path).render_size == 96
    before = times(settings)
    assert run_recipe(settings) == path
    assert times(settings) == before
    assert capsys.readouterr().out.count("finished already") == 3
    path.unlink()
    assert run_recipe(settings) == path and path.is_file()
    with pytest.raises(RecipeError, match=r"out: .*blend.* other settings"):
        rewrite(settings, "weight = 0.25", "weight = 0.5")
        run_recipe(settings)


def test_a_recipe_goes_on_behind_the_step_that_failed(settings, capsys):
    rewrite(settings, '"{second}"]', '"{second/none.safetensors}"]')
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        run_recipe(settings)
    before = times(settings)
    rewrite(settings, "{second/none.safetensors}", "{second}")
    run_recipe(settings)
    assert before.items() <= times(settings).items()
    assert capsys.readouterr().out.count("finished already") == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("options.weight = 0.25", "options.wait = 0.25", r"short\.toml: blend: .*--wait"),
        ("options.weight = 0.25", 'options.weight = "half"', r"short\.toml: blend: .*half"),
        ("options.weights", "options.seed = -1.5\noptions.weights", r"short\.toml: second: .*-1\.5"),
        ("options.weights", "options.sizes = 50\noptions.weights", r"short\.toml: second: .*50"),
        ('"interpolate"', '"interpolation"', r"short\.toml: blend: .*interpolation"),
        ('"{second}"]', '"{third}"]', r"short\.toml: blend: \{third\}"),
        ('"second"', '"first"', r"short\.toml: first: two"),
        ("script", "scripts", r"short\.toml: not a recipe"),
        ("[[steps]]", "[[steps", r"short\.toml: not a recipe"),
        (SHORT, "steps = []", r"short\.toml: not a recipe"),
        (SHORT, "steps = ['evaluate']", r"short\.toml: not a recipe"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(settings, old, new, message):
    rewrite(settings, old, new)
    with pytest.raises(ValueError, match=message):
        run_recipe(replace(settings, smoke=False))
    assert not settings.output.exists()


def test_a_recipe_that_is_not_there(settings):
    with pytest.raises(RecipeError, match=r"none: .*artistic, progressive, stable"):
        plan(replace(settings, recipe="none"))


def test_the_command_line_prints_the_commands(settings, monkeypatch, capsys):
    words = ["recipe", settings.recipe, "--photos", "photos", "--output", str(settings.output)]
    monkeypatch.setattr("sys.argv", [*words, "--dry-run"])
    recipe.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == ["training.pretrain_generator"] * 2 + ["training.interpolate"]
    assert f"--weights {settings.output / 'first' / 'weights.safetensors'}" in lines[1]
    assert not settings.output.exists()
    rewrite(settings, '"{second}"]', '"{third}"]')
    with pytest.raises(SystemExit, match=r"recipe: .*third"):
        recipe.main()


class TestReleased:
    """The recipes of the released weights."""

    @pytest.fixture(params=sorted(path.stem for path in RECIPES.glob("*.toml")))
    def released(self, request, settings):
        return replace(settings, recipe=request.param, smoke=False)

    def test_all_options_are_known_and_classifiers_are_downloaded(self, released):
        commands = plan(replace(released, validation=released.photos[0]))
        assert commands[-1].result == released.output / f"{released.recipe}-release" / "manifest.json"
        assert "--encoder-weights imagenet" in str(commands[0])
        assert not any("{" in str(command) for command in commands)

    def test_nothing_is_measured_without_other_photographs(self, released):
        commands = plan(released)
        assert commands[-1].step.name == released.recipe
        assert not {"evaluate", "release"} & {command.step.script for command in commands}

    def test_a_classifier_that_is_missing_is_named(self, released, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"resnet18\.safetensors.*pretrain"):
            plan(replace(released, classifiers=tmp_path))


@pytest.mark.slow
@pytest.mark.usefixtures("narrow_resnet18", "small_critic")
def test_the_released_recipes_from_photographs_to_weights(settings, sources, tmp_path):
    classifiers = tmp_path / "classifiers"
    classifiers.mkdir()
    torch.manual_seed(0)
    shutil.copyfile(sources / "teacher.safetensors", classifiers / "mobilenet_v2_imagenet.safetensors")
    save_file(ResNetEncoder("resnet18", 3).state_dict(), classifiers / "resnet18.safetensors")
    for number in (0, 1):
        network = timm.create_model(f"tf_efficientnet_lite{number}", pretrained=False)
        save_file(network.state_dict(), classifiers / f"lite{number}.safetensors")
    whole = replace(settings, recipe="artistic", validation=settings.photos[0], classifiers=classifiers)
    manifest = json.loads(run_recipe(whole).read_text())
    assert [entry["name"] for entry in manifest["weights"]] == ["artistic"]
    for name, power in (("stable", 0.5), ("artistic", 1.3)):
        colorizer = Colorizer(settings.output / f"{name}-release" / f"{name}.safetensors")
        assert colorizer.render_size == 256
        entry = json.loads((settings.output / f"{name}-release" / "manifest.json").read_text())["weights"][0]
        assert entry["config"]["hue_agreement_power"] == power
        assert entry["config"]["semantic_branch"] == "efficientnet_lite0"
        assert "training.finetune_adversarial" in entry["made_by"]["command"]
