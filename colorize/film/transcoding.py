"""Ways of a stream from a film to another: its packets as they are, or in another format."""

from __future__ import annotations

import errno
import io
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from colorize.base import Container

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # of other numbers of channels a stereo mix is made
CHANNEL_BITS = 96_000  # per second, of sound that is converted
OPUS_RATES = (48000, 24000, 16000, 12000, 8000)


class StreamCopy:
    """The way of a stream's packets from the source to the film: as they are."""

    def __init__(self, stream: Stream, name: str, *, awaits_key: bool = False) -> None:
        """Take the way.

        Args:
            stream: Of the film.
            name: Of the source's stream, for the user.
            awaits_key: Leave out what comes before the first packet that can be decoded by itself.
        """
        self.stream = stream
        self.name = name
        self.damaged_packets = 0
        self.awaits_key = awaits_key
        self._last: int | None = None

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Write a packet, its time stamps rising."""
        if self._is_gap(packet) or (self.awaits_key and not packet.is_keyframe):
            return
        self.awaits_key = False
        if packet.pts is None and packet.dts is None:
            if self._last is None:
                return
            packet.dts = self._last + 1
        dts = packet.dts if packet.dts is not None else packet.pts
        assert dts is not None
        if self._last is not None and dts <= self._last:
            dts = self._last + 1
        packet.dts = self._last = dts
        packet.pts = dts if packet.pts is None else max(packet.pts, dts)
        packet.stream = self.stream
        self._mux(packet, target)

    def finish(self, target: OutputContainer) -> None:
        """Write what is held back."""

    def _is_gap(self, packet: Packet) -> bool:
        """Tell whether a packet is the silence between an MP4's subtitles, which is made anew."""
        return packet.size == 2 and packet.stream.type == "subtitle" and bytes(packet) == bytes(2)

    def _mux(self, packet: Packet, target: OutputContainer) -> None:
        try:
            target.mux(packet)
        except (FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) in FULL_DISK:
                raise
            self.damaged_packets += 1  # a damaged packet that the container refuses


class CoverCopy(StreamCopy):
    """A cover: one picture that has no time."""

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Write the picture."""
        packet.pts = packet.dts = 0
        packet.stream = self.stream
        self._mux(packet, target)


class AudioTranscoder(StreamCopy):
    """Sound that is decoded and encoded anew."""

    def __init__(self, stream: AudioStream, name: str) -> None:
        super().__init__(stream, name)
        self._encoder = stream
        context = stream.codec_context
        self._resampler = AudioResampler(context.format, context.layout, context.rate, context.frame_size or None)

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Decode a packet and write what the encoder makes of it; a damaged one is left out."""
        try:
            frames = packet.decode()
        except FFmpegError:
            self.damaged_packets += 1
            return
        for frame in frames:
            for piece in self._resampler.resample(frame):  # type: ignore[arg-type]
                self._encode(piece, target)

    def finish(self, target: OutputContainer) -> None:
        for piece in self._resampler.resample(None):
            self._encode(piece, target)
        self._encode(None, target)

    def _encode(self, frame: Any, target: OutputContainer) -> None:
        for packet in self._encoder.encode(frame):
            self._mux(packet, target)


class SubtitleTranscoder(StreamCopy):
    """Text that is written in another subtitle format."""

    def __init__(self, stream: SubtitleStream, source: SubtitleStream, name: str) -> None:
        super().__init__(stream, name)
        self._encoder = stream.codec_context
        self._decoder = source.codec_context

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Decode a packet and write it in the other format; a damaged one is left out."""
        try:
            subtitle = self._decoder.decode2(packet)
            if subtitle is None or not len(subtitle):
                return
            written = self._encoder.encode_subtitle(subtitle)
        except (FFmpegError, ValueError):
            self.damaged_packets += 1
            return
        written.time_base = packet.time_base
        written.pts, written.dts, written.duration = packet.pts, packet.dts, packet.duration
        super().send(written, target)


def stream_name(stream: Stream) -> str:
    codec = stream.name or "unknown" if stream.codec_context is None else stream.codec_context.codec.canonical_name
    language = f", {stream.language}" if stream.language and stream.language != "und" else ""
    kind = "cover" if is_cover(stream) else stream.type
    return f"stream {stream.index} ({kind}, {codec}{language})"


def is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & stream.disposition.attached_pic)


def keeps(container: Container, source: InputContainer, stream: Stream) -> bool:
    """Tell whether a container takes a stream as it is, by trying."""
    codec = stream.codec_context.codec.canonical_name
    if codec.startswith(container.avoided_audio) and container.format not in source.format.name.split(","):
        return False
    trial = av.open(io.BytesIO(), "w", format=container.format)
    try:
        trial.add_stream_from_template(stream, opaque=True)
        trial.start_encoding()
        return True
    except (FFmpegError, ValueError):
        return False
    finally:
        with suppress(FFmpegError, ValueError):
            trial.close()


def add_audio(encoder: str, source: AudioStream, target: OutputContainer) -> AudioStream:
    rate = source.codec_context.rate
    if encoder == "libopus" and rate not in OPUS_RATES:
        rate = OPUS_RATES[0]
    layout = LAYOUTS.get(source.codec_context.channels, "stereo")
    trial = av.CodecContext.create(encoder, "w")  # a stream that was added cannot be taken back
    assert isinstance(trial, AudioCodecContext)
    trial.rate, trial.layout, trial.format = rate, layout, trial.codec.audio_formats[0]  # type: ignore
    trial.open()
    stream = target.add_stream(encoder, rate=rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = layout  # type: ignore[assignment]
    stream.codec_context.bit_rate = CHANNEL_BITS * stream.codec_context.channels
    stream.codec_context.open()
    return stream


def is_text(stream: SubtitleStream) -> bool:
    return stream.codec_context.name in ("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text")


def add_text(encoder: str, source: SubtitleStream, target: OutputContainer) -> SubtitleStream:
    stream = target.add_stream(encoder)
    assert isinstance(stream, SubtitleStream)
    source.codec_context.open(strict=False)
    stream.codec_context.subtitle_header = source.codec_context.subtitle_header
    stream.time_base = source.time_base
    stream.codec_context.time_base = source.time_base or Fraction(1, 1000)
    return stream
