"""DeOldify weights files: the published ``.pth``, read without unpickling anything else, and folded safetensors."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from colorize.base import WeightsError, reason, replacing
from colorize.network.deoldify.folding import fold
from colorize.network.deoldify.generator import RENDER_SIZE, DeOldifyGenerator
from colorize.network.deoldify.unet import KINDS, UNet, build_unet
from colorize.network.weights_file import check_deoldify_start, is_pickled, metadata_in_order, parse_render_size

FORMAT = "colorize-deoldify/1"  # of the folded safetensors
SAFE_TORCH = "2.6"  # in older versions, weights_only=True could be made to run code (CVE-2025-32434)


class _Ignored:
    """Stands in for a global that old files name beside the tensors; it does nothing with what it is given."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


# fastai 1 saved its optimizer's settings with a network: functools.partial(torch.optim.Adam, betas=...).
_OLD_GLOBALS = [(_Ignored, "functools.partial"), (_Ignored, "torch.optim.adam.Adam")]


def load_deoldify(path: Path | str, *, folded: bool = True) -> DeOldifyGenerator:
    """Return the generator of a published ``.pth`` or of ``save_deoldify``'s file, in eval mode, float32.

    Args:
        path: The file. A ``.pth`` holds a state dict, bare or as ``{"model": ...}``; its keys say which of the two
            networks it is.
        folded: Fold the normalisations (see ``fold``); the files of ``save_deoldify`` are folded already.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The file is truncated, damaged, or holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    check_deoldify_start(path)
    kind, network, render_size = _load_pth(path) if is_pickled(path) else _load_safetensors(path)
    if folded:
        fold(network)
    if not all(bool(torch.isfinite(value).all()) for value in network.state_dict().values()):
        raise WeightsError(f"{path}: holds numbers that are not finite; get it anew")
    return DeOldifyGenerator(network, kind, render_size).eval().requires_grad_(False)


def save_deoldify(generator: DeOldifyGenerator, path: Path | str, precision: torch.dtype = torch.float16) -> None:
    """Write a generator, folded, as safetensors; the file takes its name only when it is complete.

    Args:
        generator: In float32; it is left as it is.
        path: Ends in ``.safetensors`` by custom; an existing file is replaced.
        precision: Number format of the kernels; vectors stay float32.
    """
    network = generator.prepared(torch.device("cpu"), torch.float32).network
    tensors = {
        name: tensor.to(precision if tensor.ndim > 1 else torch.float32).contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "format": FORMAT,
        "kind": json.dumps(generator.kind),
        "render_size": json.dumps(generator.render_size),
        "trained_on": json.dumps("DeOldify, Jason Antic, MIT; normalisations folded"),
    }
    with replacing(Path(path), overwrite=True) as file:
        file.write(metadata_in_order(save(tensors, metadata)))


def _load_pth(path: Path) -> tuple[str, UNet, int]:
    """Return the kind, the network and the render size of a published file."""
    state = _read_pth(path)
    kind = detect_kind(path, state)
    network = build_unet(kind)
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{path}: does not fit the DeOldify network {kind!r} ({reason(error)[:200]})") from error
    return kind, network.float().requires_grad_(False), RENDER_SIZE


def _read_pth(path: Path) -> dict[str, Tensor]:
    """Return the state dict of a torch file; nothing but tensors and containers is ever made from its pickle."""
    if torch.__version__ < SAFE_TORCH:
        raise WeightsError(f"{path}: reading a .pth safely needs torch {SAFE_TORCH}; this is {torch.__version__}")
    try:
        with torch.serialization.safe_globals(_OLD_GLOBALS), warnings.catch_warnings():  # type: ignore[arg-type]
            warnings.simplefilter("ignore")  # of odd pickles; what matters is raised
            content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch raises whatever its readers meet in a damaged file
        if isinstance(error, OSError) and error.filename:
            raise  # the disk's own words: gone, forbidden
        if named := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise WeightsError(f"{path}: not read, it holds more than tensors ({named[1]} could run code)") from error
        raise WeightsError(f"{path}: not a whole torch file ({_torch_reason(error)}); get it anew") from error
    state = content.get("model", content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: holds no state dict, neither bare nor under 'model'")
    for name, value in state.items():
        is_count = str(name).endswith("num_batches_tracked")
        if value.layout != torch.strided or value.is_quantized or not (is_count or value.is_floating_point()):
            raise WeightsError(f"{path}: {name!s:.80} holds no plain numbers ({value.dtype}); get it anew")
    return state


def _torch_reason(error: Exception) -> str:
    """Return what torch's error says went wrong, without its advice to read the file unsafely."""
    found = re.search(r"WeightsUnpickler error: *(.+)", str(error))
    return (found[1] if found else reason(error))[:80].strip()


def detect_kind(path: Path, state: dict[str, Tensor]) -> str:
    """Return the kind of network that a state dict belongs to, a key of ``KINDS``.

    Raises:
        WeightsError: A key is missing or foreign, or a shape differs.
    """
    found = {name: tuple(value.shape) for name, value in state.items()}
    nearest: list[str] = []
    for kind in KINDS:
        wanted = {name: tuple(value.shape) for name, value in build_unet(kind).state_dict().items()}
        problems = [f"{name} is missing" for name in wanted if name not in found]
        problems += [f"{name} is foreign" for name in found if name not in wanted]
        problems += [f"{name} is {found[name]}" for name in wanted if found.get(name, wanted[name]) != wanted[name]]
        if not problems:
            return kind
        nearest = problems if not nearest or len(problems) < len(nearest) else nearest
    raise WeightsError(
        f"{path}: not the weights of a DeOldify generator ({nearest[0]:.120}; {len(nearest)} of its tensors differ)"
    )


def _load_safetensors(path: Path) -> tuple[str, UNet, int]:
    """Return the kind, the folded network and the render size of a converted file."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            kind, render_size = _parse(path, metadata)
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a whole weights file ({reason(error)[:200]}); get it anew") from error
    network = build_unet(kind)
    fold(network)
    # Batch norm in eval mode never reads its counters; everything else must be there exactly.
    counters = [name for name in network.state_dict() if name.endswith("num_batches_tracked")]
    tensors.update({name: torch.zeros((), dtype=torch.long) for name in counters})
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        text = str(error).splitlines()[-1].strip()
        raise WeightsError(f"{path}: its tensors do not fit {kind!r} ({text[:100]}); convert it anew") from error
    return kind, network.requires_grad_(False), render_size


def _parse(path: Path, metadata: dict[str, str]) -> tuple[str, int]:
    """Return the kind and the render size that a converted file's metadata name."""
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path}: format {metadata.get('format', 'none')!r:.40} where {FORMAT!r} is needed")
    try:
        kind, render_size = json.loads(metadata["kind"]), parse_render_size(metadata)
    except (KeyError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: its description cannot be read ({str(error)[:200]}); convert it anew") from error
    if not isinstance(kind, str) or kind not in KINDS:
        raise WeightsError(f"{path}: unknown network {kind!r:.40}; known: {', '.join(KINDS)}")
    return kind, render_size
