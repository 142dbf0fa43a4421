"""Defaults and bounds of settings that several wings share."""

from __future__ import annotations

DEFAULT_WEIGHTS = "stable"
"""Name of the weights, as in the manifest."""
DEFAULT_RENDER_SIZE = 256
"""Short side in pixels of what the network sees, for weights that state none."""
MAX_RENDER_SIZE = 2048
"""Largest short side in pixels of what the network sees."""
RUNTIMES = ("auto", "onnx", "torch")
"""What may compute a network."""
PRECISIONS = ("float32", "bfloat16")
"""Number formats of a network; ONNX Runtime computes in the first."""
TORCH_REMEDY = "install it with: pip install 'colorize-photos[torch]'"
"""The remedy where PyTorch is missing."""
DEFAULT_QUALITY = 95
"""Quality of lossy photo formats, 1..100."""
