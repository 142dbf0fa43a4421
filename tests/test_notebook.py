"""docs/notebook.ipynb: its cells run as a service runs them, on the processor and with the installed program."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
CELLS = [
    cell
    for cell in json.loads((ROOT / "docs/notebook.ipynb").read_text("utf-8"))["cells"]
    if cell["cell_type"] == "code"
]


def test_cells_are_stored_without_results_and_are_python_but_for_the_installation() -> None:
    installing = [cell for cell in CELLS if "install" in cell["metadata"].get("tags", ())]
    assert installing == CELLS[:1]
    for cell in CELLS:
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
    for cell in CELLS[1:]:
        compile("".join(cell["source"]), "a cell", "exec")


@pytest.mark.slow  # with the released weights
def test_a_photo_and_a_film_are_coloured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colorize-source").symlink_to(ROOT)
    display = ModuleType("IPython.display")
    shown: list[str] = []
    display.Video = lambda name, embed: shown.append(name)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    names: dict[str, object] = {}
    for cell in CELLS[1:]:
        exec(compile("".join(cell["source"]), "a cell", "exec"), names)
    with Image.open("astronaut_colorized.jpg") as image:
        picture = np.asarray(image).astype(int)
    assert shown == ["film_colorized.mp4"]
    with av.open("film_colorized.mp4") as file:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]
    assert len(frames) == 12
    for pixels in (picture, *frames):
        assert np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 5
