"""Generators to weights files and back."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save

from colorize.base import WeightsError, random_init_skipped, replacing
from colorize.network.generator import Generator
from colorize.network.weights_file import FORMAT, WeightsInfo, metadata_in_order, read_weights


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
        file.write(metadata_in_order(save(tensors, metadata)))  # save_file would make it readable by its owner alone


def load_generator(path: Path | str, device: torch.device | str = "cpu") -> Generator:
    """Return the generator of a weights file in eval mode, float32.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is truncated, foreign, of a newer format, or its tensors do not fit its config.
    """
    path = Path(path)
    info, arrays = read_weights(path)
    tensors = {name: torch.from_numpy(array).float() for name, array in arrays.items()}
    try:
        with random_init_skipped():  # strict loading gives every tensor its numbers
            generator = Generator(info.config, info.render_size)
    except ValueError as error:
        raise WeightsError(f"{path}: its description cannot be read ({error}); get it anew") from error
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
