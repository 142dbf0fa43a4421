"""The wings' lazy faces, which no linter looks into: every name of a stub is there, and loading one is cheap."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from support.command import in_new_process

import colorize

PACKAGE = Path(colorize.__file__).parent
FACES = sorted(path.parent for path in PACKAGE.rglob("__init__.pyi"))
WITH_TORCH = ("color", "network")
"""Wings some of whose names need torch."""


def name_of(folder: Path) -> str:
    return ".".join(("colorize", *folder.relative_to(PACKAGE).parts))


def stub_names(folder: Path) -> dict[str, str]:
    """Return the names that a face's stub imports, and the modules that they come from."""
    tree = ast.parse((folder / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert all(alias.asname == alias.name for node in imports for alias in node.names)  # else pyright hides it
    return {alias.name: f"{name_of(folder)}.{node.module}" for node in imports for alias in node.names}


def test_every_wing_has_a_face():
    wings = {path.parent for path in PACKAGE.glob("*/__init__.py")}
    assert len(wings) >= 10
    assert {PACKAGE, *wings} == set(FACES)


@pytest.mark.parametrize(
    "folder",
    [pytest.param(path, marks=pytest.mark.torch) if path.name in WITH_TORCH else path for path in FACES],
    ids=name_of,
)
def test_every_name_of_a_face_is_what_its_module_defines(folder):
    face, names = importlib.import_module(name_of(folder)), stub_names(folder)
    assert names
    for name, module in names.items():
        assert getattr(face, name) is getattr(importlib.import_module(module), name), name
    assert set(names) <= set(face.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        face.no_such_name  # noqa: B018


@pytest.mark.parametrize("folder", FACES, ids=name_of)
def test_no_name_of_a_face_is_hidden_by_a_module(folder):
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not modules & set(stub_names(folder))  # importing the module would put it in the place of the name


def test_importing_all_faces_loads_no_module_of_theirs():
    done = in_new_process(
        f"""
        import importlib, sys
        for name in {[name_of(folder) for folder in FACES]!r}:
            importlib.import_module(name)
        loaded = [name for name in sys.modules if name.startswith("colorize.")]
        assert set(loaded) < set({[name_of(folder) for folder in FACES]!r}), loaded
        assert not {{"numpy", "cv2", "av", "torch", "PIL"}} & set(sys.modules)
        """
    )
    assert done.returncode == 0, done.stderr
