"""A film's file: its probed properties, the opened container, and its decoded frames in decoding order."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext
from av.container import InputContainer
from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from colorize.base import VideoError, read_codec_field_order, read_side_data, reason
from colorize.film.cadence import find_rate
from colorize.film.checksums import has_failed_checksum
from colorize.film.dvd import JoinedFiles, title_parts
from colorize.film.fields import FieldOrderReader
from colorize.film.hdr import Hdr
from colorize.film.names import file_address
from colorize.film.samples import Samples, has_alpha

DEFAULT_RATE = Fraction(25)  # frames per second, of streams that state no credible rate
MAX_RATE = 1000  # frames per second: higher ones are time bases
MAX_APPROXIMATION = Fraction(2, 10_000_000)  # of a rate; Matroska's 59.94 is read as 19001/317
RATE_SAMPLES = 250  # packets whose time stamps show the rate
DEFAULT_TIME_BASE = Fraction(1, 90_000)  # seconds, of streams that state none
FIELD_ORDERS = {2: "tff", 3: "bff", 4: "tff", 5: "bff"}  # AVFieldOrder: by the field that is shown first, then stored
FIELD_CODECS = frozenset(("h264", "mpeg2video", "dvvideo", "ffv1", "prores", "vc1", "wmv3", "mpeg4", "utvideo"))
"""Decoders whose frames say themselves whether they are interlaced; of others, the container says it of all frames."""
PACKED = re.compile(rb"\x00\x00\x01\xb2DivX\d+(b|Build)\d+p")
"""User data of MPEG-4 (ISO 14496-2, 6.2.3) in which DivX and Xvid say that chunks may hold two frames."""
ALPHA_MODE = "alpha_mode"  # name of the tag of a WebM's stream that has alpha beside its pictures
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's name of a decoder -> that of another which decodes the alpha beside the pictures too."""


@dataclass(frozen=True)
class Orientation:
    """How stored frames are brought upright: transposed first, then flipped.

    Attributes:
        transpose: Swap rows and columns.
        flip_rows: Reverse the order of the rows.
        flip_columns: Reverse the order of the columns.
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Orientation:
        """Read the orientation from a frame's display matrix (ISO 14496-12, 8.2.2); without one it is upright."""
        data = read_side_data(frame, "DISPLAYMATRIX")
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(data, np.int32)[:5].tolist()
        if abs(a) >= abs(b):
            return cls(False, d < 0, a < 0)
        return cls(True, b < 0, c < 0)

    def apply(self, array: npt.NDArray) -> npt.NDArray:
        """Return an array (H, W, ...) upright."""
        if self.transpose:
            array = np.swapaxes(array, 0, 1)
        if self.flip_rows:
            array = array[::-1]
        if self.flip_columns:
            array = array[:, ::-1]
        return np.ascontiguousarray(array) if self != Orientation() else array

    def apply_to_field_order(self, order: str | None) -> str | None:
        """Return the field order of upright frames: where the rows are reversed, the first is of the other field."""
        return {"tff": "bff", "bff": "tff"}[order] if order and self.flip_rows else order


@dataclass(frozen=True)
class Video:
    """The properties of a film's file and of its video stream.

    Attributes:
        path: The file.
        stream: Index of the video stream in the file.
        size: (height, width) of a frame in pixels, as stored.
        orientation: How stored frames are brought upright.
        rate: Frames per second, the mean where the rate varies.
        is_cfr: Whether the frame rate is constant, as far as the file's beginning shows.
        time_base: Seconds of one unit of the time stamps.
        start_time: Seconds on the file's clock at which the film begins.
        duration: Seconds; counted from the packets where the file does not state it; 0: not known (a pipe).
        frames: Number of frames; an estimate where the file does not state it; 0: not known (a pipe).
        aspect: Width of a pixel over its height, as stored; None: not stated.
        field_order: ``tff`` or ``bff`` (top or bottom field first), as stored, of interlaced films, of which single
            frames may be progressive nevertheless; None of progressive ones.
        codec: FFmpeg's name of the video stream's decoder.
        has_alpha: Whether frames are stored with their transparency, be it in a stream that FFmpeg passes over.
        samples: How frames are stored.
        hdr: What a film of high dynamic range says of itself; None of other films.
        is_packed: Whether it is MPEG-4 as old DivX and Xvid stored it, "packed": a chunk may hold two frames, and then
            another none, so that the chunks' time stamps are not those of their frames.
    """

    path: Path
    stream: int
    size: tuple[int, int]
    orientation: Orientation
    rate: Fraction
    is_cfr: bool
    time_base: Fraction
    start_time: Fraction
    duration: float
    frames: int
    aspect: Fraction | None
    field_order: str | None
    codec: str
    has_alpha: bool = False
    samples: Samples = field(default_factory=Samples)
    hdr: Hdr | None = None
    is_packed: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) in pixels, as shown."""
        height, width = self.size
        return (width, height) if self.orientation.transpose else (height, width)

    @property
    def upright_aspect(self) -> Fraction | None:
        """Width of a pixel over its height, as shown."""
        return 1 / self.aspect if self.aspect and self.orientation.transpose else self.aspect

    @property
    def upright_field_order(self) -> str | None:
        """``field_order`` of the frames as shown; None also where their rows are no longer those of fields."""
        return None if self.orientation.transpose else self.orientation.apply_to_field_order(self.field_order)

    @property
    def frame_duration(self) -> int:
        """Duration of a frame in units of ``time_base``, the mean where it varies."""
        return max(1, round(1 / (self.rate * self.time_base)))


@dataclass(frozen=True)
class Span:
    """The part of a film that is coloured.

    Attributes:
        start: Seconds from the film's beginning; frames that are shown earlier are left out.
        end: Seconds from the film's beginning; frames shown then or later are left out. None: to the film's end.
    """

    start: Fraction = Fraction(0)
    end: Fraction | None = None


WHOLE_VIDEO = Span()


def open_video(path: Path) -> InputContainer:
    """Open a film's file for reading, of a DVD's ``VTS_01_1.VOB`` also those that go on with it.

    Raises:
        FileNotFoundError: There is no such file.
        PermissionError: The file may not be read.
        VideoError: It is no film, or is damaged so far that it cannot be opened.
    """
    if path.is_dir():
        raise VideoError(f"{path}: a folder, not a film")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: an empty file (0 bytes); get it anew")
    parts = title_parts(path)
    try:
        return av.open(file_address(path) if len(parts) == 1 else JoinedFiles(parts), "r", metadata_errors="replace")
    except PermissionError as error:
        raise PermissionError(f"{path}: no permission to read it") from error
    except (FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{path}: not a film that can be read, or its end is missing ({reason(error)})") from error


def find_video_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return a film's video stream: not its cover, and of several streams the one that FFmpeg deems best.

    Args:
        path: The film, for messages.
        container: The opened film.

    Raises:
        VideoError: There is no video stream, or no decoder for it.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & stream.disposition.attached_pic]
    if not streams:
        raise VideoError(f"{path}: holds no moving pictures")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    assert isinstance(stream, VideoStream)
    if stream.codec_context is None:
        raise VideoError(f"{path}: there is no decoder for its pictures here; convert it to H.264 first")
    stream.thread_type = "AUTO"  # type: ignore[assignment]
    return stream


def probe(path: Path | str) -> Video:
    """Read a film's properties; its first frame is decoded, and all packets are counted if no duration is stated.

    Where the first seconds show a constant rate, be it rounded or with pulldown, that is the film's.

    Raises:
        FileNotFoundError: There is no such file.
        PermissionError: The file may not be read.
        VideoError: It is no film, there is no decoder for it, or it has no frame.
    """
    path = Path(path)
    with open_video(path) as container:
        stream = find_video_stream(path, container)
        is_packed = _is_packed(path, stream)
        expected: list[int] = []
        first = next(decode_stream(container, stream, expected, is_packed), None)
        if first is None:
            raise VideoError(f"{path}: holds no frame that can be decoded; get it anew")
        pts = _read_pts(container, stream, expected, is_packed)
        rate, is_cfr = _find_rate(container, stream, pts)
        time_base = stream.time_base or DEFAULT_TIME_BASE
        if _is_bare(container) and first.duration > 1 and pts[:2] == [0, 1]:  # numbers of frames and no times (Dirac)
            time_base = 1 / rate
        start_time = Fraction(0)
        if container.format.flags & Flags.ts_discont.value:  # MPEG streams: their clock starts anywhere
            start_time = Fraction(container.start_time or 0, av.time_base)
            if first.pts is not None:  # it may stand before what was taken for the beginning
                start_time = min(start_time, first.pts * time_base)
        duration, frames = _stated_duration(container, stream), stream.frames
        if not duration:
            duration, frames = _count_frames(path, stream.index, rate, start_time)
        return Video(
            path=path,
            stream=stream.index,
            size=(first.height, first.width),
            orientation=Orientation.of_frame(first),
            rate=rate,
            is_cfr=is_cfr,
            time_base=time_base,
            start_time=start_time,
            duration=duration,
            frames=frames or round(duration * rate),
            aspect=stream.sample_aspect_ratio or None,
            field_order=_field_order(stream, first),
            codec=stream.codec_context.name,
            has_alpha=_has_alpha(stream, first),
            samples=Samples.of_frame(first),
            hdr=Hdr.of_frame(first),
            is_packed=is_packed,
        )


def properties_of_stream(path: Path, container: InputContainer, stream: VideoStream, first: av.VideoFrame) -> Video:
    """Return the properties of a film that comes through a pipe, of which its beginning alone is known.

    Args:
        path: Its name, for messages.
        container: The opened stream.
        stream: Its video stream.
        first: Its first frame.
    """
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    rate = next((_exact_rate(rate) for rate in stated if rate and 0 < rate <= MAX_RATE), DEFAULT_RATE)
    return Video(
        path=path,
        stream=0,
        size=(first.height, first.width),
        orientation=Orientation.of_frame(first),
        rate=rate,
        is_cfr=stream.base_rate == stream.average_rate,
        time_base=stream.time_base or DEFAULT_TIME_BASE,
        start_time=Fraction(0),
        duration=0,
        frames=0,
        aspect=stream.sample_aspect_ratio or None,
        field_order=_field_order(stream, first),
        codec=stream.codec_context.name,
        samples=Samples.of_frame(first),
        has_alpha=_has_alpha(stream, first),
        hdr=Hdr.of_frame(first),
    )


def read_packets(container: InputContainer, *streams: Stream) -> Iterator[Packet]:
    """Yield the packets of streams, as ``demux`` does, with an empty one of each at the end.

    Of an MPEG-TS in which further streams begin that were not known when it was opened, as a recording of television
    may be, PyAV (18.1) raises an ``IndexError`` after those.
    """
    with suppress(IndexError):
        yield from container.demux(*streams)


def decode_stream(
    container: InputContainer,
    stream: VideoStream,
    expected: list[int],
    is_packed: bool = False,
    damaged: set[int] | None = None,
) -> Iterator[av.VideoFrame]:
    """Yield the frames of a video stream that can be decoded, from where the container stands.

    Args:
        container: The opened film.
        stream: Its video stream.
        expected: A heap to which the time stamps of the packets are added as they are read, so that the caller sees
            which frames are missing.
        is_packed: See ``Video.is_packed``; then the frames' own time stamps are made from the chunks' order.
        damaged: A set to which the time stamps of packets are added that the decoder takes although their checksums
            fail; None: they are not checked.
    """
    if is_packed:
        yield from _decode_packed(container, stream, expected)
        return
    has_checksums = stream.codec_context.name == "ffv1"
    decoder = _decoder_of(stream)
    packets = read_packets(container, stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:  # the file ends in the middle, or the disk cannot read on
            with suppress(FFmpegError):
                yield from decoder.decode(None)
            return
        if packet.size and packet.pts is not None and not packet.is_discard:
            heapq.heappush(expected, packet.pts)
            if has_checksums and damaged is not None and has_failed_checksum(bytes(packet)):
                damaged.add(packet.pts)
        try:
            frames = decoder.decode(packet)
        except FFmpegError:
            continue  # the time stamp that is missing shows in ``expected``
        yield from frames


def _decode_packed(container: InputContainer, stream: VideoStream, expected: list[int]) -> Iterator[av.VideoFrame]:
    """Yield the frames of ``decode_stream`` where a chunk may hold two frames, and another none.

    A frame is shown at the decoding time of the chunk with which the decoder gives it out, for that is the order in
    which films of this kind are stored; the last ones, which no chunk gives out, follow at the usual distance.
    """
    unpack = BitStreamFilterContext("mpeg4_unpack_bframes", stream)
    last, step = 0, 1
    with suppress(FFmpegError):  # as where a film's end is missing
        for chunk in read_packets(container, stream):
            for packet in unpack.filter(chunk if chunk.size else None):
                packet.pts = None
                if packet.dts is not None:
                    heapq.heappush(expected, packet.dts)
                with suppress(FFmpegError):
                    for frame in stream.decode(packet):
                        frame.pts = last + step if frame.dts is None else frame.dts
                        last, step = frame.pts, frame.duration or step
                        yield frame
    with suppress(FFmpegError):
        for frame in stream.decode(None):
            frame.pts = last + step
            last, step = frame.pts, frame.duration or step
            yield frame


def _is_packed(path: Path, stream: VideoStream) -> bool:
    """Tell whether a film is MPEG-4 whose encoder's mark says that chunks may hold two frames."""
    if stream.codec_context.name != "mpeg4":
        return False
    with open_video(path) as container, suppress(FFmpegError):
        for packet in read_packets(container, container.streams[stream.index]):
            if packet.size:
                return PACKED.search((stream.codec_context.extradata or b"") + bytes(packet)) is not None
    return False


def _stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the seconds that a file states for its video stream, else for itself; None: neither."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def _count_frames(path: Path, index: int, rate: Fraction, start_time: Fraction) -> tuple[float, int]:
    """Count the seconds and frames of a film that states neither (a recording that was broken off, a bare stream)."""
    count, end = 0, Fraction(0)
    with open_video(path) as container, suppress(FFmpegError):
        for packet in read_packets(container, container.streams[index]):
            if not packet.size:
                continue
            count += 1
            if packet.pts is not None and not _is_bare(container):
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base - start_time)
    return float(end or count / rate), count


def _is_bare(container: InputContainer) -> bool:
    """Tell whether a film is a bare stream without time stamps."""
    return bool(container.format.flags & Flags.no_timestamps.value)


def _read_pts(container: InputContainer, stream: VideoStream, read: list[int], is_packed: bool) -> list[int]:
    """Return the time stamps of a film's first packets, rising.

    Args:
        container: The opened film, from which some packets were read.
        stream: Its video stream.
        read: The time stamps of those.
        is_packed: See ``Video.is_packed``.
    """
    pts = list(read)
    with suppress(FFmpegError):
        for packet in read_packets(container, stream):
            stamp = packet.dts if is_packed else packet.pts
            if stamp is not None:
                pts.append(stamp)
            if len(pts) >= RATE_SAMPLES:
                break
    return sorted(set(pts))


def _find_rate(container: InputContainer, stream: VideoStream, pts: list[int]) -> tuple[Fraction, bool]:
    """Return a film's frames per second, and whether that is constant, as far as its beginning shows.

    Args:
        container: The opened film.
        stream: Its video stream.
        pts: Time stamps of its first frames, rising.
    """
    stated = [stream.average_rate, stream.guessed_rate]
    if _is_bare(container):  # its mean is a default, not counted
        stated.reverse()
    credible = [_exact_rate(rate) for rate in (*stated, stream.base_rate) if rate and 0 < rate < MAX_RATE]
    if len(pts) > 1 and credible and not _is_bare(container):
        rate = find_rate(pts, stream.time_base or DEFAULT_TIME_BASE, sorted(credible, key=_is_measured))
        return (credible[0], False) if rate is None else (rate, True)
    rate = credible[0] if credible else DEFAULT_RATE
    return rate, rate == stream.base_rate


def _exact_rate(rate: Fraction) -> Fraction:
    """Return the NTSC rate, such as 60000/1001, that FFmpeg approximates where it allows smaller numbers only."""
    exact = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return exact if abs(rate - exact) < MAX_APPROXIMATION * rate else rate


def _has_alpha(stream: VideoStream, first: av.VideoFrame) -> bool:
    """Tell whether a film's frames are stored with their transparency, be it in a stream that FFmpeg passes over."""
    return _states_alpha(stream) or has_alpha(first)


def _states_alpha(stream: VideoStream) -> bool:
    """Tell whether a WebM or Matroska says that there is alpha beside the pictures."""
    return {name.lower(): value for name, value in stream.metadata.items()}.get(ALPHA_MODE) == "1"


def _decoder_of(stream: VideoStream) -> VideoCodecContext:
    """Return the decoder of a stream: FFmpeg's usual one, or one that does not pass over the alpha."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if name is not None and _states_alpha(stream):
        with suppress(ValueError):  # this PyAV lacks it
            decoder = CodecContext.create(name, "r")
            assert isinstance(decoder, VideoCodecContext)
            return decoder
    return stream.codec_context


def _is_measured(rate: Fraction) -> bool:
    """Tell whether a rate is the quotient of a film's frames and duration, and none that anybody chose."""
    return rate.denominator not in (1, 2, 3, 1001)


def _field_order(stream: VideoStream, first: av.VideoFrame) -> str | None:
    """Return the field order as the first frame states it, for the container may be wrong; None: progressive."""
    return FieldOrderReader().read(first) or FIELD_ORDERS.get(read_codec_field_order(stream.codec_context))
