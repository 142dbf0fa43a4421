"""The depth, chroma, range and alpha of a result: the source's as far as its codec can, or what the user says."""

from __future__ import annotations

from typing import NamedTuple

from colorize.base import CODECS, Container, VideoError
from colorize.color import PlaneFormat
from colorize.film.options import VideoOptions
from colorize.film.video import Video

AUTO = "auto"


class ResultSamples(NamedTuple):
    """How a result's frames are stored.

    Attributes:
        planes: The format of Y, Cb and Cr.
        alpha: Whether there is alpha too.
        notes: A line for the user for each property of the source's that is reduced.
    """

    planes: PlaneFormat
    alpha: bool
    notes: list[str]


def choose_samples(video: Video, name: str, options: VideoOptions, container: Container | None = None) -> ResultSamples:
    """Return how a film's coloured frames are stored.

    Args:
        video: The source.
        name: The codec's name in ``CODECS``.
        options: What the user says of depth and chroma.
        container: That of the result; None: it is not a film's file.

    Raises:
        VideoError: The codec is not written in what the user says.
    """
    codec, source = CODECS[name], video.samples
    holds_alpha = container is None or not codec.alpha_in or container.format in codec.alpha_in
    depth_fits = options.bit_depth == AUTO or int(options.bit_depth) in codec.alpha_depths
    chroma_fits = options.chroma in (AUTO, codec.alpha_chroma)
    alpha = source.alpha and bool(codec.alpha_depths) and holds_alpha and depth_fits and chroma_fits
    depths = codec.alpha_depths if alpha else codec.depths
    for option, value, known in (("bit-depth", options.bit_depth, depths), ("chroma", options.chroma, codec.chromas)):
        if value != AUTO and value not in map(str, known):
            takes = ", ".join(map(str, known))
            raise VideoError(f"--{option} {value}: {name} is not written so; it takes {takes}")
    if options.bit_depth != AUTO:
        bits = int(options.bit_depth)
    else:
        bits = next((depth for depth in depths if depth >= source.bits), depths[-1])
    if options.chroma != AUTO:
        chroma = options.chroma
    elif alpha:
        chroma = codec.alpha_chroma
    else:
        wanted = (source.chroma or codec.chromas[0]) if codec.is_mezzanine else codec.chromas[0]
        chroma = next(each for each in codec.chromas if each >= wanted)
    hdr = video.hdr.system if video.hdr else None
    own_luma = codec.is_lossless or hdr is not None or (bits, chroma) != (8, "420")
    planes = PlaneFormat(bits, chroma, own_luma and codec.states_range and source.full_range, own_luma, hdr)
    return ResultSamples(planes, alpha, _notes(video, name, planes, alpha))


def _notes(video: Video, name: str, planes: PlaneFormat, alpha: bool) -> list[str]:
    """Return a line for each property of a film that its result has less of."""
    notes = []
    source = video.samples
    if source.bits > planes.bits:
        deepest = CODECS[name].depths[-1]
        remedy = "--codec ffv1 keeps all" if deepest < source.bits else "--bit-depth auto keeps them"
        notes.append(f"{video.path}: its {source.bits} bits a sample became {planes.bits}; {remedy}")
    if source.full_range and planes.own_luma and not planes.full_range:
        black, steps, _ = planes.levels()
        if (1 << source.bits) - 1 > steps:
            notes.append(
                f"{video.path}: its levels 0..{(1 << source.bits) - 1} became {black}..{black + steps}, which {name} "
                "has; --codec ffv1 keeps all"
            )
    if video.has_alpha and not alpha:
        notes.append(
            f"{video.path}: its transparency (alpha channel) was left out; results are opaque, but for ProRes 4444, "
            "FFV1 (--codec prores, ffv1), and VP9 of 420 in webm and mkv"
        )
    if video.hdr:
        lost = " and ".join(video.hdr.lost(name))
        if lost:
            notes.append(f"{video.path}: its HDR data ({lost}) were left out; {name} is written without")
        if name == "h264":
            notes.append(
                f"{video.path}: is HDR ({video.hdr.system.name}), which few players show in H.264; --codec hevc is for "
                "most"
            )
    elif name == "h264" and planes.bits > 8:
        notes.append(
            f"{video.path}: is written in {planes.bits} bits, as it is; not every player shows such H.264: --bit-depth "
            "8 is for all, --codec hevc for most"
        )
    return notes
