"""Settings of the whole process: threads, the largest photo, and decoders that keep quiet."""

from __future__ import annotations

import logging
import warnings

import cv2
from PIL import Image

from colorize.engine import RuntimeSettings


def configure_process(settings: RuntimeSettings) -> None:
    """Set the threads and the largest photo of this process, and silence decoders; call it before anything else."""
    cv2.setNumThreads(1)  # strips run in our own threads
    # Pillow warns above this number and refuses above twice as many.
    Image.MAX_IMAGE_PIXELS = max(1, int(settings.max_megapixels * 1e6 / 2))
    # A damaged file gives one line, ours; what the decoders tell each other about it stays quiet.
    warnings.filterwarnings("ignore", module="PIL")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    # OpenCV 4.8 has no utils.logging, and OpenCV 5 nothing else.
    set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    set_log_level(0)  # silent
