"""What a file or a word says stays short in the line about it, however long it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.small_networks import write_small_weights

from colorize.base import WeightsError
from colorize.batch import FileList, Journal
from colorize.engine import Hint, read_hints
from colorize.film import TimedHint
from colorize.network import load_network, read_info

LONG = "word " * 10_000
MAX = 450  # letters beside the file's name


def long_columns(path: Path) -> object:
    path = path.with_suffix(".csv")
    path.write_text(",".join(f"{LONG}{number}" for number in range(9)), encoding="utf-8")
    return FileList.open(path)


def long_hint_file(path: Path) -> object:
    hint = {"x": 1, "y": 1, "color": LONG}
    path.write_text(json.dumps({"format": "colorize-hints/1", "width": 9, "height": 9, "hints": [hint]}), "utf-8")
    return read_hints(path, (9, 9))


def long_format(path: Path) -> object:
    save_file({"x": np.ones(1, np.float32)}, path, {"format": LONG})
    return read_info(path)


def long_tensor(path: Path) -> object:
    write_small_weights(path, tensors={LONG: np.ones(3, np.float32)})
    return load_network(path, "cpu", runtime="onnx", threads=1)


def long_graph(path: Path) -> object:
    write_small_weights(path)
    for graph in (path.parent / "graphs").iterdir():
        graph.write_bytes(LONG.encode())
    return load_network(path, "cpu", runtime="onnx", threads=1)


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (lambda _: Hint(1, 1, LONG), ValueError),
        (lambda _: Hint.parse(f"1,1,{LONG}"), ValueError),
        (lambda _: Hint.parse(LONG), ValueError),
        (lambda _: TimedHint.parse(LONG), ValueError),
        (lambda _: TimedHint.parse(f"{'9' * 9999}.5f:1,1,#102030"), ValueError),
        (long_columns, ValueError),
        (long_hint_file, ValueError),
        (long_format, WeightsError),
        (long_tensor, WeightsError),
        (long_graph, WeightsError),
    ],
)
def test_a_line_about_something_long_is_short(
    tmp_path: Path, read: Callable[[Path], object], error: type[Exception]
) -> None:
    path = tmp_path / "file.safetensors"
    with pytest.raises(error) as raised:
        read(path)
    message = str(raised.value)
    assert "\n" not in message and 10 < len(message.replace(str(tmp_path), "")) < MAX, message[:2000]


def test_settings_of_a_journal_that_are_long(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {"weights": LONG})
    journal.open(replaces=True)
    journal.close()
    assert 10 < len(Journal(tmp_path, {"weights": "x", LONG: 1}).changes) < MAX
