"""Limits of the process, and silence: what a program sets before it colours anything."""

from __future__ import annotations

import logging
import warnings

import cv2
import torch
from PIL import Image


def set_limits(threads: int | None, max_megapixels: float) -> None:
    """Set threads and the largest photo of this process, and keep decoders from talking to its user.

    Args:
        threads: Of the processor; None: one per core.
        max_megapixels: Larger photos are refused when they are opened.
    """
    if threads:
        torch.set_num_threads(threads)
    cv2.setNumThreads(1)  # strips run in our own threads
    # Pillow warns above this number and refuses above twice as many.
    Image.MAX_IMAGE_PIXELS = max(1, int(max_megapixels * 1e6 / 2))
    # A damaged file gives one line, ours; what the decoders tell each other about it stays quiet.
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
