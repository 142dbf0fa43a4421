"""Encoders: pictures of one part to a file of their own, all parts with the same parameters."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from av.codec.context import Flags as CodecFlags
from av.error import FFmpegError
from av.filter import Graph
from av.packet import Packet
from av.video.stream import VideoStream

from colorize.base import CODECS, VideoError, reason
from colorize.color import Plane

BT709 = 1  # of matrix, primaries and transfer alike (H.273)
LIMITED = 1  # AVColorRange: MPEG
LEAD = 64  # frames; a file of parts holds no negative times
X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"),
)
PRESETS: dict[str, tuple[str, ...]] = {
    "h264": X264_PRESETS,
    "hevc": X264_PRESETS,
    "av1": tuple(str(number) for number in range(14)),
    "vp9": tuple(str(number) for number in range(9)),
    "ffv1": (),
}


@dataclass(frozen=True)
class EncoderSettings:
    """How pictures are encoded.

    Attributes:
        codec: A name of ``CODECS``.
        crf: Quality, lower is better; None: the codec's usual one.
        preset: Speed against size, in the encoder's own words; None: the usual one.
        threads: Of the encoder; None: as it likes.
    """

    codec: str
    crf: float | None = None
    preset: str | None = None
    threads: int | None = None

    def check(self) -> None:
        """Check that the encoder is there and takes the settings.

        Raises:
            VideoError: It does not.
        """
        codec = CODECS[self.codec]
        try:
            av.Codec(codec.encoder, "w")
        except ValueError as error:  # av.codec.codec.UnknownCodecError
            others = ", ".join(name for name in CODECS if name != self.codec)
            raise VideoError(f"this PyAV has no encoder {codec.encoder}; choose another --codec: {others}") from error
        if self.crf is not None and codec.crf is None:
            raise VideoError(f"--crf {self.crf:g}: {self.codec} is lossless and takes none")
        if self.crf is not None and not 0 <= self.crf <= codec.max_crf:
            raise VideoError(f"--crf {self.crf:g} is not within 0..{codec.max_crf:g}, which {self.codec} takes")
        if self.preset is not None and self.preset not in PRESETS[self.codec]:
            known = ", ".join(PRESETS[self.codec]) or "none"
            raise VideoError(f"--preset {self.preset}: {self.codec} does not know it; it knows {known}")

    def options(self) -> dict[str, str]:
        """Return the encoder's options."""
        codec = CODECS[self.codec]
        options = dict(codec.options)
        crf, preset = (codec.crf if self.crf is None else self.crf), self.preset or codec.preset
        if crf is not None:
            options["crf"] = f"{crf:g}"
        if preset is not None:
            options[codec.preset_option] = preset
        if self.threads is not None:
            options["threads"] = str(self.threads)
        return options


@dataclass(frozen=True)
class PictureFormat:
    """What the pictures of all parts have in common.

    Attributes:
        size: (height, width).
        time_base: Of their time stamps.
        rate: Frames per second, the mean where it varies.
        aspect: Width of a pixel over its height; None: not stated.
        field_order: ``tff`` or ``bff`` of interlaced pictures.
        is_cfr: Whether all frames last equally long.
    """

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    aspect: Fraction | None = None
    field_order: str | None = None
    is_cfr: bool = True

    @property
    def pts_offset(self) -> int:
        """Time stamp of a part's first frame inside the part's file: late enough for decoding times before it."""
        return LEAD * max(1, round(1 / (self.rate * self.time_base)))


class SegmentEncoder:
    """Writes the pictures of one part."""

    def __init__(self, path: Path, format: PictureFormat, settings: EncoderSettings) -> None:
        """Open the file and the encoder.

        Raises:
            OSError: The file cannot be written.
            VideoError: The encoder does not take these pictures.
        """
        self._format = format
        self._field_graph: Graph | None = None
        self._stored: list[int] = []
        self._begin: int | None = None
        self._container = av.open(str(path), "w", format="nut")
        try:
            self._stream = self._add_stream(settings)
            self._container.start_encoding()
        except (FFmpegError, ValueError) as error:
            self.abandon()
            if isinstance(error, OSError):
                raise
            height, width = format.size
            raise VideoError(f"{settings.codec} does not take {width} x {height} pictures ({reason(error)})") from error

    def write(self, planes: tuple[Plane, Plane, Plane], pts: int, duration: int) -> None:
        """Encode a picture.

        Args:
            planes: Y, Cb, Cr, 4:2:0; a row or column more than the format's size is cut off.
            ticks: Time stamp.
            duration: In ticks.
        """
        height, width = self._format.size
        frame = av.VideoFrame(width, height, "yuv420p")
        for target, plane in zip(frame.planes, planes, strict=True):
            rows = np.frombuffer(target, np.uint8)  # type: ignore[call-overload]
            rows = rows.reshape(-1, target.line_size)
            rows[: target.height, : target.width] = plane[: target.height, : target.width]
        if self._begin is None:
            self._begin = pts - self._format.pts_offset
        frame.pts, frame.time_base, frame.duration = pts - self._begin, self._format.time_base, duration
        frame.color_range, frame.colorspace = LIMITED, BT709
        frame.color_primaries = frame.color_trc = BT709
        self._mux(self._stream.encode(self._with_field_order(frame)))

    def close(self) -> int:
        """Write what the encoder holds back, and close the file.

        Returns:
            How many places later than shown a frame is stored, at most.
        """
        self._mux(self._stream.encode(None))
        self._container.close()
        shown = {stamp: place for place, stamp in enumerate(sorted(self._stored))}
        return max((place - shown[stamp] for place, stamp in enumerate(self._stored)), default=0)

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None
            self._stored.append(packet.pts)
            self._container.mux(packet)

    def abandon(self) -> None:
        """Close the file as it is."""
        with suppress(FFmpegError, OSError):  # its first error was reported; the file is thrown away
            self._container.close()

    def _add_stream(self, settings: EncoderSettings) -> VideoStream:
        format = self._format
        options = settings.options()
        if settings.codec == "h264":
            options["x264-params"] = _x264_parameters(format.is_cfr)
        if settings.codec == "av1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; else it prints a page for each part
        stream = self._container.add_stream(CODECS[settings.codec].encoder, format.rate, options=options)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.height, context.width = format.size
        context.pix_fmt = "yuv420p"
        context.time_base = format.time_base
        stream.time_base = format.time_base
        context.color_range = LIMITED
        context.colorspace = context.color_primaries = context.color_trc = BT709
        if format.aspect:
            context.sample_aspect_ratio = format.aspect
        context.flags |= CodecFlags.global_header | CodecFlags.closed_gop
        if format.field_order and settings.codec == "h264":
            context.flags |= CodecFlags.interlaced_dct | CodecFlags.interlaced_me
        return stream

    def _with_field_order(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a frame that says which of its fields is shown first, where it has fields."""
        if self._format.field_order is None:
            return frame
        if self._field_graph is None:
            self._field_graph = Graph()
            source = self._field_graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=self._format.time_base
            )
            order = self._field_graph.add("setfield", self._format.field_order)
            sink = self._field_graph.add("buffersink")
            source.link_to(order)
            order.link_to(sink)
            self._field_graph.configure()
        self._field_graph.push(frame)
        labelled = self._field_graph.pull()
        assert isinstance(labelled, av.VideoFrame)
        return labelled


def _x264_parameters(is_cfr: bool) -> str:
    parameters = []
    if is_cfr:
        parameters.append("force-cfr=1")  # else the stream states the time base as its rate
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        # Its AVX-512 code for macroblock trees (build 165) reads memory that nothing was written to: the same pictures
        # give another film each time, mostly small ones, and a resumed run would not equal an uninterrupted one.
        parameters.append("asm=AVX2")
    return ":".join(parameters)
