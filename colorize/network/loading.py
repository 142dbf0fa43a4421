"""Loading networks: which runtime computes a weights file here, and the network ready to run."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from colorize.base import RUNTIMES, TORCH_REMEDY, WeightsError, sha256
from colorize.network.config import GeneratorConfig
from colorize.network.contract import Network, check_precision
from colorize.network.graphs import (
    Graph,
    MisfitError,
    find_graph,
    graph_name,
    graph_path,
    graph_remedy,
    is_released,
    read_graph,
)
from colorize.network.registry import check_file, find_weights, read_manifest, released_folder, weights_path
from colorize.network.session_cache import find_entry
from colorize.network.weights_file import check_deoldify_start, is_deoldify, read_info, read_weights

if TYPE_CHECKING:
    from colorize.network.torch_runtime import TorchGenerator

log = logging.getLogger("colorize.network")

TORCH_DEVICES = ("cuda", "mps")  # for which torch is taken where it is installed
AMD_DEVICES = ("/dev/kfd", "/dev/dxg")  # of AMD's driver on Linux, and of that in Windows' Linux


def _load_deoldify(path: Path) -> TorchGenerator:
    from colorize.network.deoldify.checkpoints import load_deoldify

    return load_deoldify(path)


LOADERS: list[tuple[Callable[[Path], bool], Callable[[Path], TorchGenerator]]] = [(is_deoldify, _load_deoldify)]
"""Networks that are not ours, which torch computes: what knows their files, and what loads them. Neither imports torch
before there is such a file. All other files are our generator's."""


def load_network(
    weights: str | Path,
    device: str | None = None,
    precision: str | None = None,
    runtime: str = "auto",
    threads: int | None = None,
    pictures_at_once: int = 1,
    keep_memory: bool = True,
    in_background: bool = False,
) -> Network:
    """Return the network of a weights file, ready to run.

    The file is checked (see ``check_file``) before it is loaded.

    Args:
        weights: A released name, or the path of a weights file.
        device: ``cpu``, ``cuda``, ``mps``, or another one that the installed ONNX Runtime has; None: the best there is.
        precision: Number format, ``float32`` or ``bfloat16``; None: the fastest one without a visible difference.
        runtime: ``onnx``, ``torch`` or ``auto``; see ``choose_runtime``.
        threads: Processor threads that compute together; None: one for each core.
        pictures_at_once: How many pictures mostly come together; see ``OnnxNetwork``. The answers are the same.
        keep_memory: For the next picture; see ``OnnxNetwork``. The answers are the same.
        in_background: Let ONNX Runtime get ready in a thread; see ``OnnxNetwork``. The first call that computes waits.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The name is unknown or not downloaded, the file is damaged or foreign, or the runtime cannot
            compute it.
        ValueError: The device is not there, or the runtime or the number format is unknown.
    """
    path = find_weights(weights)
    try:
        digest = check_file(path)
        if choose_runtime(path, runtime, device, precision) == "onnx":
            return _load_in_onnx_runtime(path, digest, device, threads, pictures_at_once, keep_memory, in_background)
        return _load_in_torch(path, str(weights), device, precision, threads)
    except PermissionError as error:
        raise WeightsError(f"{error.filename or path}: no permission to read it") from error


def choose_runtime(path: Path, runtime: str = "auto", device: str | None = None, precision: str | None = None) -> str:
    """Return the runtime that computes a weights file, ``onnx`` or ``torch``.

    ``auto`` is ONNX Runtime, but torch for what it alone can do (DeOldify's files, bfloat16) and, where it is
    installed, for its own devices, and for networks whose graph is not there. A processor with bfloat16 is no reason
    for torch: photographs, films and the service took longer in it (docs/experiments.md, Runtimes).

    Args:
        path: The weights file.
        runtime: ``auto``, ``onnx`` or ``torch``.
        device: That was asked for; None: none.
        precision: That was asked for; None: none.

    Raises:
        WeightsError: It has to be torch, and that was not asked for or is not installed; or the file is no weights
            file, as its first bytes show.
        ValueError: The runtime or the precision is unknown.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime {runtime!r} is unknown; choose one of {', '.join(RUNTIMES)}")
    check_precision(precision)
    is_foreign = any(knows(path) for knows, _ in LOADERS)
    if is_deoldify(path):
        check_deoldify_start(path)
    if runtime == "auto":
        if is_foreign or precision == "bfloat16":
            runtime = "torch"
        elif not has_torch():
            runtime = "onnx"
        elif device in TORCH_DEVICES or (device is None and has_torch_gpu()):
            runtime = "torch"
        else:
            runtime = "onnx" if find_graph(read_info(path).config, path) else "torch"
    if runtime == "onnx" and (is_foreign or precision == "bfloat16"):
        what = "its network" if is_foreign else f"precision {precision}"
        raise WeightsError(f"{path}: {what} needs --runtime torch, not onnx; leave it to auto")
    if runtime == "torch" and not has_torch():
        raise WeightsError(f"{path}: --runtime torch needs PyTorch; {TORCH_REMEDY}")
    return runtime


def has_torch() -> bool:
    """Tell whether PyTorch is installed, without importing it."""
    return importlib.util.find_spec("torch") is not None


def has_torch_gpu() -> bool:
    """Tell whether torch, which is installed, has a GPU here; it is imported only where there is a GPU's driver."""
    if not _has_driver():
        return False
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def _has_driver() -> bool:
    """Tell whether a GPU's driver is there: NVIDIA's, AMD's for a torch that is built for it, or Apple's."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    with suppress(OSError):
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        return True
    if sys.platform == "linux" and not any(map(os.path.exists, AMD_DEVICES)):
        return False
    from importlib.metadata import PackageNotFoundError, version  # brings the reader of e-mail, which takes a while

    with suppress(PackageNotFoundError):
        return "rocm" in version("torch")
    return False


def check_graph(path: Path) -> Path:
    """Check that the graph of a weights file of ours is there and fits it; return the graph file.

    Raises:
        WeightsError: It is missing or damaged, or the two do not go together.
    """
    _load_in_onnx_runtime(path, check_file(path), None, 1, from_cache=False)
    graph_file = find_graph(read_info(path).config, path)
    assert graph_file is not None
    return graph_file


def name_foreign_graph(weights: str | Path, runtime: str = "auto", device: str | None = None) -> None:
    """Name in a line the graph that computes some weights if it did not come with the program; other machines load it.

    Args:
        weights: A released name, or the path of a weights file.
        runtime: As for ``load_network``.
        device: As for ``load_network``.

    Raises:
        FileNotFoundError: There is no such file.
        WeightsError: The weights are unknown or foreign, or the runtime cannot compute them.
    """
    path = find_weights(weights)
    if choose_runtime(path, runtime, device) == "onnx" and (graph_file := find_graph(read_info(path).config, path)):
        _name_foreign(graph_file, path)


def _name_foreign(graph_file: Path, path: Path) -> None:
    """Name the graph of a weights file in a line if it did not come with the program."""
    if not is_released(graph_file):
        log.warning(
            "%s: computes %s, and did not come with the program; use it only if you trust whom it is from",
            graph_file,
            path.name,
        )


def _load_in_onnx_runtime(
    path: Path,
    digest: str | None,
    device: str | None,
    threads: int | None,
    pictures_at_once: int = 1,
    keep_memory: bool = True,
    in_background: bool = False,
    from_cache: bool = True,
) -> Network:
    """Return the network of a weights file of ours in ONNX Runtime.

    Args:
        path: The weights file.
        digest: Its SHA-256 by the manifest; None: it is not in there.
        device: One of ONNX Runtime's; None: the processor.
        threads: See ``load_network``.
        pictures_at_once: See ``load_network``.
        keep_memory: See ``load_network``.
        in_background: See ``load_network``.
        from_cache: Take what is kept of it as it was prepared before, or keep it.
    """
    from colorize.network.onnx_runtime import (
        ABILITIES,
        GraphError,
        OnnxNetwork,
        check_device,
        open_cached,
        optimizer,
        threads_for_one,
    )

    device = device or "cpu"
    try:
        check_device(device)
    except ValueError as error:
        raise ValueError(f"{error}{_torch_advice(device)}") from error
    info = read_info(path)
    graph_file = find_graph(info.config, path)
    if graph_file is None:
        raise WeightsError(_missing_graph_message(path, info.config, is_known=digest is not None))
    graph = read_graph(graph_file)
    _name_foreign(graph_file, path)
    fingerprint = digest or sha256(path)
    cache = find_entry(path, fingerprint, graph_file, optimizer()) if device == "cpu" and from_cache else None
    started = open_cached(cache, threads_for_one(device, threads, pictures_at_once)) if cache else None
    _, tensors = read_weights(path, ABILITIES if started else None)
    try:
        return OnnxNetwork(
            graph,
            tensors,
            info,
            fingerprint,
            device,
            threads,
            pictures_at_once,
            keep_memory,
            in_background,
            cache,
            started,
        )
    except MisfitError as error:
        raise WeightsError(_misfit_message(path, graph_file, graph, error, is_known=digest is not None)) from error
    except GraphError:
        raise
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}; get it anew") from error


def _torch_advice(device: str) -> str:
    """Return what to do where ONNX Runtime has no such device but PyTorch may; empty: PyTorch has none either."""
    if device not in TORCH_DEVICES:
        return ""
    if has_torch():
        return f"; PyTorch may have {device}: leave --runtime to auto"
    return f"; for {device} take PyTorch: {TORCH_REMEDY}"


def _missing_graph_message(path: Path, config: GeneratorConfig, is_known: bool) -> str:
    """Return the line about weights without a graph.

    Args:
        path: The weights file.
        config: Its architecture.
        is_known: Whether the weights are released ones.
    """
    if is_known:
        return f"{graph_path(config, released_folder())}: the graph of released weights is missing; install again"
    how = f"make it with colorize-weights convert {path}, which needs PyTorch"
    return f"{path}: ONNX Runtime has no graph {graph_name(config)}; {how} ({TORCH_REMEDY})"


def _misfit_message(path: Path, graph_file: Path, graph: Graph, error: MisfitError, is_known: bool) -> str:
    """Return the line about a weights file and a graph that do not go together: which of the two is wrong.

    Released weights are known by their hash, and a graph by released weights that it fits.

    Args:
        path: The weights file.
        graph_file: Of the graph.
        graph: The graph.
        error: Why they do not go together.
        is_known: Whether the weights are released ones.
    """
    fits = [_fits(graph, weights) for weights in _weights_of_graph(graph_file)] if is_released(graph_file) else []
    if is_known or (fits and not any(fits)):
        return f"{graph_file}: not the graph of {path} ({error}); {graph_remedy(graph_file)}"
    if any(fits):
        return f"{path}: its tensors do not fit its config ({error}); get it anew"
    return f"{path}: it and {graph_file} do not go together ({error}); get both anew"


def _weights_of_graph(graph_file: Path) -> Iterator[Path]:
    """Yield the released weights that a graph file is for."""
    for entry in read_manifest().values():
        path = weights_path(entry)
        if "url" not in entry and path.is_file() and graph_name(read_info(path).config) == graph_file.name:
            yield path


def _fits(graph: Graph, path: Path) -> bool:
    """Tell whether a graph fits a weights file."""
    try:
        graph.check_tensors(read_weights(path)[1])
    except MisfitError:
        return False
    return True


def _load_in_torch(path: Path, name: str, device: str | None, precision: str | None, threads: int | None) -> Network:
    """Return the network of any weights file in torch.

    Args:
        path: The weights file.
        name: By which it was asked for.
        device: See ``load_network``.
        precision: See ``load_network``.
        threads: See ``load_network``; torch has one number for the whole process.
    """
    import torch

    from colorize.network.checkpoints import load_generator
    from colorize.network.torch_runtime import torch_network

    if threads:
        torch.set_num_threads(threads)
    load = next((load for knows, load in LOADERS if knows(path)), load_generator)
    generator = load(path)
    entry = read_manifest().get(name, {})
    generator.render_size = int(entry.get("render_size") or generator.render_size)
    return torch_network(generator, device, precision)
