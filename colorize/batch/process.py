"""Settings of the whole process: threads, the largest photo, and decoders that keep quiet."""

from __future__ import annotations

import logging
import warnings

import cv2
import torch
from PIL import Image


def configure_process(threads: int | None, max_megapixels: float) -> None:
    """Set the threads and the largest photo of this process, and silence decoders; called before anything is coloured.

    Args:
        threads: Threads of the network; None: one per core.
        max_megapixels: Millions of pixels of a photo; a larger one is refused when it is opened.
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
