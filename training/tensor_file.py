"""Reading safetensors, for the training's own files: teachers, encoders, critics."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor


def read_tensors(path: Path, error: type[ValueError]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors of a file that is there, and its metadata.

    Args:
        path: Of a safetensors file.
        error: Raised if it is not whole.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as reason:
        raise error(f"{path}: not a whole safetensors file ({reason}); make or fetch it anew") from reason
