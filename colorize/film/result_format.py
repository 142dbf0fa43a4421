"""The form of a coloured film: its container, its codec, and the format of its pictures."""

from __future__ import annotations

from pathlib import Path

import av

from colorize.base import CODECS, CONTAINERS, Container, VideoError, states_rate_of_copies
from colorize.film.depth import choose_samples
from colorize.film.dvd import title_parts
from colorize.film.encoder import PictureFormat
from colorize.film.options import VideoOptions
from colorize.film.streams import nearest_rate
from colorize.film.video import Video


def choose_container(out: Path, codec: str | None) -> tuple[Container, str]:
    """Return the container that a result's suffix stands for, and the name of its video codec.

    Args:
        out: The result.
        codec: The codec that was asked for, a name of ``CODECS``; None: the container's default.

    Raises:
        VideoError: No container is written under the suffix, or it does not hold the codec.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise VideoError(f"{out}: films are written as {', '.join(CONTAINERS)}; choose one of these suffixes")
    codec = codec or container.codecs[0]
    if codec not in container.codecs:
        fitting = [suffix for suffix, other in CONTAINERS.items() if codec in other.codecs]
        raise VideoError(f"{out}: {out.suffix} does not hold {codec}; choose {' or '.join(fitting) or 'another codec'}")
    return container, codec


def check_rate(video: Video, container: Container) -> None:
    """Check that a container can have a film's frame rate.

    Raises:
        VideoError: It cannot, or this PyAV cannot state it there.
    """
    if container.rates and (not video.is_cfr or nearest_rate(container, video.rate) is None):
        rate = f"is {float(video.rate):.6g} frames a second" if video.is_cfr else "varies"
        raise VideoError(
            f"{video.path}: its frame rate {rate}, which {container.format} does not hold; choose -o film.mov"
        )
    if container.rates and not states_rate_of_copies():
        raise VideoError(
            f"{video.path}: {container.format} needs PyAV 18.1, so Python 3.11 or newer, to state the frame rate; here "
            f"is PyAV {av.__version__}; choose -o film.mov"
        )


def choose_picture_format(
    video: Video, name: str, options: VideoOptions | None = None, container: Container | None = None
) -> tuple[PictureFormat, list[str]]:
    """Return the format of a film's coloured frames, and a line for the user for each property of the source it lacks.

    Args:
        video: The source.
        name: The codec's name in ``CODECS``.
        options: What the user says of depth and chroma.
        container: That of the result; None: it is not a film's file.

    Raises:
        VideoError: The frames are too small for the codec, or it is not written in that depth or chroma.
    """
    notes: list[str] = []
    _, *following = title_parts(video.path)
    if following:
        names = ", ".join(part.name for part in following)
        notes.append(f"{video.path}: the parts that go on with it were joined to it: {names}")
    codec = CODECS[name]
    height, width = video.upright_size
    size = (height + height % 2, width + width % 2) if codec.even_sides else (height, width)
    if size != (height, width):
        added = " and ".join(text for text, odd in (("a row", height % 2), ("a column", width % 2)) if odd)
        notes.append(
            f"{video.path}: {width} x {height} is odd; {added}, copied from the edge, made it {size[1]} x {size[0]}"
        )
    least = codec.min_size
    if container is not None and (size[0] < least[0] or size[1] < least[1]):  # else nothing is encoded by it
        other = "prores" if name == "dnxhr" and min(size) >= 16 else "h264"
        raise VideoError(
            f"{video.path}: {width} x {height} is too small for {name} (at least {least[1]} x {least[0]}); "
            f"choose --codec {other}"
        )
    samples = choose_samples(video, name, options or VideoOptions(), container)
    notes += samples.notes
    field_order = video.upright_field_order
    if video.field_order and (not codec.interlaced or size[0] % 4 or not field_order):
        notes.append(f"{video.path}: is interlaced; {name} is written as whole pictures here")
        field_order = None
    if field_order and container is not None and not container.field_order:
        notes.append(
            f"{video.path}: is interlaced, as its pictures state; {container.format} calls them progressive; .mov does "
            "not"
        )
    format = PictureFormat(
        size,
        video.time_base,
        video.rate,
        video.upright_aspect,
        field_order,
        video.is_cfr,
        samples.planes,
        samples.alpha,
        video.hdr,
    )
    return format, notes
