"""docs/security.md: every threat has tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = re.findall(
    r"^\| (?!threat \|)([^|-][^|]*) \| ([^|]*) \| ([^|]*)\|$", (ROOT / "docs/security.md").read_text("utf-8"), re.M
)
TESTS = re.compile(r"`((?:test_|Test)\w+)`")
THREATS = (
    *("rebinding", "other sites", "websockets", "path names", "Gradio", "visitors", "picture bombs", "archive bombs"),
    *("time", "proxy", "pth", "safetensors", "ONNX", "downloads"),
)


def defined() -> set[str]:
    """Return the names of the tests' functions and classes."""
    texts = (path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"^ *(?:def|class) (\w+)", text, re.M)}


@pytest.mark.parametrize(("threat", "met"), [row[:2] for row in ROWS], ids=[row[0] for row in ROWS])
def test_every_threat_has_tests(threat: str, met: str) -> None:
    named = TESTS.findall(met)
    assert named, threat
    assert [name for name in named if name not in defined()] == []


@pytest.mark.parametrize("word", THREATS)
def test_the_threats_that_are_known_are_there(word: str) -> None:
    assert [threat for threat, *_ in ROWS if word in threat]
