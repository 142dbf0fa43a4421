"""Films for tests: grey or in colour, in any container, with sound, text, chapters and all that films have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph

from support.video_tracks import add_cover, add_sound, add_text, play, write_text

RATE = 30


@dataclass
class VideoRecipe:
    """What a made film is like."""

    frames: int = 30
    size: tuple[int, int] = (48, 64)
    codec: str = "libx264"
    pixels: str = "yuv420p"
    rate: Fraction = Fraction(RATE)
    time_base: Fraction = Fraction(1, 90_000)
    pts: Sequence[int] | None = None
    color: bool = False
    color_until: int | None = None
    full_range: bool = False
    transfer: int | None = None
    aspect: Fraction | None = None
    orientation: float | None = None
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
        if self.pts is not None:
            return list(self.pts)
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


def make_video(path: Path, recipe: VideoRecipe | None = None) -> Path:
    """Write a film and return its path."""
    recipe = recipe or VideoRecipe()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(path, recipe) as video:
        video.metadata.update(recipe.metadata)
        further = _add_pictures(video, replace(recipe, size=(32, 32))) if recipe.further else None
        pictures = _add_pictures(video, recipe)
        if further is not None:
            pictures.disposition = av.stream.Disposition.default
        sounds = [add_sound(video, recipe.sound_codec, language) for language in recipe.sounds]
        texts = [add_text(video, recipe.text_codec, language) for language in recipe.texts]
        if recipe.cover:
            add_cover(video, path.suffix == ".mkv")
        if recipe.attachment:
            video.add_attachment("font.ttf", "application/x-truetype-font", b"not really a font")
        if recipe.chapters:
            half = recipe.frames * 500 // recipe.rate
            base = Fraction(1, 1000)
            video.set_chapters(
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
            video.mux(pictures.encode(frame))
            if further is not None:
                video.mux(further.encode(_frame(replace(recipe, size=(32, 32)), index, stamp)))
        for stream in (pictures, further):
            video.mux(stream.encode(None) if stream is not None else [])
        for number, sound in enumerate(sounds):
            play(video, sound, recipe.frames / recipe.rate, 220 * (number + 1))
        for text in texts:
            write_text(video, text)
    return path


class _Pipe:
    """A file in which one cannot go back, so that no duration gets into its header."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(b"")

    def write(self, data: bytes) -> int:
        with open(self._path, "ab") as file:
            return file.write(data)


def _open(path: Path, recipe: VideoRecipe) -> Any:
    if not recipe.piped:
        return av.open(str(path), "w")
    return av.open(_Pipe(path), "w", format={".mkv": "matroska"}.get(path.suffix, path.suffix[1:]))


def _add_pictures(video: Any, recipe: VideoRecipe) -> Any:
    pictures = video.add_stream(recipe.codec, rate=recipe.rate, options={"crf": "12", **recipe.options})
    pictures.height, pictures.width = recipe.size
    pictures.pix_fmt = recipe.pixels
    pictures.time_base = pictures.codec_context.time_base = recipe.time_base
    pictures.codec_context.color_range = 2 if recipe.full_range else 1
    if recipe.transfer is not None:
        pictures.codec_context.color_trc = recipe.transfer
    if recipe.aspect:
        pictures.codec_context.sample_aspect_ratio = recipe.aspect
    if recipe.orientation is not None or recipe.flip:
        pictures.set_display_rotation(recipe.orientation or 0, hflip=recipe.flip)
    if recipe.fields:
        pictures.codec_context.flags |= av.codec.context.Flags.interlaced_dct
    return pictures


def _field_order(recipe: VideoRecipe) -> Any:
    """Return a graph that marks frames as interlaced."""
    graph, (height, width) = Graph(), recipe.size
    source = graph.add_buffer(width=width, height=height, format=recipe.pixels, time_base=recipe.time_base)
    order, sink = graph.add("setfield", recipe.fields), graph.add("buffersink")
    source.link_to(order)
    order.link_to(sink)
    graph.configure()
    return graph


def _frame(recipe: VideoRecipe, index: int, stamp: int) -> av.VideoFrame:
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
