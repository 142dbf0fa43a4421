"""An install without extras: its modules need its own packages alone, or name an extra's that the user can install."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from packaging.requirements import Requirement

EXTRAS = {"torch", "fastapi", "gradio", "uvicorn", "python_multipart", "starlette"}
"""Modules whose absence is named with the extra that brings them."""
CODE = """
import importlib, json, pkgutil, sys
from importlib.abc import MetaPathFinder

class Plain(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in there:
            raise ModuleNotFoundError(f"no module named {name}", name=name)

there = {*json.loads(sys.argv[1]), *sys.stdlib_module_names, *sys.modules}
sys.meta_path.insert(0, Plain())
import colorize

missing = {}
for module in pkgutil.walk_packages(colorize.__path__, "colorize."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        missing[module.name] = error.name
print(json.dumps(missing))
"""


def installed(name: str) -> set[str]:
    """Return the packages that a plain install of a package brings, itself among them, by their normalized names."""
    found: set[str] = set()
    left = [name]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # one for another system
            continue
        wanted = [Requirement(line) for line in lines]
        left += [each.name.lower().replace("_", "-") for each in wanted if not each.marker or each.marker.evaluate()]
    return found


def test_what_is_missing_is_an_extras() -> None:
    packages = installed("colorize-photos")
    modules = [
        module
        for module, names in packages_distributions().items()
        if packages & {name.lower().replace("_", "-") for name in names}
    ]
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(["colorize", *modules])], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    missing = json.loads(done.stdout)
    assert "colorize.web.api" in missing and "colorize.photo.reader" not in missing
    assert {name: module for name, module in missing.items() if module not in EXTRAS} == {}
