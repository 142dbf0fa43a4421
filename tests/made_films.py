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
from av.filter import Graph
from PIL import Image

RATE = 30
SOUND_RATE = 16000
TEXT = b"0,0,Default,,0,0,0,,"


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 30, 30)).save(file, "JPEG")
    return file.getvalue()


COVER = _jpeg()


@dataclass
class FilmRecipe:
    """What a made film is like."""

    frames: int = 30
    size: tuple[int, int] = (48, 64)
    codec: str = "libx264"
    pixels: str = "yuv420p"
    rate: Fraction = Fraction(RATE)
    time_base: Fraction = Fraction(1, 90_000)
    ticks: Sequence[int] | None = None
    color: bool = False
    color_until: int | None = None
    full_range: bool = False
    transfer: int | None = None
    aspect: Fraction | None = None
    turn: float | None = None
    flip: bool = False
    fields: str | None = None
    sounds: Sequence[str] = ()
    sound_codec: str = "aac"
    texts: Sequence[str] = ()
    text_codec: str = "subrip"
    chapters: bool = False
    attachment: bool = False
    cover: bool = False
    further: bool = False
    piped: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    scene_cut: int | None = None

    def stamps(self) -> list[int]:
        """Return the time stamps of the frames, in ``time_base``."""
        if self.ticks is not None:
            return list(self.ticks)
        return [round(index / self.rate / self.time_base) for index in range(self.frames)]

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


def make_film(path: Path, recipe: FilmRecipe | None = None) -> Path:
    """Write a film and return its path."""
    recipe = recipe or FilmRecipe()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(path, recipe) as film:
        film.metadata.update(recipe.metadata)
        further = _add_pictures(film, replace(recipe, size=(32, 32))) if recipe.further else None
        pictures = _add_pictures(film, recipe)
        if further is not None:
            pictures.disposition = av.stream.Disposition.default
        sounds = [_add_sound(film, recipe, language) for language in recipe.sounds]
        texts = [_add_text(film, recipe, language) for language in recipe.texts]
        if recipe.cover:
            add_cover(film, path.suffix == ".mkv")
        if recipe.attachment:
            film.add_attachment("font.ttf", "application/x-truetype-font", b"not really a font")
        if recipe.chapters:
            half = recipe.frames * 500 // recipe.rate
            base = Fraction(1, 1000)
            film.set_chapters(
                [
                    {"id": 1, "start": 0, "end": int(half), "time_base": base, "metadata": {"title": "One"}},
                    {
                        "id": 2,
                        "start": int(half),
                        "end": int(2 * half),
                        "time_base": base,
                        "metadata": {"title": "Two"},
                    },
                ]
            )
        fields = _field_order(recipe) if recipe.fields else None
        for index, stamp in enumerate(recipe.stamps()):
            frame = _frame(recipe, index, stamp)
            if fields is not None:
                fields.push(frame)
                frame = fields.pull()
            film.mux(pictures.encode(frame))
            if further is not None:
                film.mux(further.encode(_frame(replace(recipe, size=(32, 32)), index, stamp)))
        for stream in (pictures, further):
            film.mux(stream.encode(None) if stream is not None else [])
        for number, sound in enumerate(sounds):
            _play(film, sound, recipe, 220 * (number + 1))
        for text in texts:
            _write_text(film, text)
    return path


def read_frames(path: Path, stream: int = 0, format: str = "yuv420p") -> tuple[list[Fraction], np.ndarray]:
    """Return the times in seconds and the pictures of a film's frames."""
    with av.open(str(path)) as film:
        frames = list(film.decode(film.streams.video[stream]))
        times = [Fraction(frame.pts or 0) * Fraction(frame.time_base or 1) for frame in frames]
        return times, np.stack([frame.to_ndarray(format=format) for frame in frames])


class _Pipe:
    """A file in which one cannot go back, so that no duration gets into its header."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(b"")

    def write(self, data: bytes) -> int:
        with open(self._path, "ab") as file:
            return file.write(data)


def _open(path: Path, recipe: FilmRecipe) -> Any:
    if not recipe.piped:
        return av.open(str(path), "w")
    return av.open(_Pipe(path), "w", format={".mkv": "matroska"}.get(path.suffix, path.suffix[1:]))


def add_cover(film: Any, attached: bool = False) -> None:
    """Give a film that is being written a cover, as a stream or attached."""
    if attached:
        film.add_attachment("cover.jpg", "image/jpeg", COVER)
        return
    cover = film.add_stream("mjpeg")
    cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
    cover.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(COVER)
    packet.stream, packet.pts, packet.dts, packet.time_base = cover, 0, 0, Fraction(1, 25)
    film.start_encoding()
    film.mux(packet)


def _add_pictures(film: Any, recipe: FilmRecipe) -> Any:
    pictures = film.add_stream(recipe.codec, rate=recipe.rate, options={"crf": "12", **recipe.options})
    pictures.height, pictures.width = recipe.size
    pictures.pix_fmt = recipe.pixels
    pictures.time_base = pictures.codec_context.time_base = recipe.time_base
    pictures.codec_context.color_range = 2 if recipe.full_range else 1
    if recipe.transfer is not None:
        pictures.codec_context.color_trc = recipe.transfer
    if recipe.aspect:
        pictures.codec_context.sample_aspect_ratio = recipe.aspect
    if recipe.turn is not None or recipe.flip:
        pictures.set_display_rotation(recipe.turn or 0, hflip=recipe.flip)
    if recipe.fields:
        pictures.codec_context.flags |= av.codec.context.Flags.interlaced_dct
    return pictures


def _field_order(recipe: FilmRecipe) -> Any:
    """Return a graph that marks frames as interlaced."""
    graph, (height, width) = Graph(), recipe.size
    source = graph.add_buffer(width=width, height=height, format=recipe.pixels, time_base=recipe.time_base)
    order, sink = graph.add("setfield", recipe.fields), graph.add("buffersink")
    source.link_to(order)
    order.link_to(sink)
    graph.configure()
    return graph


def _frame(recipe: FilmRecipe, index: int, stamp: int) -> av.VideoFrame:
    grey = recipe.grey(index)
    if recipe.color and (recipe.color_until is None or index < recipe.color_until):
        y = np.arange(recipe.size[0])[:, None]
        picture = np.stack([grey, np.roll(grey, 20, 1) // 2 + y, 255 - grey], axis=-1).clip(0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=recipe.pixels)
    else:
        frame = av.VideoFrame(recipe.size[1], recipe.size[0], recipe.pixels)
        bits = frame.format.components[0].bits
        if recipe.full_range:
            grey = ((grey.astype(float) - 16) * 255 / 219).round().astype(np.uint8)
        for number, plane in enumerate(frame.planes):
            rows = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)
            rows = rows.reshape(-1, plane.line_size // rows.itemsize)
            rows[:] = 128 << (bits - 8)
            if number == 0:
                rows[: recipe.size[0], : recipe.size[1]] = grey.astype(rows.dtype) << (bits - 8)
    frame.pts, frame.time_base = stamp, recipe.time_base
    if recipe.transfer is not None:
        frame.color_trc = recipe.transfer
    return frame


def _add_sound(film: Any, recipe: FilmRecipe, language: str) -> Any:
    sound = film.add_stream(recipe.sound_codec, rate=SOUND_RATE)
    sound.codec_context.layout = "mono"
    sound.metadata["language"] = language
    return sound


def _play(film: Any, sound: Any, recipe: FilmRecipe, pitch: int) -> None:
    count = int(recipe.frames / recipe.rate * SOUND_RATE)
    wave = (np.sin(np.arange(count) * (2 * np.pi * pitch / SOUND_RATE)) * 8000).astype(np.int16)
    resampler = av.AudioResampler(
        sound.codec_context.format, "mono", SOUND_RATE, sound.codec_context.frame_size or None
    )
    frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        film.mux(sound.encode(part))
    film.mux(sound.encode(None))


def _add_text(film: Any, recipe: FilmRecipe, language: str) -> Any:
    text = film.add_stream(recipe.text_codec)
    header = b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\n"
    header += b"Style: Default,Arial,16\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Name, Text\r\n"
    text.codec_context.subtitle_header = header
    text.codec_context.time_base = text.time_base = Fraction(1, 1000)
    text.metadata["language"] = language
    return text


def _write_text(film: Any, text: Any) -> None:
    from av.subtitles.subtitle import SubtitleSet

    for number, start in enumerate((100, 500)):
        words = TEXT + f"Line {number}".encode()
        packet = text.codec_context.encode_subtitle(SubtitleSet.create(words, 0, 300, start * 1000))
        packet.pts = packet.dts = start
        packet.duration, packet.time_base, packet.stream = 300, Fraction(1, 1000), text
        film.mux(packet)


def damage_frame(path: Path, number: int, garbage: bytes, at: int = 0) -> None:
    """Overwrite bytes of a film's stored frame, counted from its start."""
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(video=0) if packet.size]
        position, size = packets[number].pos, packets[number].size
    assert position is not None
    assert at + len(garbage) <= size
    content = bytearray(path.read_bytes())
    content[position + at : position + at + len(garbage)] = garbage
    path.write_bytes(content)


def packets_of(path: Path, stream: int) -> list[tuple[float, bytes]]:
    """Return time and content of a stream's packets."""
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(film.streams[stream]) if packet.size]
        return [(float((packet.pts or 0) * packet.time_base), bytes(packet)) for packet in packets]


def luma_of(path: Path) -> np.ndarray:
    """Return (N, H, W) int, the luma of a film's frames."""
    _, frames = read_frames(path)
    return frames[:, : frames.shape[1] * 2 // 3].astype(int)
