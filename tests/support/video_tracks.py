"""The other streams of films for tests: covers, sound and text subtitles."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image

SOUND_RATE = 16000  # samples a second
ASS_FIELDS = b"0,0,Default,,0,0,0,,"  # before the text of a subtitle


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 30, 30)).save(file, "JPEG")
    return file.getvalue()


COVER = _jpeg()


def add_cover(video: Any, attached: bool = False) -> None:
    """Add a cover to a film that is being written, as a stream or as an attachment."""
    if attached:
        video.add_attachment("cover.jpg", "image/jpeg", COVER)
        return
    cover = video.add_stream("mjpeg")
    cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
    cover.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(COVER)
    packet.stream, packet.pts, packet.dts, packet.time_base = cover, 0, 0, Fraction(1, 25)
    video.start_encoding()
    video.mux(packet)


def add_sound(video: Any, codec: str, language: str) -> Any:
    """Add an empty mono stream of sound to a film that is being written."""
    sound = video.add_stream(codec, rate=SOUND_RATE)
    sound.codec_context.layout = "mono"
    sound.metadata["language"] = language
    return sound


def write_tone(video: Any, sound: Any, seconds: Fraction, pitch: int) -> None:
    """Write a tone of ``pitch`` hertz into a stream of sound and end the stream."""
    count = int(seconds * SOUND_RATE)
    wave = (np.sin(np.arange(count) * (2 * np.pi * pitch / SOUND_RATE)) * 8000).astype(np.int16)
    resampler = av.AudioResampler(
        sound.codec_context.format, "mono", SOUND_RATE, sound.codec_context.frame_size or None
    )
    frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        video.mux(sound.encode(part))
    video.mux(sound.encode(None))


def add_text(video: Any, codec: str, language: str) -> Any:
    """Add an empty stream of text subtitles to a film that is being written."""
    text = video.add_stream(codec)
    header = b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\n"
    header += b"Style: Default,Arial,16\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Name, Text\r\n"
    text.codec_context.subtitle_header = header
    text.codec_context.time_base = text.time_base = Fraction(1, 1000)
    text.metadata["language"] = language
    return text


def write_text(video: Any, text: Any, starts: Sequence[int] = (100, 500)) -> None:
    """Write lines into a stream of text subtitles, 0.3 s long, that begin at some milliseconds."""
    from av.subtitles.subtitle import SubtitleSet

    for number, start in enumerate(starts):
        words = ASS_FIELDS + f"Line {number}".encode()
        packet = text.codec_context.encode_subtitle(SubtitleSet.create(words, 0, 300, start * 1000))
        packet.pts = packet.dts = start
        packet.duration, packet.time_base, packet.stream = 300, Fraction(1, 1000), text
        video.mux(packet)
