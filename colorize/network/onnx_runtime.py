"""The ONNX runtime: our generators behind the network contract, without torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from colorize.base import WeightsError, available_cpus, give_back_freed_memory
from colorize.color import Floats
from colorize.network.config import HINT_CHANNELS, LIGHTNESS_CHANNELS, STRIDE
from colorize.network.graphs import FEATURES, HALVES, Graph, graph_remedy
from colorize.network.session_cache import CacheEntry
from colorize.network.weights_file import WeightsInfo

# From 1.29 on it tells its maker about models and the machine, unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime import GraphOptimizationLevel, InferenceSession, OrtValue, RunOptions, SessionOptions  # type: ignore[attr-defined]

INPUT_WEIGHT = "encoder.conv1.weight"  # (C, 4, 7, 7)
LATENT_WEIGHT = "latent.weight"  # (C, latent_dim)
ABILITIES = (INPUT_WEIGHT, LATENT_WEIGHT)
"""Tensors that tell whether a generator takes hints and latents; the latter is not in all weights files."""
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""Device -> what computes there; all but the first need another build of ONNX Runtime."""
MAX_GROUP = 64  # pictures that a GPU computes together; a processor's cores take one each, which is faster there

Result = TypeVar("Result")


class GraphError(WeightsError):
    """A graph cannot be used, whatever the weights; the message names its file, says why, and how to have it anew."""

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(reason if path is None else f"{path}: {reason}; {graph_remedy(path)}")


@dataclass(frozen=True, eq=False)
class OnnxFeatures:
    """Feature maps of pictures.

    Attributes:
        groups: The maps of each group of pictures that are computed together, from fine to coarse.
    """

    groups: tuple[tuple[OrtValue, ...], ...]

    @property
    def bottleneck(self) -> Floats:
        """The last map, (n, C, h', w') float32."""
        return np.concatenate([maps[-1].numpy() for maps in self.groups])

    def feature_maps(self) -> tuple[Floats, ...]:
        """Return all maps, from fine to coarse, (n, C, h', w') float32."""
        return tuple(np.concatenate([each.numpy() for each in same]) for same in zip(*self.groups, strict=True))

    def with_bottleneck(self, bottleneck: Floats) -> OnnxFeatures:
        """Return the same maps, but another last one."""
        parts = np.split(bottleneck, self.group_ends())
        groups = zip(self.groups, parts, strict=True)
        return OnnxFeatures(tuple((*maps[:-1], _ort_value(part)) for maps, part in groups))

    def group_ends(self) -> list[int]:
        """Return where in a batch each group but the last ends."""
        return np.cumsum([maps[-1].shape()[0] for maps in self.groups])[:-1].tolist()


@dataclass(frozen=True, eq=False)
class _Group:
    """What is computed together of pictures of one shape.

    Attributes:
        inputs: (n, 4, h, w), of whole strides.
        maps: Their feature maps; empty: they are not computed yet.
        latent: (n, latent_dim); None: where there are no maps.
    """

    inputs: Floats
    maps: tuple[OrtValue, ...] = ()
    latent: Floats | None = None


class Sessions(NamedTuple):
    """Both halves of a generator, ready to run."""

    encoder: InferenceSession
    decoder: InferenceSession


class OnnxNetwork:
    """A generator that runs in ONNX Runtime, as a ``Network``; it may run in several threads at once."""

    stride = STRIDE

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, npt.NDArray],
        info: WeightsInfo,
        fingerprint: str,
        device: str = "cpu",
        threads: int | None = None,
        pictures_at_once: int = 1,
        keep_memory: bool = True,
        in_background: bool = False,
        cache: CacheEntry | None = None,
        started: Sessions | None = None,
    ) -> None:
        """Start the sessions.

        Args:
            graph: Of the weights' architecture.
            tensors: Of the weights file, by name; where the sessions are started already, ``ABILITIES`` at least.
            info: What the weights file says about itself.
            fingerprint: SHA-256 of the weights file, as hex digits.
            device: One of ``PROVIDERS``.
            threads: That compute together; None: one for each core.
            pictures_at_once: How many pictures mostly come together. On a processor the threads are divided among so
                many, instead of all computing the same one: that takes an eighth less of the processor's time, a
                single picture longer.
            keep_memory: Keep the memory that a single picture took on a processor for the next one, which then takes
                a sixth less time; False: give it back after each (of a batch it is always kept).
            in_background: Start the sessions in a thread; the first call that computes waits for them.
            cache: Where the sessions are kept for other processes, on a processor; None: nowhere.
            started: The sessions, from the cache, with ``threads_for_one``; None: they are not there.

        Raises:
            ValueError: The device is not there.
            MisfitError: The tensors do not fit the graph.
            WeightsError: They hold numbers that are not finite.
            GraphError: The graph itself cannot be used; in the background it is the first call that raises it.
        """
        check_device(device)
        if started is None:
            graph.check_tensors(tensors)
        self.render_size = info.render_size
        self.takes_hints = bool(tensors[INPUT_WEIGHT][:, LIGHTNESS_CHANNELS:].any())  # else it has not learned to
        self.latent_dim = info.config.latent_dim if LATENT_WEIGHT in tensors and tensors[LATENT_WEIGHT].any() else 0
        self.runtime = f"onnxruntime {onnxruntime.__version__}, {device}, float32"
        self._fingerprint = fingerprint
        self._hue_agreement_power = np.array(info.config.hue_agreement_power, np.float32)
        threads = threads or available_cpus()
        on_processor = device == "cpu"
        self.pictures_at_once = min(pictures_at_once, threads) if on_processor else 1
        starter = _Starter(graph, tensors, PROVIDERS[device], threads_for_one(device, threads, pictures_at_once))
        self._started: Future[Sessions] = Future()
        if started is not None:
            self._started.set_result(started)
        elif in_background:
            starter.fold()  # tells at once what is wrong with the weights
            thread = ThreadPoolExecutor(1, "colorize-start")
            self._started = thread.submit(starter.start, cache)
            thread.shutdown(wait=False)
        else:
            self._started.set_result(starter.start(cache))
        self._group_size = 1 if on_processor else MAX_GROUP
        self._threads = ThreadPoolExecutor(threads if on_processor else 1, "colorize-network")
        self._of_batch, self._of_one = RunOptions(), RunOptions()
        if on_processor and not keep_memory:
            self._of_one.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._latent_length = info.config.latent_dim

    @property
    def _sessions(self) -> Sessions:
        return self._started.result()

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights file, as hex digits."""
        return self._fingerprint

    def encode(self, inputs: Floats) -> OnnxFeatures:
        """Return the feature maps of inputs; see ``Network``."""
        inputs = _padded(inputs)
        ends = range(self._group_size, len(inputs), self._group_size)
        groups = [_Group(part) for part in np.split(inputs, ends)]
        return OnnxFeatures(tuple(self._run(self._encode_group, groups)))

    def decode(self, inputs: Floats, features: OnnxFeatures, latent: Floats | None = None) -> Floats:
        """Return the ab of inputs; see ``Network``.

        Raises:
            ValueError: A latent is given to weights without one.
        """
        if latent is None:
            latent = np.zeros((len(inputs), self._latent_length), np.float32)
        elif not self._latent_length:
            raise ValueError("these weights have no latent vector; leave latent out")
        ends = features.group_ends()
        parts = zip(np.split(_padded(inputs), ends), features.groups, np.split(latent, ends), strict=True)
        ab = np.concatenate(list(self._run(self._decode_group, [_Group(*part) for part in parts])))
        return ab[:, : inputs.shape[2], : inputs.shape[3]]

    def _run(self, task: Callable[[_Group, RunOptions], Result], groups: Sequence[_Group]) -> Iterator[Result]:
        """Return what a task makes of each group; several run side by side, and what memory they took is kept."""
        if len(groups) == 1:
            return iter([task(groups[0], self._of_one)])
        return self._threads.map(lambda group: task(group, self._of_batch), groups)

    def _encode_group(self, group: _Group, options: RunOptions) -> tuple[OrtValue, ...]:
        values = {"inputs": _ort_value(group.inputs)}
        return tuple(self._sessions.encoder.run_with_ort_values(FEATURES, values, options))

    def _decode_group(self, group: _Group, options: RunOptions) -> Floats:
        values = {**dict(zip(FEATURES, group.maps, strict=True)), "inputs": _ort_value(group.inputs)}
        decoder = self._sessions.decoder
        inputs = {each.name for each in decoder.get_inputs()}
        if "latent" in inputs and group.latent is not None:
            values["latent"] = _ort_value(group.latent)
        if "hue_agreement_power" in inputs:
            values["hue_agreement_power"] = _ort_value(self._hue_agreement_power)
        return decoder.run_with_ort_values(["ab"], values, options)[0].numpy()


def check_device(name: str) -> None:
    """Check that ONNX Runtime, as it is installed, has a device.

    Raises:
        ValueError: It has not; the message says which devices there are.
    """
    there = [device for device, provider in PROVIDERS.items() if provider in onnxruntime.get_available_providers()]
    if name not in there:
        raise ValueError(f"device {name!r} cannot be used here: the installed ONNX Runtime has {', '.join(there)}")


def threads_for_one(device: str = "cpu", threads: int | None = None, pictures_at_once: int = 1) -> int:
    """Return how many threads compute a picture; see ``OnnxNetwork``."""
    threads = threads or available_cpus()
    return max(1, threads // pictures_at_once) if device == "cpu" else threads


def optimizer() -> str:
    """Return what optimises a graph for a processor: ONNX Runtime, with its version and what is known of its build."""
    return f"onnxruntime {onnxruntime.__version__}, {onnxruntime.get_build_info()}"


def open_cached(cache: CacheEntry, threads: int) -> Sessions | None:
    """Return the sessions that a cache keeps; None: it keeps none, or they are damaged.

    Args:
        cache: Of this generator, this machine and ``optimizer``.
        threads: That compute a picture together.
    """
    if not cache.is_whole():
        return None
    options = _options(threads)
    options.graph_optimization_level = GraphOptimizationLevel.ORT_DISABLE_ALL  # it was done
    try:
        models = [str(cache.model(half)) for half in HALVES]
        return Sessions(*(InferenceSession(model, options, providers=[PROVIDERS["cpu"]]) for model in models))
    except Exception:  # its errors have no class in common; whatever it is, all can be had from the weights file
        cache.remove()
        return None


class _Starter:
    """Starts the sessions of a generator from its weights."""

    def __init__(self, graph: Graph, tensors: Mapping[str, npt.NDArray], provider: str, threads: int) -> None:
        self._graph = graph
        self._tensors = tensors
        self._provider = provider
        self._threads = threads
        self._folded: dict[str, dict[str, Floats]] = {}

    def fold(self) -> None:
        """Make the numbers of both halves at once, which takes more memory than one by one.

        Raises:
            WeightsError: The tensors hold numbers that are not finite.
        """
        self._folded = {half: self._graph.initializers(half, self._tensors) for half in HALVES}

    def start(self, cache: CacheEntry | None) -> Sessions:
        """Return the sessions.

        Args:
            cache: Where they are kept for other processes, where that is possible; None: nowhere.

        Raises:
            GraphError: The graph cannot be used.
            WeightsError: The tensors hold numbers that are not finite.
        """
        sessions = None
        if cache is not None:
            with suppress(GraphError), cache.saving() as entry:  # the error may be the disk's
                sessions = self._start(entry)
        sessions = sessions or self._start(None)
        give_back_freed_memory()  # as much as a session's start took besides
        return sessions

    def _start(self, entry: CacheEntry | None) -> Sessions:
        return Sessions(*(self._start_half(half, entry) for half in HALVES))

    def _start_half(self, half: str, entry: CacheEntry | None) -> InferenceSession:
        values = self._folded.pop(half, None) or self._graph.initializers(half, self._tensors)
        options = _options(self._threads)
        numbers = [OrtValue.ortvalue_from_numpy(value) for value in values.values()]
        options.add_external_initializers(list(values), numbers)
        if entry is not None:
            options.optimized_model_filepath = str(entry.model(half))
            name = "session.optimized_model_external_initializers_file_name"
            options.add_session_config_entry(name, entry.numbers(half).name)
        providers = list(dict.fromkeys([self._provider, PROVIDERS["cpu"]]))
        try:
            return InferenceSession(self._graph.models[half], options, providers=providers)
        except Exception as error:  # its errors have no class in common
            reason = str(error).strip().splitlines()[0][:120]
            raise GraphError(self._graph.path, f"its {half} cannot be used: {reason}") from error


def _options(threads: int) -> SessionOptions:
    """Return what all sessions have in common."""
    options = SessionOptions()
    options.log_severity_level = 3  # errors; it is not the user's business how a graph is simplified
    options.intra_op_num_threads = threads
    # Threads that wait by spinning starve decoding, optical flow and x264 beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Small parts of the work that is left, not equal ones of all: no thread waits for one that the system has paused.
    options.add_session_config_entry("session.dynamic_block_base", "4")
    return options


def _ort_value(array: Floats) -> OrtValue:
    return OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))


def _padded(inputs: Floats) -> Floats:
    """Return inputs as the graph wants them: with all hint channels, and sides that are multiples of the stride."""
    count, channels, height, width = inputs.shape
    bottom, right = -height % STRIDE, -width % STRIDE
    result = np.zeros((count, LIGHTNESS_CHANNELS + HINT_CHANNELS, height + bottom, width + right), np.float32)
    result[:, :channels] = np.pad(inputs, ((0, 0), (0, 0), (0, bottom), (0, right)), "edge")
    return result
