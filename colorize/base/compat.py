"""Where we change other libraries, or reach into their private parts: what, why, and from which version it can go.

Each function names the library, and imports it only when it is called. ``tests/base/test_compat.py`` tells of each
whether the installed version still needs it.

Five changes stand elsewhere, because they are part of a class of ours:

* ``web.page.Page`` overrides Gradio's ``Blocks.preprocess_data``, and ``training.callbacks.History`` fastai's
  ``CSVLogger._write_line``.
* ``web.multipart`` gives Starlette's ``MultiPartParser`` files that can be moved.
* ``network.resnet.guard_narrow_maps`` and ``training.classifiers`` give convolutions of torch another class, round a
  fault and a slowness of oneDNN in bfloat16.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

SWSCALE_BT2020 = 9
"""PyAV: swscale's number of the BT.2020 matrix, ``Colorspace.BT2020`` since 18.0. Goes with PyAV 17."""
SWSCALE_EXACT = 0x4 | 0x40000 | 0x2000  # SWS_BICUBIC, SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT
"""PyAV: swscale's flags for exact rounding and chroma for every pixel, for its fast paths are off by up to two levels.

PyAV names them since 18.0. Goes with PyAV 17."""
UNKNOWN_SIDE_DATA = 16
"""Kinds of side data that FFmpeg may have beyond those that PyAV knows, at most."""


def cpu_has_bfloat16() -> bool:
    """Tell whether the processor computes bfloat16 by itself.

    torch: ``torch.cpu._is_avx512_bf16_supported`` is private, and there is no public function for it. Where it is
    missing, the answer is no, which is right everywhere, and slower. Goes when torch has a public one; 2.14 has none.
    """
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


@contextmanager
def random_init_skipped() -> Iterator[None]:
    """Leave out, in the block, the random numbers that modules begin with, for a weights file replaces every one.

    torch: its functions are intercepted, which is half of the time that loading takes. ``torch.nn.utils.skip_init``
    does it for one module of torch's own only. Goes when that takes a whole network; 2.14 does not.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class SkipRandomInit(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in (torch.Tensor.normal_, torch.nn.init.kaiming_uniform_):  # our modules' begin, and torch's
                return args[0] if args else kwargs["tensor"]
            return func(*args, **(kwargs or {}))

    with SkipRandomInit():
        yield


@contextmanager
def scheduling_kept() -> Iterator[None]:
    """Give the threads of this process their ordinary scheduling back after the block, in which an encoder is opened.

    SVT-AV1: where it may (as root on Linux, so in most containers), it makes the thread that opens an encoder, and its
    own, real-time threads of the highest priority, beside which nothing else on the machine gets the processor.
    Goes when SVT-AV1 leaves the callers' threads alone; 4.1 does not.
    """
    threads = Path("/proc/self/task")
    if not (threads.is_dir() and hasattr(os, "sched_setscheduler")):  # not Linux
        yield
        return
    if os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):
        yield
        return
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in threads.iterdir():
            with suppress(OSError):  # it has ended
                if os.sched_getscheduler(int(thread.name)) == os.SCHED_FIFO:
                    os.sched_setscheduler(int(thread.name), policy, param)


def decode_avif_in_one_thread() -> None:
    """Let each AVIF be decoded in one thread, in a process that decodes many side by side.

    Pillow: ``AvifImagePlugin.DEFAULT_MAX_THREADS`` is set, for ``Image.open`` takes no number of threads; Pillow would
    start as many as there are cores for each picture. Goes when ``Image.open`` takes it; 12.3 does not.
    """
    from PIL import AvifImagePlugin

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def read_codec_field_order(context: Any) -> int:
    """Return the AVFieldOrder of a video codec context, 0 (unknown) where PyAV cannot tell.

    PyAV: ``VideoCodecContext.field_order`` is there since 18.1. Goes with PyAV 17 and 18.0.
    """
    return getattr(context, "field_order", 0)


def write_codec_field_order(context: Any, order: int) -> None:
    """Set the AVFieldOrder of a video codec context, where PyAV can; the frames state it too.

    PyAV: ``VideoCodecContext.field_order`` is there since 18.1. Goes with PyAV 17 and 18.0.
    """
    if hasattr(context, "field_order"):
        context.field_order = order


def states_rate_of_copies() -> bool:
    """Tell whether streams that are added from a template state their frame rate, without which MOV has no timecode.

    PyAV: it is taken from the codec context since 18.1, and cannot be set before. Goes with PyAV 17 and 18.0.
    """
    import av

    return tuple(int(part) for part in av.__version__.split(".")[:2]) >= (18, 1)


def read_side_data(frame: Any, kind: str) -> bytes | None:
    """Return the side data of a kind, by PyAV's name, that FFmpeg gives a decoded frame; None: it has none.

    PyAV: any question about a frame's side data fails if one kind is not among ``av.sidedata.sidedata.Type``, such as
    EXIF, which camera JPEGs carry: 18.1 knows 28 kinds, FFmpeg 8.1 has more. Filters remove those. Goes when PyAV
    passes over kinds that it does not know.
    """
    from av.filter import Graph
    from av.sidedata.sidedata import Type

    try:
        data = frame.side_data.get(kind)
    except ValueError:
        graph = Graph()
        last = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 25)
        )
        known = max(each.value for each in Type)
        for unknown in range(known + 1, known + UNKNOWN_SIDE_DATA):
            remove = graph.add("sidedata", f"mode=delete:type={unknown}")
            last.link_to(remove)
            last = remove
        sink = graph.add("buffersink")
        last.link_to(sink)
        graph.configure()
        graph.push(frame)
        data = graph.pull().side_data.get(kind)
    return None if data is None else bytes(data)


def check_paths_of_mounted_page(blocks: Any) -> None:
    """Make a mounted page check the paths that clients name.

    Gradio: only Blocks whose ``has_launched`` is set check any path, and ``mount_gradio_app`` does not set it, so that
    any file of the machine would be opened. Goes when mounting sets it; 6.31 does not.
    """
    blocks.has_launched = True


def let_page_rest(blocks: Any, seconds: float) -> None:
    """Let a page's queue look for what is new every so many seconds at most.

    Gradio: but on Windows it looks a thousand times a second whether there is an event and a hundred times whether one
    has progress, for which a server that does nothing takes a twentieth of a processor, beside what it holds up.
    ``Blocks._queue`` is private, and there is no setting for it. Goes when Gradio waits for events; 6.31 does not.

    Args:
        blocks: The page, mounted: before that it is given another queue.
        seconds: An event is begun so much later at most.
    """
    queue = blocks._queue
    queue.sleep_when_free = max(queue.sleep_when_free, seconds)
    queue.progress_update_sleep_when_free = max(queue.progress_update_sleep_when_free, seconds)


def wrap_lifespan(app: Any, wrap: Callable[[Any], Any]) -> None:
    """Replace what a FastAPI application does from its start to its end.

    Starlette: ``router.lifespan_context`` is not documented, but after an application is made nothing else changes its
    lifespan; Gradio's mounting does the same. Goes when Starlette documents a way; 1.10 does not.

    Args:
        app: The application.
        wrap: Called with its lifespan, a function from the application to an asynchronous context manager; returns
            the new one.
    """
    app.router.lifespan_context = wrap(app.router.lifespan_context)
