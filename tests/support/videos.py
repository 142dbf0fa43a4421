"""Films for tests: grey or in colour, in any container, with sound, text, chapters and all that films have."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.filter import Graph
from PIL import Image

from colorize.base import states_rate_of_copies
from colorize.film.frame_conversion import convert_frame
from support.video_tracks import add_cover, add_sound, add_text, write_text, write_tone

RATE = 30
needs_rates = pytest.mark.skipif(not states_rate_of_copies(), reason="needs PyAV 18.1")
"""Marks tests of timecodes in MOV and MP4, of a constant rate in MKV, and of MXF."""


@dataclass
class VideoRecipe:
    """The recipe of a film for tests.

    Attributes:
        frames: How many frames it has, unless ``pts`` are given.
        size: (height, width) in pixels.
        codec: FFmpeg's name of the video encoder.
        pixel_format: FFmpeg's name of the frames' pixel format.
        rate: Frames per second.
        time_base: Seconds of one unit of the time stamps.
        pts: The frames' time stamps; None: evenly spaced.
        color: Give the frames colours.
        color_from: Index of the first frame that has colours.
        color_until: Index of the first frame that has none again; None: all have colours.
        full_range: Store levels 0..255 instead of 16..235.
        transfer: AVColorTransferCharacteristic; None: not stated.
        aspect: Width of a pixel over its height; None: not stated.
        rotation: Degrees that the display matrix turns the frames by, counter-clockwise; None: no matrix.
        flip: Mirror the frames in the display matrix.
        field_order: ``tff`` or ``bff``: mark the frames as interlaced.
        field_orders: The same for each frame, None: progressive; empty: all are as ``field_order`` says.
        captions: Give each frame a closed caption, of the bytes of ``caption``; with the codec libx264, in MPEG-TS.
        sounds: Languages of the streams of sound.
        sound_codec: FFmpeg's name of their encoder.
        texts: Languages of the subtitle streams.
        text_codec: FFmpeg's name of their encoder.
        chapters: Divide the film into two chapters.
        attachment: Attach a file.
        attachment_name: Its name.
        cover: Add a cover.
        second_video: Add a smaller video stream before the main one.
        piped: Write without going back, so that no duration gets into the header.
        metadata: Tags.
        options: Options of the video encoder.
        scene_cut: Index of the first frame of a second scene; None: there is only one.
    """

    frames: int = 30
    size: tuple[int, int] = (48, 64)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rate: Fraction = Fraction(RATE)
    time_base: Fraction = Fraction(1, 90_000)
    pts: Sequence[int] | None = None
    color: bool = False
    color_from: int = 0
    color_until: int | None = None
    full_range: bool = False
    transfer: int | None = None
    aspect: Fraction | None = None
    rotation: float | None = None
    flip: bool = False
    field_order: str | None = None
    field_orders: Sequence[str | None] = ()
    captions: bool = False
    sounds: Sequence[str] = ()
    sound_codec: str = "aac"
    texts: Sequence[str] = ()
    text_codec: str = "subrip"
    chapters: bool = False
    attachment: bool = False
    attachment_name: str = "font.ttf"
    cover: bool = False
    second_video: bool = False
    piped: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    scene_cut: int | None = None

    def frame_pts(self) -> list[int]:
        """Return the time stamps of the frames, in units of ``time_base``."""
        if self.pts is not None:
            return list(self.pts)
        return [round(index / self.rate / self.time_base) for index in range(self.frames)]

    def in_color(self, index: int) -> bool:
        """Tell whether a frame has colours."""
        return self.color and self.color_from <= index < (self.color_until or index + 1)

    def grey(self, index: int) -> np.ndarray:
        """Return the limited-range luma (H, W) uint8 of a frame: a soft scene in which a square moves."""
        height, width = self.size
        y, x = np.mgrid[:height, :width]
        light = 60 + x * (100 / width) + 25 * np.sin(y / 7 + (2 if self.scene_cut and index >= self.scene_cut else 0))
        if self.scene_cut and index >= self.scene_cut:
            light = 235 - light
        left = index * 2 % max(1, width - 16)
        light[10:26, left : left + 16] = 200
        return np.clip(light, 16, 235).round().astype(np.uint8)


def make_video(path: Path, recipe: VideoRecipe | None = None, options: dict[str, str] | None = None) -> Path:
    """Write a film, with some options of the muxer, and return its path."""
    recipe = recipe or VideoRecipe()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(path, recipe, options or {}) as video:
        video.metadata.update(recipe.metadata)
        second = _add_video_stream(video, replace(recipe, size=(32, 32))) if recipe.second_video else None
        main = _add_video_stream(video, recipe)
        if second is not None:
            main.disposition = av.stream.Disposition.default
        sounds = [add_sound(video, recipe.sound_codec, language) for language in recipe.sounds]
        texts = [add_text(video, recipe.text_codec, language) for language in recipe.texts]
        if recipe.cover:
            add_cover(video, path.suffix == ".mkv")
        if recipe.attachment:
            video.add_attachment(recipe.attachment_name, "application/x-truetype-font", b"not really a font")
        if recipe.chapters:
            half = int(recipe.frames * 500 // recipe.rate)
            halves = ((1, 0, half, "One"), (2, half, 2 * half, "Two"))
            video.set_chapters(
                [
                    {"id": id, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                    for id, start, end, title in halves
                ]
            )
        orders = recipe.field_orders or [recipe.field_order] * len(recipe.frame_pts())
        interlacers = {order: _field_order_graph(recipe, order) for order in set(orders) - {None}}
        for index, pts in enumerate(recipe.frame_pts()):
            frame = _frame(recipe, index, pts)
            if orders[index] is not None:
                interlacers[orders[index]].push(frame)
                frame = interlacers[orders[index]].pull()
            packets = main.encode(frame)
            video.mux([with_caption(packet, recipe) for packet in packets] if recipe.captions else packets)
            if second is not None:
                video.mux(second.encode(_frame(replace(recipe, size=(32, 32)), index, pts)))
        for stream in (main, second):
            packets = stream.encode(None) if stream is not None else []
            video.mux([with_caption(packet, recipe) for packet in packets] if recipe.captions else packets)
        for number, sound in enumerate(sounds):
            write_tone(video, sound, recipe.frames / recipe.rate, 220 * (number + 1))
        for text in texts:
            write_text(video, text)
    return path


def caption(index: int) -> bytes:
    """Return the three bytes of the closed caption of a frame, no two alike: EIA-608 of field 1."""
    return bytes((0xFC, 0x20 + index, 0x40 + index))


def with_caption(packet: Any, recipe: VideoRecipe) -> Any:
    """Return an H.264 packet with the closed caption of its frame (ATSC A/53, part 4) before its first slice."""
    index = recipe.frame_pts().index(packet.pts)
    message = b"\xb5\x00\x31GA94\x03\x41\xff" + caption(index) + b"\xff"
    unit = b"\x00\x00\x01\x06\x04" + bytes([len(message)]) + message + b"\x80"
    data = bytes(packet)
    slices = [at for at in (data.find(b"\x00\x00\x01" + bytes([kind])) for kind in (0x65, 0x41, 0x01)) if at >= 0]
    result = av.Packet(data[: min(slices)] + unit + data[min(slices) :])
    result.pts, result.dts, result.time_base = packet.pts, packet.dts, packet.time_base
    result.stream, result.is_keyframe = packet.stream, packet.is_keyframe
    return result


def join_pictures(path: Path, pictures: Sequence[bytes], rate: int = 24) -> Path:
    """Write a film of JPEGs or PNGs of one size, stored as they are, and return its path."""
    with Image.open(io.BytesIO(pictures[0])) as first, av.open(str(path), "w") as video:
        stream = video.add_stream("mjpeg" if first.format == "JPEG" else "png", rate=rate)
        stream.width, stream.height = first.size
        stream.pix_fmt = "yuvj420p" if first.format == "JPEG" else {"L": "gray", "LA": "ya8"}.get(first.mode, "rgba")
        for index, picture in enumerate(pictures):
            packet = av.Packet(picture)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, index, index, Fraction(1, rate)
            packet.is_keyframe = True
            video.mux(packet)
    return path


class _Pipe:
    """A file in which the muxer cannot seek, so that no duration gets into its header."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(b"")

    def write(self, data: bytes) -> int:
        with open(self._path, "ab") as file:
            return file.write(data)


def _open(path: Path, recipe: VideoRecipe, options: dict[str, str]) -> Any:
    if not recipe.piped:
        return av.open(str(path), "w", options=options)
    return av.open(_Pipe(path), "w", format={".mkv": "matroska"}.get(path.suffix, path.suffix[1:]))


def _add_video_stream(video: Any, recipe: VideoRecipe) -> Any:
    # x264's AVX-512 code for macroblock trees makes another film each time, see ``colorize.film.encoder``.
    repeatable = {"x264-params": "mbtree=0"} if recipe.codec == "libx264" else {}
    stream = video.add_stream(recipe.codec, rate=recipe.rate, options={"crf": "12", **repeatable, **recipe.options})
    stream.height, stream.width = recipe.size
    stream.pix_fmt = recipe.pixel_format
    stream.time_base = stream.codec_context.time_base = recipe.time_base
    stream.codec_context.color_range = 2 if recipe.full_range else 1
    if recipe.transfer is not None:
        stream.codec_context.color_trc = recipe.transfer
    if recipe.aspect:
        stream.codec_context.sample_aspect_ratio = recipe.aspect
    if recipe.rotation is not None or recipe.flip:
        stream.set_display_rotation(recipe.rotation or 0, hflip=recipe.flip)
    if recipe.field_order:
        stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct
    return stream


def _field_order_graph(recipe: VideoRecipe, order: str) -> Any:
    """Return a filter graph that marks frames as interlaced, in a field order."""
    graph, (height, width) = Graph(), recipe.size
    source = graph.add_buffer(width=width, height=height, format=recipe.pixel_format, time_base=recipe.time_base)
    label, sink = graph.add("setfield", order), graph.add("buffersink")
    source.link_to(label)
    label.link_to(sink)
    graph.configure()
    return graph


def _frame(recipe: VideoRecipe, index: int, pts: int) -> av.VideoFrame:
    grey = recipe.grey(index)
    if recipe.in_color(index):
        y = np.arange(recipe.size[0])[:, None]
        picture = np.stack([grey, np.roll(grey, 20, 1) // 2 + y, 255 - grey], axis=-1).clip(0, 255).astype(np.uint8)
        frame = convert_frame(av.VideoFrame.from_ndarray(picture, format="rgb24"), format=recipe.pixel_format)
    else:
        frame = av.VideoFrame(recipe.size[1], recipe.size[0], recipe.pixel_format)
        bits = frame.format.components[0].bits
        if recipe.full_range:
            grey = ((grey.astype(float) - 16) * 255 / 219).round().astype(np.uint8)
        for number, plane in enumerate(frame.planes):
            rows = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)
            rows = rows.reshape(-1, plane.line_size // rows.itemsize)
            rows[:] = 128 << (bits - 8)
            if number == 0:
                rows[: recipe.size[0], : recipe.size[1]] = grey.astype(rows.dtype) << (bits - 8)
    frame.pts, frame.time_base = pts, recipe.time_base
    if recipe.transfer is not None:
        frame.color_trc = recipe.transfer
    return frame
