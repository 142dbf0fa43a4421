"""Weights files whose description or numbers are damaged: one line that names the file and the value."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from colorize.base import WeightsError
from colorize.network import GeneratorConfig, load_network, read_info
from colorize.network.weights_file import FORMAT, FORMER_FORMAT, read_weights

TENSORS = {"encoder.bn1.running_var": np.ones(3, np.float32), "head.weight": np.ones((2, 3), np.float16)}


def write(path: Path, tensors: dict = TENSORS, **metadata: str) -> Path:
    """Write a file with a description, some of which is another."""
    whole = {
        "format": FORMAT,
        "config": json.dumps(GeneratorConfig().to_dict()),
        "render_size": "256",
        "trained_on": '"photographs"',
        "metrics": "{}",
    }
    save_file(tensors, path, {**whole, **metadata})
    return path


def refused(path: Path, *words: str) -> None:
    for read in (read_info, lambda path: load_network(path, runtime="onnx"), lambda path: load_network(path)):
        with pytest.raises(WeightsError) as caught:
            read(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 500
        assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "value", ["1e999", "0", "-5", "33.5", "NaN", "true", "null", '"256"', "[]", "{}", "2049", "9" * 5000]
)
def test_a_render_size(tmp_path, value):
    refused(write(tmp_path / "w.safetensors", render_size=value))


@pytest.mark.parametrize("value", ["[]", "5", "null", '"x"', "{", "", "[" * 100_000])
@pytest.mark.parametrize("stated", [FORMAT, FORMER_FORMAT])
def test_a_config_that_is_none(tmp_path, value, stated):
    refused(write(tmp_path / "w.safetensors", config=value, format=stated))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("backbone", value) for value in (5, None, [], "", "../../etc/passwd")),
        *(("semantic_branch", value) for value in (5, None, "a b")),
        *(("head", value) for value in (5, None, {}, "")),
        *(
            ("decoder_widths", value)
            for value in (5, "abcde", [], [8] * 4, [8.5] * 5, [True] * 5, [10**9] * 5, [0] * 5)
        ),
        *(("latent_dim", value) for value in (-1, 2.5, "3", None, 10**9)),
        *(("hue_agreement_power", value) for value in ("1", None, [], -1, 9, float("nan"), float("inf"))),
        ("mood", 1),
    ],
)
def test_a_field_of_the_config(tmp_path, field, value):
    config = {**GeneratorConfig().to_dict(), field: value}
    refused(write(tmp_path / "w.safetensors", config=json.dumps(config)), field)


@pytest.mark.parametrize(("name", "value"), [("trained_on", "5"), ("metrics", "[]"), ("metrics", "{")])
def test_what_else_is_described(tmp_path, name, value):
    refused(write(tmp_path / "w.safetensors", **{name: value}))


def test_names_and_values_as_long_as_a_page(tmp_path):
    refused(write(tmp_path / "w.safetensors", format="x" * 5000), "xxx")
    refused(write(tmp_path / "w.safetensors", config=json.dumps({"x" * 5000: 1})))
    refused(write(tmp_path / "w.safetensors", config=json.dumps({"backbone": "x" * 5000})))
    refused(write(tmp_path / "w.safetensors", render_size='"' + "x" * 5000 + '"'))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [-1, -1e-9])
def test_a_variance_below_zero(tmp_path, value):
    variance = np.array([1, value, 1], np.float32)
    path = write(tmp_path / "w.safetensors", {**TENSORS, "encoder.bn1.running_var": variance})
    with pytest.raises(WeightsError, match=r"w\.safetensors: encoder\.bn1\.running_var.*below 0"):
        read_weights(path)


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 2), ("F64", 8), ("I8", 1), ("BOOL", 1)])
def test_numbers_of_another_format(tmp_path, dtype, size):
    path = write(tmp_path / "w.safetensors", {"head.weight": np.zeros(size, np.float32)})
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = {
        **json.loads(content[8:end]),
        "head.weight": {"dtype": dtype, "shape": [4], "data_offsets": [0, 4 * size]},
    }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    with pytest.raises(WeightsError, match=rf"w\.safetensors: head\.weight .*{dtype}, not F16 or F32"):
        read_weights(path)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("kind", "render_size"), [("[]", "368"), ('"deep"', "1e999"), ('"deep"', "33.5"), ('"deep"', "0"), ("{}", "368")]
)
def test_the_description_of_a_converted_file(tmp_path, kind, render_size):
    path = tmp_path / "w.safetensors"
    save_file(TENSORS, path, {"format": "colorize-deoldify/1", "kind": kind, "render_size": render_size})
    with pytest.raises(WeightsError, match=r"w\.safetensors: "):
        load_network(path)


def test_our_weights_under_a_name_of_torch(tmp_path):
    path = write(tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth: .*no graph"):
        load_network(path, runtime="onnx")


@pytest.mark.parametrize("length", [2**63, 2**40, 10**8, 0])
def test_a_header_that_claims_another_length(tmp_path, length):
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b'{"__metadata__": {}}')
    refused(path)


@pytest.mark.parametrize(
    "places",
    [[(0, 16), (0, 16)], [(0, 16), (16, 1 << 40)], [(0, 16), (24, 40)], [(-16, 0), (0, 16)], [(0, 12), (12, 32)]],
    ids=["one over the other", "beyond the file", "a hole", "before the file", "not as long as the shape"],
)
def test_a_header_whose_tensors_lie_elsewhere(tmp_path, places):
    tensors = {f"t{i}": {"dtype": "F32", "shape": [4], "data_offsets": list(place)} for i, place in enumerate(places)}
    header = json.dumps({"__metadata__": {"format": FORMAT}, **tensors}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(40))
    refused(path)
