"""The frames of a sequence, each a file of its own: read as a screen shows them, and written in colour."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt

from colorize.base import ImageError, VideoError
from colorize.color import LINEAR, LOG, SRGB, ColorSpace, Curve, convert_to_srgb
from colorize.film.dpx import LOG_TRANSFERS, DpxFrame, new_header, read_dpx, write_dpx
from colorize.film.exr import ExrFrame, read_exr, write_exr
from colorize.film.streams import AI_LABEL
from colorize.film.timecode import Timecode
from colorize.photo import Photo, read_photo, write_photo

if TYPE_CHECKING:
    from colorize.color import Floats

DPX_SUFFIXES, EXR_SUFFIXES = (".dpx",), (".exr",)
MAX_TIMECODE_RATE = 40  # frames a second: in ST 12-1, as DPX and EXR have it, two bits count tens of frames


@dataclass(frozen=True, eq=False)
class Still:
    """A frame of a sequence.

    Attributes:
        path: The file.
        picture: (H, W) grey or (H, W, 3) RGB, uint16, as a screen shows it.
        bits: Bits of a value as stored.
        file: What was read: all that the file says beside its values.
        space: Colour space of ``picture``.
        curve: The curve of its own values; None: ``picture`` has them, on the scale of 65535.
        values: Its own values, of ``picture``'s shape; None where ``curve`` is.
    """

    path: Path
    picture: npt.NDArray[np.uint16]
    bits: int
    file: DpxFrame | ExrFrame | Photo
    space: ColorSpace = SRGB
    curve: Curve | None = None
    values: Floats | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.picture.shape[0], self.picture.shape[1]

    @property
    def rate(self) -> Fraction | None:
        """Frames per second that the file states; None: none."""
        return None if isinstance(self.file, Photo) else self.file.rate

    @property
    def timecode(self) -> str | None:
        """The timecode that the file states; None: none."""
        return self.file.timecode if isinstance(self.file, DpxFrame | ExrFrame) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the user: what of the file was left out or changed."""
        if isinstance(self.file, Photo):
            return self.file.notes
        if isinstance(self.file, DpxFrame):
            left_out = ("alpha",) if self.file.has_alpha else ()
        else:
            left_out = self.file.left_out
        return (f"{self.path}: {', '.join(left_out)} left out; colours alone are written",) if left_out else ()

    @property
    def aspect(self) -> Fraction | None:
        """Width of a pixel over its height; None: not stated."""
        return self.file.aspect if isinstance(self.file, DpxFrame | ExrFrame) else None

    @property
    def alpha(self) -> npt.NDArray[np.unsignedinteger] | None:
        """How opaque each pixel is, (H, W), up to the highest level of its dtype; None: all are."""
        return self.file.alpha if isinstance(self.file, Photo) else None

    def image(self) -> av.VideoFrame:
        """Return the frame as PyAV has it, sRGB, with its alpha if it has one."""
        grey = self.picture.ndim == 2
        picture = self.picture if self.space is SRGB else convert_to_srgb(self.picture, self.space)
        if self.alpha is not None:
            opaque = self.alpha.astype(np.uint16) * (257 if self.alpha.dtype == np.uint8 else 1)
            channels = [picture] * 3 if grey else [picture]
            return av.VideoFrame.from_ndarray(np.dstack([*channels, opaque]), format="rgba64le")
        return av.VideoFrame.from_ndarray(picture, format="gray16le" if grey else "rgb48le")

    def recolored(self, colored: npt.NDArray[np.uint16]) -> npt.NDArray:
        """Return the frame's own values in colour, (H, W, 3): float32 where they have a curve, else uint16.

        Args:
            colored: (H, W, 3), ``picture`` in colour.
        """
        if self.curve is None or self.values is None:
            return colored
        return self.curve.recolored(self.values, self.picture, colored)


def read_still(path: Path, curve: str | None = None) -> Still:
    """Return a frame of a sequence.

    Args:
        path: The file: DPX, EXR, or any that ``read_photo`` reads.
        curve: ``video``, ``log`` or ``linear``; None: as the file says.

    Raises:
        FileNotFoundError: There is no such file.
        VideoError: It is no picture, is damaged, or of a kind that is not read.
    """
    suffix = path.suffix.lower()
    if suffix in DPX_SUFFIXES:
        dpx = read_dpx(path)
        curve = curve or ("log" if dpx.transfer in LOG_TRANSFERS else "video")
        return _still(path, dpx.codes, dpx.bits, dpx, curve)
    if suffix in EXR_SUFFIXES:
        exr = read_exr(path)
        return _still(path, exr.values, 16 if exr.dtype == "float16" else 32, exr, curve or "linear")
    try:
        photo = read_photo(path)
    except ImageError as error:
        raise VideoError(str(error)) from error
    return _still(path, photo.picture, 8 * photo.picture.itemsize, photo, curve or "video")


def _still(path: Path, values: npt.NDArray, bits: int, file: DpxFrame | ExrFrame | Photo, curve: str) -> Still:
    """Return a frame of values as stored: whole numbers of ``bits`` bits, or floats."""
    space = file.space if isinstance(file, Photo) else SRGB
    if values.dtype.kind == "f":
        scaled: Floats = np.asarray(values, np.float32)
    elif curve == "video":
        # Whole numbers scale to whole numbers, and back without a change.
        picture = (values.astype(np.uint32) * 65535 + (1 << bits >> 1)) // ((1 << bits) - 1)
        return Still(path, picture.astype(np.uint16), bits, file, space)
    else:
        scaled = np.asarray(values / np.float32((1 << bits) - 1), np.float32)
    if curve == "video":
        picture = (np.clip(scaled, 0, 1) * 65535 + 0.5).astype(np.uint16)
        return Still(path, picture, bits, file, space)
    of_scan = LOG if curve == "log" else LINEAR
    if values.dtype.kind == "f":
        return Still(path, of_scan.to_screen(scaled), bits, file, SRGB, of_scan, scaled)
    return Still(path, np.take(_screen_table(of_scan, bits), values), bits, file, SRGB, of_scan, scaled)


@cache
def _screen_table(curve: Curve, bits: int) -> npt.NDArray[np.uint16]:
    """Return the sRGB level of each code value of some bits."""
    return curve.to_screen(np.linspace(0, 1, 1 << bits, dtype=np.float32))


@dataclass(frozen=True)
class FrameLabel:
    """What a written frame says of itself.

    Attributes:
        rate: Frames per second.
        aspect: Width of a pixel over its height; None: not stated.
        number: Its number.
        timecode: Its timecode; None: that of the frame that it was made of, if it has one.
        ai_label: Say that a network made the colours.
    """

    rate: Fraction
    aspect: Fraction | None
    number: int
    timecode: Timecode | None
    ai_label: bool


def states_timecode(path: Path, timecode: Timecode) -> bool:
    """Tell whether a file of a frame, by its suffix, can state a timecode."""
    return path.suffix.lower() in (*DPX_SUFFIXES, *EXR_SUFFIXES) and timecode.rate <= MAX_TIMECODE_RATE


def write_still(path: Path, colored: npt.NDArray[np.uint16], still: Still | None, label: FrameLabel) -> None:
    """Write a frame in colour; an existing one is replaced.

    Between frames of one kind, values stay what they are. Logarithmic values stay in TIFF and PNG too; in EXR there is
    light, in all other places what a screen shows.

    Args:
        path: The file; its suffix says the format.
        colored: (H, W, 3), the frame as a screen shows it, in colour; in the frame's space, of a grey one sRGB.
        still: The frame that it was made of; None: one of no sequence.
        label: What it says of itself.

    Raises:
        OSError: It cannot be written.
        VideoError: OpenEXR is not installed.
    """
    suffix = path.suffix.lower()
    curve = None if still is None else still.curve
    states_space = suffix not in (*DPX_SUFFIXES, *EXR_SUFFIXES)
    if still is not None and still.picture.ndim == 3 and still.space is not SRGB and not states_space:
        colored = convert_to_srgb(colored, still.space)  # the file cannot say what other numbers mean
    if suffix in EXR_SUFFIXES:
        linear = curve is not None and not curve.is_log and still is not None
        values = still.recolored(colored) if linear and still is not None else LINEAR.from_screen(colored)
        source = still.file if still is not None and isinstance(still.file, ExrFrame) else None
        attributes = {} if source is None else dict(source.attributes)
        if label.ai_label:
            attributes["comments"] = "; ".join(filter(None, [str(attributes.get("comments", "")), AI_LABEL]))
        attributes.setdefault("framesPerSecond", label.rate)
        if label.aspect:
            attributes.setdefault("pixelAspectRatio", float(label.aspect))
        write_exr(path, values.astype(np.float16 if source is None else source.dtype), attributes, label.timecode)
        return
    if curve is not None and curve.is_log and still is not None:
        levels = np.clip(still.recolored(colored), 0, 1)
    else:
        levels = colored
    if suffix in DPX_SUFFIXES:
        source_dpx = still.file if still is not None and isinstance(still.file, DpxFrame) else None
        bits = 16 if source_dpx is None else source_dpx.bits
        header = new_header(label.aspect, label.rate) if source_dpx is None else source_dpx.header
        creator = AI_LABEL if label.ai_label else ""
        number = label.number if source_dpx is None else None
        write_dpx(path, _codes(levels, bits), bits, header, label.timecode, number, creator)
        return
    photo = still.file if still is not None and isinstance(still.file, Photo) else Photo(_codes(levels, 16))
    write_photo(path, photo.with_colors(_codes(levels, 16), ai_label=label.ai_label), overwrite=True)


def _codes(levels: npt.NDArray, bits: int) -> npt.NDArray[np.uint16]:
    """Return levels, of 65535 or floats of 1, as code values of some bits."""
    high = (1 << bits) - 1
    if levels.dtype.kind == "f":
        return (levels * high + 0.5).astype(np.uint16)
    return ((levels.astype(np.uint32) * high + 32767) // 65535).astype(np.uint16)
