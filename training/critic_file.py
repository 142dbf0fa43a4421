"""A critic's file: its weights and what it is, as safetensors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from training.critic import CriticError, build_critic
from training.tensor_file import read_tensors

FORMAT = "colorize-critic/1"


@dataclass(frozen=True)
class CriticInfo:
    """What a critic's file says.

    Attributes:
        kind: Its name in ``CRITICS``.
        accuracy: Share of real and generated validation pictures that it told apart when it was written.
    """

    kind: str
    accuracy: float


def save_critic(critic: nn.Module, path: Path, info: CriticInfo) -> None:
    """Write a critic's weights, float32, with what it is; the former file survives a failure."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in critic.state_dict().items()}
    temporary = path.with_suffix(".tmp")
    save_file(tensors, temporary, {"format": FORMAT, "kind": info.kind, "accuracy": repr(info.accuracy)})
    os.replace(temporary, path)


def load_critic(path: Path) -> tuple[nn.Module, CriticInfo]:
    """Return a critic and what its file says.

    Raises:
        FileNotFoundError: There is no such file.
        CriticError: The file is broken or foreign.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such critic; make one with training.pretrain_critic")
    state, metadata = read_tensors(path, CriticError)
    if metadata.get("format") != FORMAT:
        raise CriticError(f"{path}: not a critic's file; give one that training.pretrain_critic wrote")
    critic = build_critic(metadata["kind"])
    try:
        critic.load_state_dict(state)
    except RuntimeError as error:
        raise CriticError(f"{path}: its tensors do not fit a {metadata['kind']} critic; make it anew") from error
    return critic, CriticInfo(metadata["kind"], float(metadata["accuracy"]))
