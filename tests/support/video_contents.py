"""The contents of films for tests: frames, packets and times read back, and stored frames damaged."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph

from colorize.film import decode_frames, probe
from colorize.film.video import Span


def read_frames(path: Path, stream: int = 0, format: str = "yuv420p") -> tuple[list[Fraction], np.ndarray]:
    """Return the times in seconds of a video stream's frames, and the frames as arrays in a pixel format."""
    with av.open(str(path)) as video:
        frames = list(video.decode(video.streams.video[stream]))
        times = [Fraction(frame.pts or 0) * Fraction(frame.time_base or 1) for frame in frames]
        return times, np.stack([frame.to_ndarray(format=format) for frame in frames])


def times_of(path: Path, span: Span = Span()) -> list[Fraction]:  # noqa: B008
    """Return the times in seconds at which a film's frames, or those of a span, are shown."""
    video = probe(path)
    return [frame.pts * video.time_base for frame in decode_frames(video, span)]


def packets_of(path: Path, stream: int) -> list[tuple[float, bytes]]:
    """Return the time in seconds and the content of a stream's packets."""
    with av.open(str(path)) as video:
        packets = [packet for packet in video.demux(video.streams[stream]) if packet.size]
        return [(float((packet.pts or 0) * packet.time_base), bytes(packet)) for packet in packets]


def luma_of(path: Path) -> np.ndarray:
    """Return the luma levels of a film's frames (N, H, W), int."""
    _, frames = read_frames(path)
    return frames[:, : frames.shape[1] * 2 // 3].astype(int)


def field_orders_of(path: Path) -> list[str | None]:
    """Return the field order that each frame of a film states: ``tff``, ``bff`` or None, progressive."""
    orders: list[str | None] = []
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            graph = Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
            )
            select, sink = graph.add("select", "eq(interlace_type,TOPFIRST)"), graph.add("buffersink")
            source.link_to(select)
            select.link_to(sink)
            graph.configure()
            graph.push(frame)
            graph.push(None)
            with suppress(EOFError):
                graph.pull()
                orders.append("tff")
                continue
            orders.append("bff" if frame.interlaced_frame else None)
    return orders


def captions_of(path: Path) -> list[bytes]:
    """Return the closed captions that each frame of a film carries, in display order."""
    with av.open(str(path)) as video:
        return [bytes(frame.side_data.get("A53_CC") or b"") for frame in video.decode(video=0)]


def pack_frames(source: Path, path: Path) -> None:
    """Write an MPEG-4 film as DivX and Xvid did, "packed": the frame between two others lies in the chunk of the later.

    A chunk that holds no frame (ISO 14496-2: ``vop_coded`` is 0) stands in its place. The film is an AVI.
    """
    with av.open(str(source)) as video, av.open(str(path), "w") as packed:
        stream = packed.add_stream_from_template(video.streams.video[0])
        frames = [bytes(packet) for packet in video.demux(video=0) if packet.size]
        chunks: list[bytes] = []
        for frame, following in zip(frames, [*frames[1:], b""], strict=True):
            if _is_between(frame):
                chunks.append(b"\x00\x00\x01\xb6\x7f")
            else:
                chunks.append(frame + following if following and _is_between(following) else frame)
        for number, chunk in enumerate(chunks):
            start = chunk.find(b"\x00\x00\x01\xb2")  # the encoder's name
            if start >= 0:
                chunk = (
                    chunk[:start] + b"\x00\x00\x01\xb2DivX503b1393p" + chunk[chunk.find(b"\x00\x00\x01", start + 4) :]
                )
            packet = av.Packet(chunk)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = (
                1 / video.streams.video[0].average_rate,
                stream,
                start >= 0,
            )
            packed.mux(packet)


def _is_between(frame: bytes) -> bool:
    """Tell whether a stored MPEG-4 frame is a B frame."""
    return frame[frame.find(b"\x00\x00\x01\xb6") + 4] >> 6 == 2


def damage_frame(path: Path, number: int, garbage: bytes, at: int = 0) -> None:
    """Overwrite the bytes of a film's stored frame ``number`` (in coded order) from its byte ``at`` on."""
    with av.open(str(path)) as video:
        packets = [packet for packet in video.demux(video=0) if packet.size]
        position, size = packets[number].pos, packets[number].size
    assert position is not None
    assert at + len(garbage) <= size
    content = bytearray(path.read_bytes())
    content[position + at : position + at + len(garbage)] = garbage
    path.write_bytes(content)
