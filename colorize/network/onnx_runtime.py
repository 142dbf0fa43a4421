"""The ONNX runtime: our generators behind the network contract, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime import InferenceSession, OrtValue, SessionOptions  # type: ignore[attr-defined]

from colorize.base import TORCH_REMEDY, WeightsError, available_cpus
from colorize.color import Floats
from colorize.network.config import HINT_CHANNELS, LIGHTNESS_CHANNELS, STRIDE
from colorize.network.graphs import FEATURES, Graph
from colorize.network.weights_file import WeightsInfo

INPUT_WEIGHT = "encoder.conv1.weight"  # (C, 4, 7, 7)
LATENT_WEIGHT = "latent.weight"  # (C, latent_dim)
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""Device -> what computes there; all but the first need another build of ONNX Runtime."""


@dataclass(frozen=True, eq=False)
class OnnxFeatures:
    """Feature maps of pictures, from fine to coarse."""

    maps: tuple[OrtValue, ...]

    @property
    def bottleneck(self) -> Floats:
        """The last map, (n, C, h', w') float32."""
        return self.maps[-1].numpy()

    def with_bottleneck(self, bottleneck: Floats) -> OnnxFeatures:
        """Return the same maps, but another last one."""
        return OnnxFeatures((*self.maps[:-1], OrtValue.ortvalue_from_numpy(np.ascontiguousarray(bottleneck))))


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
    ) -> None:
        """Start the sessions.

        Args:
            graph: Of the weights' architecture.
            tensors: Of the weights file, by name.
            info: What the weights file says about itself.
            fingerprint: SHA-256 of the weights file, as hex digits.
            device: One of ``PROVIDERS``.
            threads: That compute one answer together; None: one for each core.

        Raises:
            ValueError: The device is not there.
            WeightsError: The tensors do not fit the graph, or hold numbers that are not finite.
        """
        check_device(device)
        graph.check_names(tensors)
        self.render_size = info.render_size
        self.takes_hints = bool(tensors[INPUT_WEIGHT][:, LIGHTNESS_CHANNELS:].any())  # else it has not learned to
        self.latent_dim = info.config.latent_dim if LATENT_WEIGHT in tensors and tensors[LATENT_WEIGHT].any() else 0
        self.runtime = f"onnxruntime {onnxruntime.__version__}, {device}, float32"
        self._fingerprint = fingerprint
        self._hue_agreement_power = np.array(info.config.hue_agreement_power, np.float32)
        self._encoder = _session(graph, "encoder", tensors, PROVIDERS[device], threads)
        self._decoder = _session(graph, "decoder", tensors, PROVIDERS[device], threads)
        self._decoder_inputs = {each.name for each in self._decoder.get_inputs()}
        self._latent_inputs = info.config.latent_dim

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights file, as hex digits."""
        return self._fingerprint

    def encode(self, inputs: Floats) -> OnnxFeatures:
        """Return the feature maps of inputs; see ``Network``."""
        values = {"inputs": OrtValue.ortvalue_from_numpy(_padded(inputs))}
        return OnnxFeatures(tuple(self._encoder.run_with_ort_values(FEATURES, values)))

    def decode(self, inputs: Floats, features: OnnxFeatures, latent: Floats | None = None) -> Floats:
        """Return the ab of inputs; see ``Network``.

        Raises:
            ValueError: A latent is given to weights without one.
        """
        values: dict[str, OrtValue] = dict(zip(FEATURES, features.maps, strict=True))
        values["inputs"] = OrtValue.ortvalue_from_numpy(_padded(inputs))
        if "latent" in self._decoder_inputs:
            zero = np.zeros((len(inputs), self._latent_inputs), np.float32)
            values["latent"] = OrtValue.ortvalue_from_numpy(zero if latent is None else latent)
        elif latent is not None:
            raise ValueError("these weights have no latent vector; leave latent out")
        if "hue_agreement_power" in self._decoder_inputs:
            values["hue_agreement_power"] = OrtValue.ortvalue_from_numpy(self._hue_agreement_power)
        ab = self._decoder.run_with_ort_values(["ab"], values)[0].numpy()
        return ab[:, : inputs.shape[2], : inputs.shape[3]]


def check_device(name: str) -> None:
    """Check that ONNX Runtime, as it is installed, has a device.

    Raises:
        ValueError: It has not; the message says which devices there are.
    """
    there = [device for device, provider in PROVIDERS.items() if provider in onnxruntime.get_available_providers()]
    if name not in there:
        torch = f"; for cuda and mps take PyTorch: {TORCH_REMEDY}" if name in ("cuda", "mps") else ""
        raise ValueError(
            f"device {name!r} cannot be used here: the installed ONNX Runtime has {', '.join(there)}{torch}"
        )


def _session(
    graph: Graph, half: str, tensors: Mapping[str, npt.NDArray], provider: str, threads: int | None
) -> InferenceSession:
    options = SessionOptions()
    options.enable_cpu_mem_arena = False  # it keeps what the largest picture took
    options.log_severity_level = 3  # errors; it is not the user's business how a graph is simplified
    options.intra_op_num_threads = threads or available_cpus()
    # Threads that wait by spinning starve decoding, optical flow and x264 beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    values = graph.initializers(half, tensors)
    options.add_external_initializers(list(values), [OrtValue.ortvalue_from_numpy(value) for value in values.values()])
    providers = list(dict.fromkeys([provider, PROVIDERS["cpu"]]))
    try:
        return InferenceSession(graph.models[half], options, providers=providers)
    except Exception as error:  # its errors have no class in common
        reason = str(error).strip().splitlines()[0][:120]
        raise WeightsError(f"the {half} in the graph file cannot be used: {reason}") from error


def _padded(inputs: Floats) -> Floats:
    """Return inputs as the graph wants them: with all hint channels, and sides that are multiples of the stride."""
    count, channels, height, width = inputs.shape
    bottom, right = -height % STRIDE, -width % STRIDE
    result = np.zeros((count, LIGHTNESS_CHANNELS + HINT_CHANNELS, height + bottom, width + right), np.float32)
    result[:, :channels] = np.pad(inputs, ((0, 0), (0, 0), (0, bottom), (0, right)), "edge")
    return result
