"""Weights files of our generator: safetensors that hold the tensors and, as JSON, a description of them; without torch.

A weights file from a stranger cannot run code: nothing is unpickled. (DeOldify's files have a reader of their own,
``colorize.network.deoldify.checkpoints``.)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from colorize.base import DEFAULT_RENDER_SIZE, MAX_RENDER_SIZE, WeightsError
from colorize.network.config import GeneratorConfig

FORMAT = "colorize-generator/2"
FORMER_FORMAT = "colorize-generator/1"  # the same tensors under other names; read, never written
NUMBER_FORMATS = ("F16", "F32")  # of the tensors, by safetensors' names
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # torch's zip files, and the older plain pickles
FORMER_TENSORS = {
    "prior.places.": "semantic_branch.spatial_proj.",
    "prior.whole.": "semantic_branch.global_proj.",
    "prior.": "semantic_branch.",
}
"""Prefix of tensors' names in the former format -> their prefix now; the first that fits counts."""
FORMER_FIELDS = {"prior": "semantic_branch", "caution": "hue_agreement_power"}
"""Name of a config's field in the former format -> its name now."""


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file says about itself.

    Attributes:
        config: The generator's architecture.
        render_size: Short side in pixels at which these weights work best, a multiple of 32.
        trained_on: How the weights were made: data, command lines, commit.
        metrics: Results of ``training.evaluate``, by name.
    """

    config: GeneratorConfig
    render_size: int = DEFAULT_RENDER_SIZE
    trained_on: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)


def metadata_in_order(data: bytes) -> bytes:
    """Return the bytes of a safetensors file with its metadata ordered by name.

    ``safetensors`` writes them in an order that is another one each time, so the same weights would make other files.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    return b"".join((len(text).to_bytes(8, "little"), text, memoryview(data)[end:]))


def read_info(path: Path | str) -> WeightsInfo:
    """Return what a weights file says about itself, without reading its tensors.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is truncated, foreign, or of a newer format.
    """
    return _read(Path(path), ())[0]


def read_weights(path: Path | str, names: Collection[str] | None = None) -> tuple[WeightsInfo, dict[str, npt.NDArray]]:
    """Return what a weights file says about itself, and its tensors by name, as they are stored: float16 or float32.

    Args:
        path: The weights file.
        names: Of the tensors that are read, where they are there; None: of all.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is truncated, foreign, or of a newer format.
    """
    return _read(Path(path), names)


def read_format(path: Path) -> str:
    """Return the format that a safetensors file's metadata name; empty: they name none, or it is another file."""
    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("format", "")
    except (SafetensorError, OSError):
        return ""


def _read(path: Path, wanted: Collection[str] | None) -> tuple[WeightsInfo, dict[str, npt.NDArray]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            info = _parse(path, metadata)
            is_former = metadata.get("format") == FORMER_FORMAT
            stored = file.keys()
            names = {_current_name(name) if is_former else name: name for name in stored}
            read = [name for name in names if wanted is None or name in wanted]
            values = {name: _read_tensor(path, file, names[name]) for name in read}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({str(error)[:200]}); get it anew") from error
    return info, values


def _read_tensor(path: Path, file: Any, name: str) -> npt.NDArray:
    """Return a tensor of an open weights file.

    Raises:
        WeightsError: Numbers of another format than a generator's, or a variance below 0.
    """
    number_format = file.get_slice(name).get_dtype()
    if number_format not in NUMBER_FORMATS:
        formats = " or ".join(NUMBER_FORMATS)
        raise WeightsError(f"{path}: {name:.80} holds numbers of the format {number_format}, not {formats}")
    values = file.get_tensor(name)
    if name.endswith("running_var") and (values < 0).any():
        raise WeightsError(f"{path}: {name:.80} holds a variance below 0; get it anew")
    return values


def _current_name(name: str) -> str:
    """Return the present name of a tensor of the former format."""
    for former, current in FORMER_TENSORS.items():
        if name.startswith(former):
            return current + name.removeprefix(former)
    return name


def _parse(path: Path, metadata: dict[str, str]) -> WeightsInfo:
    if metadata.get("format") not in (FORMAT, FORMER_FORMAT):
        found = metadata.get("format", "none")
        raise WeightsError(
            f"{path}: format {found!r:.40} where {FORMAT!r} or {FORMER_FORMAT!r} is needed; "
            "not weights of this program's generator"
        )
    try:
        fields = json.loads(metadata["config"])
        if metadata["format"] == FORMER_FORMAT and isinstance(fields, dict):
            fields = {FORMER_FIELDS.get(name, name): value for name, value in fields.items()}
        trained_on, metrics = json.loads(metadata["trained_on"]), json.loads(metadata["metrics"])
        if not isinstance(trained_on, str) or not isinstance(metrics, dict):
            raise ValueError("trained_on is no text, or metrics no mapping")
        return WeightsInfo(GeneratorConfig.from_dict(fields), parse_render_size(metadata), trained_on, metrics)
    except (KeyError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: its description cannot be read ({_what(error)}); get it anew") from error


def parse_render_size(metadata: Mapping[str, str]) -> int:
    """Return the render size that a weights file's metadata state.

    Raises:
        KeyError: They state none.
        ValueError: It is no whole number of pixels, or out of range.
    """
    size = json.loads(metadata["render_size"])
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_RENDER_SIZE:
        raise ValueError(f"render_size {size!r:.40} is not a whole number within 1..{MAX_RENDER_SIZE} pixels")
    return size


def _what(error: Exception) -> str:
    """Return an error about a description in a few words."""
    return (f"there is no {error.args[0]}" if isinstance(error, KeyError) else str(error))[:200]


def is_deoldify(path: Path) -> bool:
    """Tell whether a weights file can only be DeOldify's: a torch file, or safetensors that say so."""
    if is_pickled(path):
        return True
    if stated := read_format(path):
        return stated.startswith("colorize-deoldify/")
    return has_torch_name(path)


def has_torch_name(path: Path) -> bool:
    """Tell whether a file is called as torch's are."""
    return path.suffix.lower() in (".pth", ".pt")


def check_deoldify_start(path: Path) -> None:
    """Check by its first bytes, without torch, that a file which ``is_deoldify`` can be read by torch or safetensors.

    Raises:
        WeightsError: It is a text, a web page or empty, whatever its name.
    """
    if is_pickled(path) or read_format(path):
        return
    with path.open("rb") as file:
        start = file.read(9)
    if not start:
        raise WeightsError(f"{path}: not a whole file (0 bytes); get it anew")
    if start.startswith(b"<"):
        raise WeightsError(f"{path}: a web page, not weights; download it anew")
    raise WeightsError(f"{path}: neither a torch file nor safetensors, as its first bytes show; get it anew")


def is_pickled(path: Path) -> bool:
    """Tell whether a file begins as torch's do, and not as safetensors do."""
    with path.open("rb") as file:
        start = file.read(9)
    # Safetensors begin with the length of their JSON, whose first byte may be a pickle's, and go on with the JSON.
    is_safetensors = start[8:] == b"{" and 8 + int.from_bytes(start[:8], "little") <= path.stat().st_size
    return start.startswith(PICKLE_STARTS) and not is_safetensors
