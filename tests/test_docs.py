"""Every module, test and file that the documents name exists."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "weights/README.md", "samples/README.md")
PATHS = [path for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern))]
WINGS = sorted(path.parent.name for path in (ROOT / "colorize").glob("*/__init__.py"))
DOTTED = re.compile(r"(?<![\w./-])(?:colorize|training|benchmarks)(?:\.[A-Za-z_]\w*)+(?![\w/-])")
IMPORT = re.compile(r"^\s*from ((?:colorize|training|benchmarks)[\w.]*) import ([\w, ]+)$", re.MULTILINE)
FILE = re.compile(r"(?<![\w./-])(?:colorize|training|benchmarks|tests|docs|weights|samples|launchers)/[\w./-]*")
TEST_FILE = re.compile(r"\btest_\w+\.py\b")
TEST = re.compile(r"\btest_\w+\b(?!\.py)")
CLASS = re.compile(r"`(Test[A-Z]\w*)`")
LINK = re.compile(r"\]\(([^)#\s]+)")
MAP = re.compile(r"^\| wing\b.*\n((?:\|.*\n?)+)", re.MULTILINE)  # the table of wings: name, what, modules
PART = re.compile(r"`((?:WINGS)(?:\.[A-Za-z_]\w*)+)`".replace("WINGS", "|".join(WINGS)))
WORD = re.compile(r"`([a-z][a-z0-9_]*)`")
MADE = "_colorized"  # the names of results, which come and go


def resolves(name):
    """Tell whether a dotted name is a module, or something in one; a module itself is found but not run."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        if spec_of(".".join(parts[:count])) is not None:
            return count == len(parts) or holds(importlib.import_module(".".join(parts[:count])), parts[count:])
    return False


def spec_of(name):
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:  # its parent is no package
        return None


def holds(thing, names):
    for name in names:
        if name in getattr(thing, "__annotations__", {}) and not hasattr(thing, name):
            return True  # a field without a default
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


def defined_tests():
    """Return the names of the tests' modules, functions and classes."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    names = re.findall(r"^ *(?:def|class) (\w+)", "\n".join(path.read_text("utf-8") for path in files), re.MULTILINE)
    return {path.stem for path in files} | set(names)


def names_of_test_files():
    """Return the test modules' names."""
    return {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def modules_of(wing):
    """Return the names of a wing's modules and packages, in it."""
    paths = (ROOT / "colorize" / wing).iterdir()
    return {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}


def wrong_on_the_map(text):
    """Return the modules that the table of wings lists though they do not exist, and those that it leaves out."""
    wrong = []
    for table in MAP.findall(text):
        rows = [row.split("|") for row in table.splitlines() if not row.startswith("|--")]
        shown = {WORD.findall(row[1])[0]: set(WORD.findall(row[3])) for row in rows}
        wrong += sorted(set(WINGS) ^ set(shown))
        wrong += [f"{wing}.{name}" for wing in WINGS for name in sorted(shown.get(wing, set()) ^ modules_of(wing))]
    return wrong


def missing(text, folder, tests):
    """Return what a document names though it does not exist.

    Args:
        text: Of the document.
        folder: Where the document lies, for its links.
        tests: As ``defined_tests``.
    """
    dotted = [name for name in DOTTED.findall(text) if not name.endswith(".md")]
    dotted += [f"{module}.{name.strip()}" for module, names in IMPORT.findall(text) for name in names.split(",")]
    files = [name.rstrip(".") for name in FILE.findall(text) if MADE not in name]
    links = [link for link in LINK.findall(text) if ":" not in link]
    dotted += [f"colorize.{name}" for name in PART.findall(text)]
    wrong = [name for name in dotted if not resolves(name)]
    wrong += [name for name in files if not (ROOT / name).exists()]
    wrong += [name for name in TEST.findall(text) + CLASS.findall(text) if name not in tests]
    wrong += [link for link in links if not (folder / link).exists()]
    wrong += [name for name in TEST_FILE.findall(text) if name not in names_of_test_files()]
    return wrong + wrong_on_the_map(text)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_names_exists(path):
    assert missing(path.read_text("utf-8"), path.parent, defined_tests()) == []


def test_all_documents_are_read():
    names = {path.relative_to(ROOT).as_posix() for path in PATHS}
    assert names >= {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/training.md"}
    assert names >= {"weights/README.md", "samples/README.md"}


@pytest.mark.parametrize(
    "text",
    [
        "`colorize.network.registry`, colorize.base.errors.WeightsError and python -m benchmarks.photo --json x.json",
        "`training.evaluate`: see [training.md](training.md) and [a site](https://example.org/docs/none.md)",
        "`colorize.network.generator.GeneratorConfig.latent_dim`",
        "```python\nfrom colorize import Colorizer, read_photo\n```",
        "docs/training.md, `tests/test_docs.py`, `tests/`, samples/astronaut.jpg, samples/astronaut_colorized.jpg.",
        "`test_all_documents_are_read` in `test_docs.py`",
        "`film.video` goes to `color.yuv`, and `web.page` to `Page.preprocess_data`",
    ],
)
def test_right_names_pass(text):
    assert missing(text, ROOT / "docs", defined_tests()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("`colorize.gone`", "colorize.gone"),
        ("(`colorize.network.registry.gone`)", "colorize.network.registry.gone"),
        ("colorize.network.generator.Generator.gone", "colorize.network.generator.Generator.gone"),
        ("run python -m training.gone --seed 1", "training.gone"),
        ("    from colorize import Colorizer, Gone", "colorize.Gone"),
        ("see `colorize/gone.py`.", "colorize/gone.py"),
        ("pytest tests/gone/test_gone.py", "tests/gone/test_gone.py"),
        ("`gone` in `test_gone.py`", "test_gone.py"),
        ("`film.gone` -> `color.yuv`", "colorize.film.gone"),
        ("guarded by `test_it_is_gone`", "test_it_is_gone"),
        ("`TestGone` takes its names from the table", "TestGone"),
        ("[the card](../weights/GONE.md)", "../weights/GONE.md"),
        ("| wing | what | modules |\n|---|---|---|\n| `gone_wing` | x | `spaces` |\n", "gone_wing"),
        ("| wing | what | modules |\n|---|---|---|\n| `color` | x | `gone` |\n", "color.gone"),
        ("| wing | what | modules |\n|---|---|---|\n| `color` | x | `lab` |\n", "color.spaces"),
    ],
)
def test_a_wrong_name_is_found(text, name):
    assert name in missing(text, ROOT / "docs", defined_tests())
