"""What pyproject.toml declares: a name that is ours, extras that messages name rightly, bounds that hold."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from email.message import Message
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


OPEN = ("MIT", "MIT-CMU", "BSD", "0BSD", "Apache", "ISC", "MPL", "PSF", "Zlib", "CC0", "Unlicense")
"""Beginnings of the names of licences that a default install may have. They speak of a package's own code: what a wheel
brings along, such as the x264 of PyAV's (GPL), has its own."""
JOINING = re.compile(r"\b(?:AND|OR|WITH|and|or|License|Software|Clause|Public|Mozilla|The|Exception|LLVM)\b|[(),;]")


def installed(lines: list[str], found: dict[str, importlib.metadata.Distribution] | None = None):
    """Return the distributions that requirements come to, with what those require, by name."""
    found = {} if found is None else found
    for entry in map(Requirement, lines):
        name = entry.name.lower().replace("_", "-")
        if name not in found and (entry.marker is None or entry.marker.evaluate({"extra": ""})):
            found[name] = importlib.metadata.distribution(name)
            installed(found[name].requires or [], found)
    return found


def licenses(metadata) -> list[str]:
    """Return the words of a distribution's licences that are no joining words nor numbers: what must be known."""
    classifiers = [entry for entry in metadata.get_all("Classifier") or [] if entry.startswith("License ::")]
    texts = [metadata.get("License-Expression")]
    texts += [entry.rpartition("::")[2] for entry in classifiers] if not any(texts) else []
    # Older packages have the licence's whole text here.
    texts += [(metadata.get("License") or "").partition("\n")[0]] if not any(texts) else []
    words = JOINING.sub(" ", " ".join(filter(None, texts))).split()
    return [word for word in words if not re.fullmatch(r"v?[\d.]+(-[\d.]*(Clause)?)?", word)]


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
        # Whoever has torch has all extras but Ray, which has an environment of its own in .ci/run.
        name if name in NEEDED else pytest.param(name, marks=pytest.mark.torch)
        for name in sorted(NAMES - {PROJECT["name"], "ray"})
    ],
)
def test_the_tests_run_with_versions_that_are_declared(name: str) -> None:
    assert requirement(name).specifier.contains(importlib.metadata.version(name), prereleases=True)


def test_all_of_a_default_install_may_be_given_on() -> None:
    found = {name: licenses(each.metadata) for name, each in installed(PROJECT["dependencies"]).items()}
    assert len(found) >= len(NEEDED)
    assert [name for name, words in found.items() if not words] == []
    assert {name: words for name, words in found.items() if not all(word.startswith(OPEN) for word in words)} == {}


@pytest.mark.parametrize("text", ["GPL-3.0-only", "MIT AND AGPL-3.0", "Proprietary", "LGPL-2.1"])
def test_a_licence_that_is_not_known_is_seen(text: str) -> None:
    metadata = Message()
    metadata["License"] = text
    assert not all(word.startswith(OPEN) for word in licenses(metadata))
