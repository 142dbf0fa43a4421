"""Outputs for the other streams of a film: packets copied as they are, or decoded and encoded in another format."""

from __future__ import annotations

import errno
import io
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from colorize.base import Container

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES)
CHANNEL_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # other numbers are mixed to stereo, but in PCM
PCM = "pcm_"
BITS_PER_CHANNEL = 96_000  # a second, of converted sound
MAX_GAP = Fraction(1, 20)  # seconds: shorter gaps between packets of sound are rounding
OPUS_RATES = (48000, 24000, 16000, 12000, 8000)  # samples a second that libopus takes, the default first
TEXT_CODECS = ("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text")  # FFmpeg's names of subtitle decoders


class StreamCopy:
    """Copies the packets of a source's stream into the finished film's stream as they are.

    Attributes:
        stream: The finished film's stream.
        name: The name of the source's stream, for messages.
        awaits_keyframe: Whether packets are left out until one comes that can be decoded by itself.
        damaged_packets: How many packets were left out because they are damaged.
    """

    def __init__(self, stream: Stream, name: str, *, awaits_keyframe: bool = False) -> None:
        """Take the stream that packets are written into.

        Args:
            stream: A stream of the finished film.
            name: The name of the source's stream, for messages.
            awaits_keyframe: Leave out the packets before the first one that can be decoded by itself.
        """
        self.stream = stream
        self.name = name
        self.damaged_packets = 0
        self.awaits_keyframe = awaits_keyframe
        self._last_dts: int | None = None

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Write a packet, its decoding time stamp moved where it would not rise.

        Args:
            packet: A packet of the source's stream, on the finished film's clock; it is changed.
            target: The finished film.

        Raises:
            OSError: The disk is full or refuses.
        """
        if self._is_subtitle_gap(packet) or (self.awaits_keyframe and not packet.is_keyframe):
            return
        self.awaits_keyframe = False
        if packet.pts is None and packet.dts is None:
            if self._last_dts is None:
                return
            packet.dts = self._last_dts + 1
        dts = packet.dts if packet.dts is not None else packet.pts
        assert dts is not None
        if self._last_dts is not None and dts <= self._last_dts:
            dts = self._last_dts + 1
        packet.dts = self._last_dts = dts
        packet.pts = dts if packet.pts is None else max(packet.pts, dts)
        packet.stream = self.stream
        self._mux(packet, target)

    def finish(self, target: OutputContainer) -> None:
        """Write the packets that are still held back."""

    def _is_subtitle_gap(self, packet: Packet) -> bool:
        """Tell whether a packet is the empty text between an MP4's subtitles, which the muxer writes anew."""
        return packet.size == 2 and packet.stream.type == "subtitle" and bytes(packet) == bytes(2)

    def _mux(self, packet: Packet, target: OutputContainer) -> None:
        try:
            target.mux(packet)
        except (FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) in DISK_ERRORS:
                raise
            self.damaged_packets += 1  # a damaged packet that the container refuses


class CoverCopy(StreamCopy):
    """Copies a cover: one picture without a time stamp."""

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Write the picture, at time 0."""
        packet.pts = packet.dts = 0
        packet.stream = self.stream
        self._mux(packet, target)


class AudioTranscoder(StreamCopy):
    """Decodes sound and encodes it in another format."""

    def __init__(self, stream: AudioStream, name: str) -> None:
        """Take the finished film's stream, with an open encoder, and the name of the source's stream."""
        super().__init__(stream, name)
        self._encoder = stream
        context = stream.codec_context
        self._resampler = AudioResampler(context.format, context.layout, context.rate, context.frame_size or None)

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Decode a packet and write the packets that the encoder gives for it; a damaged one is left out."""
        try:
            frames = packet.decode()
        except FFmpegError:
            self.damaged_packets += 1
            return
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            self._encode_frames(frame, target)

    def _encode_frames(self, frame: AudioFrame, target: OutputContainer) -> None:
        for resampled in self._resampler.resample(frame):
            self._encode(resampled, target)

    def finish(self, target: OutputContainer) -> None:
        for resampled in self._resampler.resample(None):
            self._encode(resampled, target)
        self._encode(None, target)

    def _encode(self, frame: Any, target: OutputContainer) -> None:
        for packet in self._encoder.encode(frame):
            self._mux(packet, target)


class SteadyAudioTranscoder(AudioTranscoder):
    """Decodes sound and encodes it without a gap from the film's beginning to its end, silence where there is none.

    It is for containers that state no times.
    """

    def __init__(self, stream: AudioStream, name: str, seconds: Fraction) -> None:
        """Take the finished film's stream, the name of the source's stream, and the film's duration."""
        super().__init__(stream, name)
        self._samples = round(seconds * stream.codec_context.rate)
        self._written = 0

    def _encode_frames(self, frame: AudioFrame, target: OutputContainer) -> None:
        rate = self._encoder.codec_context.rate
        if frame.pts is not None and frame.time_base is not None:
            begin = min(self._samples, round(frame.pts * frame.time_base * rate))
            if begin - self._written > MAX_GAP * rate:
                self._fill(begin, target)
        super()._encode_frames(frame, target)

    def finish(self, target: OutputContainer) -> None:
        for resampled in self._resampler.resample(None):
            self._encode(resampled, target)
        self._fill(self._samples, target)
        self._encode(None, target)

    def _fill(self, end: int, target: OutputContainer) -> None:
        """Write silence up to a sample."""
        context = self._encoder.codec_context
        while self._written < end:
            silence = AudioFrame(context.format.name, context.layout.name, min(end - self._written, context.rate))
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.rate = context.rate
            self._encode(silence, target)

    def _encode(self, frame: Any, target: OutputContainer) -> None:
        if frame is not None:
            frame.pts, frame.time_base = self._written, Fraction(1, self._encoder.codec_context.rate)
            self._written += frame.samples
        super()._encode(frame, target)


class SubtitleTranscoder(StreamCopy):
    """Decodes text subtitles and encodes them in another format."""

    def __init__(self, stream: SubtitleStream, source: SubtitleStream, name: str) -> None:
        """Take the finished film's stream, the source's stream and its name."""
        super().__init__(stream, name)
        self._encoder = stream.codec_context
        self._decoder = source.codec_context

    def send(self, packet: Packet, target: OutputContainer) -> None:
        """Decode a packet and write it in the other format; a damaged one is left out."""
        try:
            subtitle = self._decoder.decode2(packet)
            if subtitle is None or not len(subtitle):
                return
            encoded = self._encoder.encode_subtitle(subtitle)
        except (FFmpegError, ValueError):
            self.damaged_packets += 1
            return
        encoded.time_base = packet.time_base
        encoded.pts, encoded.dts, encoded.duration = packet.pts, packet.dts, packet.duration
        super().send(encoded, target)


def stream_name(stream: Stream) -> str:
    """Return a stream's name for messages: its index, kind, codec and language."""
    if stream.codec_context is None:  # PyAV has no decoder for it; not every kind of stream has a name then
        codec = getattr(stream, "name", None) or "unknown"
    else:
        codec = stream.codec_context.codec.canonical_name
    language = f", {stream.language}" if stream.language and stream.language != "und" else ""
    kind = "cover" if is_cover(stream) else stream.type
    return f"stream {stream.index} ({kind}, {codec}{language})"


def is_cover(stream: Stream) -> bool:
    """Tell whether a video stream is a cover picture."""
    return bool(stream.disposition & stream.disposition.attached_pic)


def can_copy(container: Container, source: InputContainer, stream: Stream) -> bool:
    """Tell whether a container takes a source's stream as it is, by trying; avoided audio codecs are not copied."""
    codec = stream.codec_context.codec.canonical_name
    if container.rates:
        return False  # a trial with one stream tells nothing of it
    if codec.startswith(container.avoided_audio) and container.format not in source.format.name.split(","):
        return False
    trial = av.open(io.BytesIO(), "w", format=container.format)
    try:
        added = trial.add_stream_from_template(stream, opaque=True)
        trial.start_encoding()
        if isinstance(stream, AudioStream) and codec.startswith(PCM):
            # MP4's muxer refuses channels of no known places, but not before it has a sample.
            packet = Packet(bytes(8 * stream.codec_context.channels))
            packet.stream, packet.pts, packet.dts, packet.duration = added, 0, 0, 1
            trial.mux(packet)
        trial.close()
        return True
    except (FFmpegError, ValueError):
        return False
    finally:
        with suppress(FFmpegError, ValueError):
            trial.close()


def add_audio_stream(
    encoder: str, source: AudioStream, target: OutputContainer, rate: int | None = None
) -> AudioStream:
    """Add a stream to the finished film for a source's sound in another format, with an open encoder.

    Args:
        encoder: FFmpeg's name of the encoder.
        source: The source's stream.
        target: The finished film.
        rate: Samples a second; None: the source's, where the encoder takes them.

    Raises:
        FFmpegError: The encoder does not take the sound.
        ValueError: There is no such encoder.
    """
    rate = rate or source.codec_context.rate
    if encoder == "libopus" and rate not in OPUS_RATES:
        rate = OPUS_RATES[0]
    layout = CHANNEL_LAYOUTS.get(source.codec_context.channels, "stereo")
    if encoder.startswith(PCM):  # which takes any
        layout = source.codec_context.layout.name
    trial = av.CodecContext.create(encoder, "w")  # a stream that was added cannot be taken back
    assert isinstance(trial, AudioCodecContext)
    trial.rate, trial.layout, trial.format = rate, layout, trial.codec.audio_formats[0]  # type: ignore
    trial.open()
    stream = target.add_stream(encoder, rate=rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = layout  # type: ignore[assignment]
    stream.codec_context.bit_rate = BITS_PER_CHANNEL * stream.codec_context.channels
    stream.codec_context.open()
    return stream


def is_text_subtitle(stream: SubtitleStream) -> bool:
    """Tell whether a stream's subtitles are text, and not pictures."""
    return stream.codec_context.name in TEXT_CODECS


def add_subtitle_stream(encoder: str, source: SubtitleStream, target: OutputContainer) -> SubtitleStream:
    """Add a stream to the finished film for a source's text subtitles in another format; see ``add_audio_stream``."""
    stream = target.add_stream(encoder)
    assert isinstance(stream, SubtitleStream)
    source.codec_context.open(strict=False)
    stream.codec_context.subtitle_header = source.codec_context.subtitle_header
    stream.time_base = source.time_base
    stream.codec_context.time_base = source.time_base or Fraction(1, 1000)
    return stream
