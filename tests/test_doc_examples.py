"""Examples in the documents: their commands are understood, their options exist, and their Python runs."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.videos import VideoRecipe, make_video

from colorize.cli.options import build_parser as build_colorize
from colorize.cli.weights import build_parser as build_weights
from colorize.web.command import build_parser as build_web

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "docs/usage.md", "docs/server.md", "docs/architecture.md")
PATHS = [path for path in (ROOT / name for name in DOCUMENTS) if path.exists()]
PARSERS = {"colorize": build_colorize(), "colorize-weights": build_weights(), "colorize-web": build_web()}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return the long options of a parser and of its subcommands."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(options_of, action.choices.values()))
    return found


def block_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of ours in a document's blocks, without comments."""
    for kind, block in FENCED.findall(text):
        if kind in ("", "bash", "sh"):
            for line in block.splitlines():
                for command in line.split("&&"):
                    name = Path((command.split() or [""])[0]).name
                    if name in PARSERS:
                        yield [name, *shlex.split(re.sub(r"\s#.*", "", command))[1:]]


def unknown_options(text: str) -> list[str]:
    """Return the options that a document names of our commands, or by themselves, though there are none such."""
    every = set().union(*map(options_of, PARSERS.values()))
    wrong = []
    for fragment in [*(line for _, block in FENCED.findall(text) for line in block.splitlines()), *SPAN.findall(text)]:
        for part in re.split(r"&&|#|\|\|", fragment):
            first = Path(part.split()[0]).name if part.split() else ""
            known = options_of(PARSERS[first]) if first in PARSERS else every if first.startswith("--") else None
            if known is not None:
                wrong += [option for option in OPTION.findall(part) if option not in known]
    return wrong


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_options_exist(path: Path) -> None:
    assert unknown_options(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("`--vivid` is good", "--vivid"),
        ("```\ncolorize a.jpg --vivid 3\n```", "--vivid"),
        ("```\n.venv/bin/colorize-web --strength 1\n```", "--strength"),
        ("call `colorize-weights get all --gently`", "--gently"),
    ],
)
def test_an_unknown_option_is_found(text: str, option: str) -> None:
    assert unknown_options(text) == [option]


def test_known_options_and_those_of_others_pass() -> None:
    spans = "`--strength 0..1`, `--allow-host NAME`, `git log --oneline`"
    assert unknown_options(f"{spans}\n```\ndocker run --rm x\n```") == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_are_understood(path: Path) -> None:
    for name, *arguments in block_commands(path.read_text("utf-8")):
        PARSERS[name].parse_args(arguments)


def test_the_readme_shows_commands() -> None:
    assert len(list(block_commands((ROOT / "README.md").read_text("utf-8")))) >= 3


BLOCKS = [block for path in PATHS for kind, block in FENCED.findall(path.read_text("utf-8")) if kind == "python"]


@pytest.mark.slow  # with the released weights
@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: np.ndarray) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("aunt.jpg", "photo.jpg"):
        Image.fromarray(scene).resize((480, 360)).save(name)
    make_video(Path("film.mp4"), VideoRecipe(frames=6))
    exec(compile(block, "a document's block", "exec"), {"array": scene})


def test_the_readme_shows_python() -> None:
    assert BLOCKS
