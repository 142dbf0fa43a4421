"""What a film in colour will be: its container, and the form of its pictures."""

from __future__ import annotations

from pathlib import Path

from colorize.containers import CODECS, CONTAINERS, Container
from colorize.encoder import PictureFormat
from colorize.errors import FilmError
from colorize.video import Film

HDR_WHITE = {"PQ": "a middle grey", "HLG": "a light grey"}  # 203 cd/m2 is stored as .58 and .75 (BT.2408, 2.1)


def container_of(out: Path, codec: str | None) -> tuple[Container, str]:
    """Return the container that a result's suffix stands for, and the codec of its pictures.

    Args:
        out: The result.
        codec: As asked for; None: the usual one of the container.

    Raises:
        FilmError: No such container is written, or it does not hold the codec.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise FilmError(f"{out}: films are written as {', '.join(CONTAINERS)}; choose one of these suffixes")
    codec = codec or container.codecs[0]
    if codec not in container.codecs:
        fitting = [suffix for suffix, other in CONTAINERS.items() if codec in other.codecs]
        raise FilmError(f"{out}: {out.suffix} does not hold {codec}; choose {' or '.join(fitting) or 'another codec'}")
    return container, codec


def picture_format(film: Film, name: str) -> tuple[PictureFormat, list[str]]:
    """Return the form of a film's pictures in colour, and a line for each thing that the source has and they have not.

    Args:
        film: The source.
        name: Of the codec.

    Raises:
        FilmError: The pictures are too small for the codec.
    """
    notes: list[str] = []
    codec = CODECS[name]
    height, width = film.upright_size
    size = (height + height % 2, width + width % 2) if codec.even else (height, width)
    if size != (height, width):
        added = " and ".join(text for text, odd in (("a row", height % 2), ("a column", width % 2)) if odd)
        notes.append(
            f"{film.path}: {width} x {height} is odd; {added}, copied from the edge, made it {size[1]} x {size[0]}"
        )
    if min(size) < codec.smallest:
        raise FilmError(
            f"{film.path}: {width} x {height} is too small for {name} (at least {codec.smallest} x {codec.smallest}); "
            "choose --codec h264"
        )
    if film.hdr:
        notes.append(
            f"{film.path}: HDR ({film.hdr}) brightness is read as if it were SDR: white becomes {HDR_WHITE[film.hdr]}; "
            "for a bright picture convert the film to SDR (tone mapping) first"
        )
    fields = film.fields
    if fields and (name != "h264" or size[0] % 4 or film.turn.transpose):
        notes.append(f"{film.path}: is interlaced; {name} is written as whole pictures here")
        fields = None
    return PictureFormat(size, film.time_base, film.rate, film.upright_aspect, fields, film.steady), notes
