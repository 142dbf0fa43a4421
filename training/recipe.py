"""Run a recipe: the steps that make released weights, one after another; a step that is finished is left out.

    python -m training.recipe stable --photos photos/ --validation val/ --output runs/stable

A recipe is a TOML file; those of the released weights are in ``training/recipes``. Each of its ``steps`` has a name,
the training script that it runs, and the script's ``arguments`` and ``options``, named as on the command line without
the dashes. In their texts stand

* ``{NAME}`` for the file that the step of this name makes, ``{NAME/PATH}`` for another one in its folder,
* ``{validation}`` for what the command line gives, ``{classifiers/FILE}`` for a file in that folder.

Without a folder of classifiers, what names a file in it is left out, and the step's ``downloads`` are options in its
place. Photographs, validation, cache and output need not be said. ``after`` names a recipe whose steps come first.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import tyro

from colorize.base import replacing
from training.callbacks import DivergedError
from training.config import Device, DistillConfig, FinetuneConfig, PretrainConfig, PretrainCriticConfig, RunConfig
from training.distill_encoder import distill
from training.evaluate import EvaluateSettings, evaluate
from training.finetune_adversarial import finetune
from training.interpolate import InterpolateSettings, interpolate
from training.pretrain_critic import pretrain_critic
from training.pretrain_generator import pretrain
from training.release import ReleaseSettings, release
from training.stage import command_line_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found]

RECIPES = Path(__file__).parent / "recipes"
FINISHED = "finished.json"
REFERENCE = re.compile(r"\{([\w-]+)(?:/([^{}]+))?\}")

Value = bool | int | float | str | Sequence["Value"]


class RecipeError(ValueError):
    """A recipe cannot be run; the message names the file, the step and what is wrong."""


@dataclass(frozen=True)
class Script:
    """A training script, as a step runs it.

    Attributes:
        settings: The dataclass of its command line.
        run: Called with the settings and the command line.
        result: The file that it makes in the recipe's folder; ``{}`` is the step's name.
        outputs: Its options for where that is, with their values in the recipe's folder.
        trains: It takes photographs, a cache, a device and threads.
        smoke: Options for a trial of seconds.
    """

    settings: type
    run: Callable[[Any, str], object]
    result: str
    outputs: Mapping[str, str] = field(default_factory=lambda: {"output": "{}"})
    trains: bool = False
    smoke: Mapping[str, Value] = field(default_factory=dict)


TINY_RUN: dict[str, Value] = {
    "sizes": 32,
    "perceptual-size": 0,
    "cache-size": 32,
    "samples": 2,
    "batch-sizes": 2,
    "epoch-steps": 1,
    "samples-every": 1,
    "bf16": False,  # many a CPU has none, and takes a minute to emulate it
}
"""Options of a training stage for a trial: one step of two pictures."""

TINY_PROBE: dict[str, Value] = {"critic-samples": 2, "probe.pictures": 2, "probe.videos": 1, "probe.frames": 2}

SCRIPTS = {
    "distill_encoder": Script(
        DistillConfig, lambda settings, _: distill(settings), "{}/encoder.safetensors", trains=True, smoke=TINY_RUN
    ),
    "pretrain_generator": Script(PretrainConfig, pretrain, "{}/weights.safetensors", trains=True, smoke=TINY_RUN),
    "pretrain_critic": Script(
        PretrainCriticConfig,
        lambda settings, _: pretrain_critic(settings),
        "{}/critic.safetensors",
        trains=True,
        smoke=TINY_RUN,
    ),
    "finetune_adversarial": Script(
        FinetuneConfig, finetune, "{}/weights.safetensors", trains=True, smoke={**TINY_RUN, **TINY_PROBE}
    ),
    "interpolate": Script(
        InterpolateSettings,
        lambda settings, _: interpolate(settings),
        "{}.safetensors",
        outputs={"output": "{}.safetensors"},
    ),
    "evaluate": Script(
        EvaluateSettings, lambda settings, _: evaluate(settings), "{}/evaluation.json", smoke={"limit": 2}
    ),
    "release": Script(
        ReleaseSettings,
        lambda settings, _: release(settings),
        "{}/manifest.json",
        outputs={"folder": "{}", "golden": "{}"},
        smoke={"graph": False},  # a minute
    ),
}
"""The scripts that a step may run, by name."""


@dataclass(frozen=True)
class Step:
    """A step of a recipe.

    Attributes:
        name: Unlike that of any other step.
        script: A name in ``SCRIPTS``.
        arguments: What stands before the options.
        options: Of the script, by name without dashes; True is a switch.
        downloads: Options instead of those that name a classifier's file, where there are none.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, Value] = field(default_factory=dict)
    downloads: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class RecipeSettings:
    """Run the steps of a recipe one after another, going on where the same command was stopped.

    Attributes:
        recipe: A name in ``training/recipes``, such as stable, or a TOML file.
        photos: Folders or tars of colour photographs to train on.
        output: Folder for what the steps make, and ``finished.json``.
        validation: Folder or tar of other photographs, to choose and to measure by; left out: the last 1 % of the
            training photographs choose, and nothing is measured or released.
        classifiers: Folder of the classifiers' files that the recipe names; left out: torchvision and timm download
            them.
        minutes: Time for all training steps together, divided by their pictures' number and area; the numbers of
            pictures in the recipe are then proportions. 0: as many pictures as the recipe says.
        smoke: Take one step with two tiny pictures in each stage, to see that all fits together; the weights are
            worthless.
        dry_run: Print the commands, run nothing.
        device: auto: CUDA, then MPS, then the CPU.
        threads: Of the CPU; left out: what the recipe says.
    """

    recipe: Annotated[str, tyro.conf.Positional]
    photos: tuple[Path, ...]
    output: Path
    validation: Path | None = None
    classifiers: Path | None = None
    minutes: float = 0.0
    smoke: bool = False
    dry_run: bool = False
    device: Device = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Command:
    """A step's command line, checked.

    Attributes:
        step: The step.
        arguments: Of its script.
        identity: The command line without folders and without what the result does not depend on.
        settings: What the script makes of the arguments.
        result: The file that is there when it is finished.
    """

    step: Step
    arguments: tuple[str, ...]
    identity: str
    settings: Any
    result: Path

    def __str__(self) -> str:
        return f"python -m training.{self.step.script} {shlex.join(self.arguments)}"


def read_recipe(name: str) -> tuple[Step, ...]:
    """Return the steps of a recipe, after those of the recipe that it is ``after``.

    Args:
        name: A name in ``training/recipes``, or a TOML file.

    Raises:
        RecipeError: There is no such recipe, or it is not one.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise RecipeError(f"{name}: no such recipe; choose one of {names}, or a TOML file")
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        after = read_recipe(recipe["after"]) if "after" in recipe else ()
        steps = [*after, *(_read_step(table) for table in recipe["steps"])]
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError) as error:
        raise RecipeError(f"{path}: not a recipe ({type(error).__name__}: {error})") from error
    if not steps:
        raise RecipeError(f"{path}: not a recipe (it has no steps)")
    names = [step.name for step in steps]
    for step in steps:
        if step.script not in SCRIPTS:
            raise RecipeError(f"{path}: {step.name}: no script {step.script!r}; choose one of {', '.join(SCRIPTS)}")
        if names.count(step.name) > 1:
            raise RecipeError(f"{path}: {step.name}: two steps have this name")
    return tuple(steps)


def _read_step(table: Mapping[str, Any]) -> Step:
    step = Step(**{**table, "arguments": tuple(table.get("arguments", ()))})
    return replace(step, options=dict(_flatten(step.options)), downloads=dict(_flatten(step.downloads)))


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield the values of nested tables by their dotted keys, as TOML lets one write them."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def plan(settings: RecipeSettings) -> list[Command]:
    """Return the commands of a recipe, all checked; what needs photographs to measure on is left out without them.

    Raises:
        FileNotFoundError: A classifier's file or the photographs to measure on are not there.
        RecipeError: The recipe is not one, refers to what is not there, or has an option that its script refuses.
    """
    known: dict[str, Path] = {}
    left_out: set[str] = set()
    commands: list[Command] = []
    for step in read_recipe(settings.recipe):
        needed = {name for name, _ in _references(step)}
        if needed & left_out or ("validation" in needed and settings.validation is None):
            left_out.add(step.name)
            continue
        commands.append(_command(step, settings, known))
        known[step.name] = commands[-1].result
    if not settings.minutes:
        return commands
    work = [_work(command) for command in commands]
    minutes = [settings.minutes * part / max(1, sum(work)) for part in work]
    return [_command(command.step, settings, known, each) for command, each in zip(commands, minutes, strict=True)]


def _work(command: Command) -> int:
    """Return how much a step computes: the pixels of its pictures; 0 if it does not train."""
    if not SCRIPTS[command.step.script].trains:
        return 0
    run: RunConfig = command.settings.run
    alone = getattr(command.settings, "critic_samples", 0) * max(run.sizes) ** 2
    return alone + sum(count * size**2 for count, size in zip(run.samples, run.sizes, strict=True))


def _references(step: Step) -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each ``{name/path}`` in a step; the path may be empty."""
    for value in (*step.arguments, *step.options.values(), *step.downloads.values()):
        for word in _words(value):
            yield from REFERENCE.findall(word)


def _command(step: Step, settings: RecipeSettings, known: Mapping[str, Path], minutes: float = 0.0) -> Command:
    """Return a step's command.

    Args:
        step: The step.
        settings: Of the recipe's run.
        known: The files that the steps before it make, by name.
        minutes: Of its training; 0: what the recipe says.
    """
    script = SCRIPTS[step.script]

    def fill(text: str) -> str:
        return REFERENCE.sub(lambda match: str(_resolve(step, match[1], match[2] or "", settings, known)), text)

    arguments = [fill(word) for word in step.arguments]
    options = {
        name: _option(name, [fill(word) for word in _words(value)], value)
        for name, value in _options(step, script, settings, minutes).items()
    }
    words = [*arguments, *(word for option in options.values() for word in option)]
    lasting = [word for name, option in options.items() if name not in ("device", "threads") for word in option]
    identity = command_line_of(step.script, [*arguments, *lasting])
    result = settings.output / script.result.format(step.name)
    checked = _parse(step.script, words, f"{settings.recipe}: {step.name}")
    return Command(step, tuple(words), identity, checked, result)


def _options(step: Step, script: Script, settings: RecipeSettings, minutes: float) -> dict[str, Value]:
    """Return the options of a step's command: the runner's, the recipe's, a trial's and the machine's."""
    options: dict[str, Value] = {}
    if script.trains:
        options["photos"] = [str(path) for path in settings.photos]
        options |= {"validation": str(settings.validation)} if settings.validation else {}
        options["cache"] = str(settings.output / "photo-cache")
    options |= {name: str(settings.output / path.format(step.name)) for name, path in script.outputs.items()}
    options |= step.options
    if settings.classifiers is None:
        options = {name: value for name, value in options.items() if "{classifiers/" not in " ".join(_words(value))}
        options |= step.downloads
    if settings.smoke:
        options |= script.smoke
        options |= {"keep-epoch": 1} if "keep-epoch" in options else {}
    if script.trains:
        options |= {"device": settings.device} if settings.device != "auto" else {}
        options |= {"threads": settings.threads} if settings.threads is not None else {}
        options |= {"minutes": round(minutes, 3)} if minutes else {}
    return options


def _resolve(step: Step, name: str, path: str, settings: RecipeSettings, known: Mapping[str, Path]) -> Path:
    """Return the path that ``{name/path}`` stands for in a step."""
    if name == "classifiers" and settings.classifiers is not None:
        file = settings.classifiers / path
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: no such file, which the step {step.name} needs; leave --classifiers out to have it downloaded"
            )
        return file
    if name == "validation" and settings.validation is not None:
        return settings.validation
    if name not in known:
        raise RecipeError(f"{settings.recipe}: {step.name}: {{{name}}} is no step before it")
    return settings.output / name / path if path else known[name]


def _words(value: Value) -> list[str]:
    """Return an option's value as words of a command line."""
    return [str(part) for part in value] if isinstance(value, (list, tuple)) else [str(value)]


def _option(name: str, words: list[str], value: Value) -> list[str]:
    """Return an option as words of a command line."""
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", *words]


def _parse(script: str, arguments: list[str], where: str) -> Any:
    """Return the settings that a script makes of its arguments.

    Args:
        script: A name in ``SCRIPTS``.
        arguments: Of its command line.
        where: The recipe and the step, for the message.

    Raises:
        RecipeError: It refuses them.
    """
    said = StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(SCRIPTS[script].settings, args=arguments, prog=f"python -m training.{script}")
    except FileNotFoundError:
        raise
    except ValueError as error:
        reason = str(error)
    except SystemExit:
        reason = " ".join(word for word in said.getvalue().split() if not set(word) <= set("-─│╭╮╰╯"))
    raise RecipeError(f"{where}: {reason}")


def run_recipe(settings: RecipeSettings) -> Path:
    """Run the steps that are not finished and return the last one's file.

    Raises:
        RecipeError: The recipe cannot be run, or the output folder holds a finished step with other settings.
        OSError: A file is missing or cannot be written.
        ValueError: A step refuses its files.
        DivergedError: A loss is no longer a number.
    """
    commands = plan(settings)
    finished = _read_finished(settings.output)
    for name, identity in ((command.step.name, command.identity) for command in commands):
        if finished.get(name, identity) != identity:
            raise RecipeError(f"{settings.output}: step {name} is finished with other settings; name another folder")
    for number, command in enumerate(commands, 1):
        name = command.step.name
        if name in finished and command.result.is_file():
            print(f"[{number}/{len(commands)}] {name}: finished already", flush=True)
            continue
        print(f"[{number}/{len(commands)}] {name}: {command}", flush=True)
        settings.output.mkdir(parents=True, exist_ok=True)
        SCRIPTS[command.step.script].run(command.settings, command_line_of(command.step.script, [*command.arguments]))
        finished[name] = command.identity
        with replacing(settings.output / FINISHED, overwrite=True) as file:
            file.write(json.dumps(finished, indent=2).encode() + b"\n")
    return commands[-1].result


def _read_finished(folder: Path) -> dict[str, str]:
    """Return the command lines of a folder's finished steps, by the steps' names."""
    path = folder / FINISHED
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def main() -> None:
    """Parse the command line and run, or print, the recipe's steps."""
    settings = tyro.cli(RecipeSettings, prog="python -m training.recipe", description=__doc__)
    try:
        if settings.dry_run:
            print("\n".join(str(command) for command in plan(settings)))
        else:
            print(run_recipe(settings))
    except (OSError, ValueError, DivergedError) as error:
        sys.exit(f"recipe: {error}")


if __name__ == "__main__":
    main()
