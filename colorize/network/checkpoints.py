"""Weights files of our generator: safetensors that hold the tensors and, as JSON, a description of them.

A weights file from a stranger cannot run code: nothing is unpickled. (DeOldify's files have a reader of their own,
``colorize.network.deoldify.checkpoints``.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from colorize.base import DEFAULT_RENDER_SIZE, WeightsError, random_init_skipped, replacing
from colorize.network.generator import Generator, GeneratorConfig

FORMAT = "colorize-generator/2"
FORMER_FORMAT = "colorize-generator/1"  # the same tensors under other names; read, never written
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


def save_generator(generator: Generator, path: Path | str, info: WeightsInfo | None = None) -> None:
    """Write a generator's weights, fp16 on disk but every 1-D tensor float32.

    Batch-norm variances overflow or vanish in fp16, so 1-D tensors keep their precision. The file takes its name only
    when it is complete.

    Args:
        generator: Any mode, any device.
        path: Ends in ``.safetensors`` by custom; an existing file is replaced.
        info: ``info.config`` is replaced by the generator's own.
    """
    info = info or WeightsInfo(generator.config, generator.render_size)
    tensors = {}
    for name, tensor in generator.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue  # batch norm with a fixed momentum never reads it
        dtype = torch.float16 if tensor.ndim > 1 else torch.float32
        tensors[name] = tensor.detach().to("cpu", dtype).contiguous()
    metadata = {
        "format": FORMAT,
        "config": json.dumps(generator.config.to_dict()),
        "render_size": json.dumps(info.render_size),
        "trained_on": json.dumps(info.trained_on),
        "metrics": json.dumps(dict(info.metrics)),
    }
    with replacing(Path(path), overwrite=True) as file:
        file.write(save(tensors, metadata))  # save_file would make it readable by its owner alone


def read_format(path: Path) -> str:
    """Return the format that a safetensors file's metadata name; empty: they name none, or it is another file."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("format", "")
    except (SafetensorError, OSError):
        return ""


def read_info(path: Path | str) -> WeightsInfo:
    """Return what a weights file says about itself, without reading its tensors.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is truncated, foreign, or of a newer format.
    """
    return _read(Path(path), tensors=False)[0]


def load_generator(path: Path | str, device: torch.device | str = "cpu") -> Generator:
    """Return the generator of a weights file in eval mode, float32.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is truncated, foreign, of a newer format, or its tensors do not fit its config.
    """
    path = Path(path)
    info, tensors = _read(path, tensors=True)
    with random_init_skipped():  # strict loading gives every tensor its numbers
        generator = Generator(info.config, info.render_size)
    state = generator.state_dict()
    # Counters are not stored; everything else must be there exactly (strict=False would load a wrong file silently).
    tensors.update({name: value for name, value in state.items() if name.endswith("num_batches_tracked")})
    try:
        generator.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise WeightsError(f"{path}: its tensors do not fit its config ({reason[:100]}); get it anew") from error
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise WeightsError(f"{path}: holds numbers that are not finite; get it anew")
    return generator.eval().to(device)


def _read(path: Path, tensors: bool) -> tuple[WeightsInfo, dict[str, torch.Tensor]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            info = _parse(path, metadata)
            names = file.keys() if tensors else []
            is_former = metadata.get("format") == FORMER_FORMAT
            values = {_current_name(name) if is_former else name: file.get_tensor(name).float() for name in names}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error}); get it anew") from error
    return info, values


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
            f"{path}: format {found!r} where {FORMAT!r} or {FORMER_FORMAT!r} is needed; "
            "not weights of this program's generator"
        )
    try:
        fields: dict[str, Any] = json.loads(metadata["config"])
        if metadata["format"] == FORMER_FORMAT:
            fields = {FORMER_FIELDS.get(name, name): value for name, value in fields.items()}
        return WeightsInfo(
            config=GeneratorConfig.from_dict(fields),
            render_size=int(json.loads(metadata["render_size"])),
            trained_on=json.loads(metadata["trained_on"]),
            metrics=json.loads(metadata["metrics"]),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: its description cannot be read ({error}); get it anew") from error
