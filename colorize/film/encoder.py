"""The encoder of a film's segments: each into a file of its own, all with the same parameters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags as CodecFlags
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from colorize.base import CODECS, VideoError, reason, scheduling_kept, vector_instructions
from colorize.color import EIGHT_BITS, DeepPlane, PlaneFormat
from colorize.film.captions import blank_with_captions
from colorize.film.fields import FieldOrderLabeler, state_progressive
from colorize.film.hdr import Hdr
from colorize.film.names import file_address

BT709 = 1  # of matrix, primaries and transfer alike (H.273)
LIMITED, FULL = 1, 2  # AVColorRange: MPEG, JPEG
NUT = "nut"
MATROSKA = "matroska"
"""Holds the alpha beside pictures, as NUT does not, but counts milliseconds: there a frame's stamp is its number."""
MILLISECOND = Fraction(1, 1000)
PTS_OFFSET_FRAMES = 64
"""Frames by which time stamps are moved: decoding times lie before them, and a NUT file holds no negative ones."""


@dataclass(frozen=True)
class EncoderSettings:
    """How frames are encoded.

    Attributes:
        codec: A name of ``CODECS``.
        crf: Quality (constant rate factor), lower is better; None: the codec's default.
        preset: Speed against file size, in the encoder's own words; None: the codec's default.
        threads: Threads of the encoder; None: those of ``CODECS``, or as many as it chooses.
    """

    codec: str
    crf: float | None = None
    preset: str | None = None
    threads: int | None = None

    def check(self) -> None:
        """Check that PyAV has the encoder, and that the encoder takes the settings.

        Raises:
            VideoError: It has not, or does not.
        """
        codec = CODECS[self.codec]
        try:
            av.Codec(codec.encoder, "w")
        except ValueError as error:  # av.codec.codec.UnknownCodecError
            others = ", ".join(name for name in CODECS if name != self.codec)
            raise VideoError(f"this PyAV has no encoder {codec.encoder}; choose another --codec: {others}") from error
        if self.crf is not None and codec.crf is None:
            why = "is lossless and" if codec.is_lossless else "has one quality and"
            raise VideoError(f"--crf {self.crf:g}: {self.codec} {why} takes none")
        if self.crf is not None and not 0 <= self.crf <= codec.max_crf:
            raise VideoError(f"--crf {self.crf:g} is not within 0..{codec.max_crf:g}, which {self.codec} takes")
        if self.preset is not None and self.preset not in codec.presets:
            known = ", ".join(codec.presets) or "none"
            raise VideoError(f"--preset {self.preset}: {self.codec} does not know it; it knows {known}")

    def options(self, format: PictureFormat) -> dict[str, str]:
        """Return the options by FFmpeg's names, with which all processors and numbers of cores give the same bytes."""
        codec = CODECS[self.codec]
        options = dict(codec.options)
        if format.planes.chroma in codec.profiles:
            options["profile"] = codec.profiles[format.planes.chroma].name
        crf, preset = (codec.crf if self.crf is None else self.crf), self.preset or codec.preset
        if crf is not None:
            options["crf"] = f"{crf:g}"
        if preset is not None:
            options[codec.preset_option] = preset
        if self.threads is not None:
            options["threads"] = str(self.threads)
        if self.codec == "h264":
            options["x264-params"] = _x264_parameters(format)
        for name, parameters in format.hdr.parameters(self.codec).items() if format.hdr else ():
            options[name] = ":".join(filter(None, (options.get(name), *parameters)))
        return options


@dataclass(frozen=True)
class PictureFormat:
    """The format that the frames of all segments share.

    Attributes:
        size: (height, width) in pixels.
        time_base: Seconds of one unit of the time stamps.
        rate: Frames per second, the mean where the rate varies.
        aspect: Width of a pixel over its height; None: not stated.
        field_order: ``tff`` or ``bff`` (top or bottom field first) where frames may be interlaced; None: none is.
        is_cfr: Whether the frame rate is constant.
        planes: The format of the planes Y, Cb and Cr.
        alpha: Whether there is a plane of alpha too.
        hdr: What a film of high dynamic range says of itself; None: the film is none.
    """

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    aspect: Fraction | None = None
    field_order: str | None = None
    is_cfr: bool = True
    planes: PlaneFormat = EIGHT_BITS
    alpha: bool = False
    hdr: Hdr | None = None

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the format of the pixels."""
        depth = "" if self.planes.bits == 8 else f"{self.planes.bits}le"
        return f"yuv{'a' if self.alpha else ''}{self.planes.chroma}p{depth}"

    @property
    def color_range(self) -> int:
        """AVColorRange of the levels."""
        return FULL if self.planes.full_range else LIMITED

    def state_colors(self, target: Any) -> None:
        """Make a frame or codec context state the range, matrix, primaries and transfer of the levels."""
        target.color_range = self.color_range
        system = self.planes.hdr
        target.colorspace, target.color_primaries, target.color_trc = (
            (system.matrix, system.primaries, system.transfer) if system else (BT709, BT709, BT709)
        )

    def black(self) -> tuple[DeepPlane, ...]:
        """Return the planes of a black frame, as ``SegmentEncoder.write`` takes them."""
        planes = self.planes.black(self.size)
        return (*planes, np.full_like(planes[0], (1 << self.planes.bits) - 1)) if self.alpha else planes

    def segments_muxer(self, codec: str) -> str:
        """Return FFmpeg's name of the muxer for segments of frames of this format, in a codec."""
        return MATROSKA if self.alpha and MATROSKA in CODECS[codec].alpha_in else CODECS[codec].segments

    def pts_offset(self, codec: str) -> int:
        """Return the time stamp of a segment's first frame in its file, late enough for decoding times before it."""
        if self.segments_muxer(codec) != NUT:
            return 0  # a later beginning would be rounded, and no frame is decoded before it is shown
        return PTS_OFFSET_FRAMES * max(1, round(1 / (self.rate * self.time_base)))


def frame_of_planes(
    planes: Sequence[DeepPlane], format: PictureFormat, captions: av.VideoFrame | None = None
) -> av.VideoFrame:
    """Return a frame to be encoded; the arguments are those of ``SegmentEncoder.write``."""
    height, width = format.size
    if captions is None:
        frame = av.VideoFrame(width, height, format.pixel_format)
    else:
        frame = blank_with_captions(captions, width, height, format.pixel_format)
    dtype = format.planes.dtype.newbyteorder("<")
    for target, plane in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(target, dtype)  # type: ignore[call-overload]
        rows = rows.reshape(-1, target.line_size // dtype.itemsize)
        rows[: target.height, : target.width] = plane[: target.height, : target.width]
    format.state_colors(frame)
    return frame


class SegmentEncoder:
    """Encodes the frames of one segment into a file of its own."""

    def __init__(self, path: Path, format: PictureFormat, settings: EncoderSettings) -> None:
        """Open the file and the encoder.

        Raises:
            OSError: The file cannot be written.
            VideoError: The encoder does not take frames of this format.
        """
        self._format = format
        self._codec = settings.codec
        self._labeler = FieldOrderLabeler()
        self._progressive_pts: set[int] = set()  # of frames that the encoder holds, in an interlaced stream
        self._coded_pts: list[int] = []
        self._begin: int | None = None
        self._muxer = format.segments_muxer(settings.codec)
        self._container = av.open(file_address(path), "w", format=self._muxer)
        try:
            self._stream = self._add_stream(settings)
            with scheduling_kept():
                self._container.start_encoding()
        except (FFmpegError, ValueError) as error:
            self.abandon()
            if isinstance(error, OSError):
                raise
            height, width = format.size
            raise VideoError(f"{settings.codec} does not take {width} x {height} pictures ({reason(error)})") from error

    def write(
        self,
        planes: Sequence[DeepPlane],
        pts: int,
        duration: int,
        field_order: str | None = None,
        captions: av.VideoFrame | None = None,
    ) -> None:
        """Encode a frame.

        Args:
            planes: Y, Cb, Cr and perhaps alpha, as the format says; a row or column beyond its size is cut off.
            pts: Time stamp in the format's time base; the segment's first one becomes
                ``PictureFormat.pts_offset``.
            duration: Duration in the same units.
            field_order: ``tff`` or ``bff`` of an interlaced frame, None of a progressive one. H.264 states only that
                of its segment's format.
            captions: A decoded frame whose closed captions the encoded one gets; None: it gets none.

        Raises:
            OSError: The file cannot be written.
        """
        frame = frame_of_planes(planes, self._format, captions)
        if self._begin is None:
            self._begin = pts - self._format.pts_offset(self._codec)
        frame.pts, frame.time_base, frame.duration = pts - self._begin, self._format.time_base, duration
        if self._format.field_order is None:
            field_order = None
        elif self._codec in ("h264", "prores"):
            if field_order is None and self._codec == "h264":
                self._progressive_pts.add(frame.pts)
            field_order = self._format.field_order  # of all frames: x264 would change its own at any frame later,
            # and ProRes states one of every frame
        self._mux(self._stream.encode(self._labeler.label(frame, field_order) if field_order else frame))

    def close(self) -> int:
        """Write the frames that the encoder still holds, and close the file.

        Returns:
            The reorder delay: how many places later in coded order than in display order a frame stands, at most.
        """
        self._mux(self._stream.encode(None))
        self._container.close()
        display_order = {pts: place for place, pts in enumerate(sorted(self._coded_pts))}
        return max((place - display_order[pts] for place, pts in enumerate(self._coded_pts)), default=0)

    def abandon(self) -> None:
        """Close the file unfinished."""
        with suppress(FFmpegError, OSError):  # the first error was reported; the file is thrown away
            self._container.close()

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None
            place = len(self._coded_pts)
            self._coded_pts.append(packet.pts)
            if packet.pts in self._progressive_pts:
                self._progressive_pts.remove(packet.pts)
                state_progressive(packet)
            # x265 (4.2) gives out chance numbers where a segment has few frames
            packet.dts = place if self._muxer == NUT else packet.pts
            if self._muxer == MATROSKA:
                packet.pts = packet.dts = place
                packet.time_base, packet.duration = MILLISECOND, 1
            self._container.mux(packet)

    def _add_stream(self, settings: EncoderSettings) -> VideoStream:
        format = self._format
        options = settings.options(format)
        if settings.codec == "av1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; else it prints a page for each segment
        codec = CODECS[settings.codec]
        stream = self._container.add_stream(codec.encoder, format.rate, options=options)
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.height, context.width = format.size
        context.pix_fmt = format.pixel_format
        context.time_base = format.time_base
        stream.time_base = format.time_base
        format.state_colors(context)
        if format.aspect:
            context.sample_aspect_ratio = format.aspect
        if profile := codec.profiles.get(format.planes.chroma):
            context.codec_tag = profile.tag or context.codec_tag
        context.flags |= CodecFlags.global_header | CodecFlags.closed_gop
        if settings.codec == "h264":
            # PyAV's slices are larger, and of interlaced frames x264 makes others each time.
            context.thread_type = "FRAME"
        if format.field_order and codec.interlaced:
            context.flags |= CodecFlags.interlaced_dct | CodecFlags.interlaced_me
        return stream


def _x264_parameters(format: PictureFormat) -> str:
    parameters = ["cpu-independent=1"]  # else SSE2, AVX2 and AVX-512 give other pictures
    if format.field_order:
        parameters.append(f"{format.field_order}=1")  # its first frames would state the top field first in any case
    if format.is_cfr:
        parameters.append("force-cfr=1")  # else the stream states the time base as its rate
    if vector_instructions() == "AVX-512":
        # Its AVX-512 code for macroblock trees (build 165) reads memory that nothing was written to: the same pictures
        # give another film each time, mostly small ones, and a resumed run would not equal an uninterrupted one. With
        # cpu-independent fifteen settings, ten times each, gave the same film; that proves nothing of others.
        parameters.append("asm=AVX2")
    return ":".join(parameters)
