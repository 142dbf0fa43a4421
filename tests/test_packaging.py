"""What pyproject.toml declares: a name that is ours, extras that messages name rightly, bounds that hold."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [Requirement(line) for lines in (PROJECT["dependencies"], *EXTRAS.values()) for line in lines]
NAMES = {entry.name for entry in REQUIREMENTS if entry.marker is None or entry.marker.evaluate()}
NEEDED = {Requirement(line).name for line in PROJECT["dependencies"]}
INSTALL = re.compile(r"pip install '?([\w-]+)\[([\w,]+)\]")


def requirement(name: str) -> Requirement:
    return next(entry for entry in REQUIREMENTS if entry.name == name)


def test_the_distribution_is_not_the_other_program_of_that_name() -> None:
    assert PROJECT["name"] not in ("colorize", "colorizer")
    assert set(PROJECT["scripts"]) == {"colorize", "colorize-weights", "colorize-web"}, "the commands keep their names"


def test_what_messages_tell_to_install_is_there() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "colorize").rglob("*.py")]
    named = [match for text in texts for match in INSTALL.findall(text)]
    assert len(named) >= 2
    for name, extras in named:
        assert name == PROJECT["name"]
        assert set(extras.split(",")) <= set(EXTRAS)


@pytest.mark.parametrize(("name", "version"), [("av", "19.0.0"), ("gradio", "7.0.0"), ("gradio", "6.0.0")])
def test_versions_whose_parts_we_use_have_changed_are_not_installed(name: str, version: str) -> None:
    assert not requirement(name).specifier.contains(version)


@pytest.mark.parametrize(
    "name",
    [
        name if name in NEEDED else pytest.param(name, marks=pytest.mark.torch)  # whoever has torch has all extras
        for name in sorted(NAMES - {PROJECT["name"]})
    ],
)
def test_the_tests_run_with_versions_that_are_declared(name: str) -> None:
    assert requirement(name).specifier.contains(importlib.metadata.version(name), prereleases=True)
