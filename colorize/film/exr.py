"""EXR frames: light in half or full precision, read and written by OpenEXR, with what their header says."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from colorize.base import VideoError, move_into_place, reason
from colorize.color import Floats
from colorize.film.timecode import Timecode

DESCRIBES_PIXELS = frozenset(("channels", "compression", "lineOrder", "tiles", "type"))
"""Names of attributes that describe how pixels are stored: those of the frame that is written are its own."""


@dataclass(frozen=True, eq=False)
class ExrFrame:
    """A frame of EXR.

    Attributes:
        values: (H, W) grey or (H, W, 3) RGB, float32, linear light.
        dtype: ``float16`` or ``float32``, of the values as stored.
        attributes: The header's other attributes.
        left_out: Names of the channels that are neither grey nor colours.
    """

    values: Floats
    dtype: str
    attributes: dict[str, Any]
    left_out: tuple[str, ...] = ()

    @property
    def rate(self) -> Fraction | None:
        """Frames per second; None: not stated."""
        rate = next((value for name, value in self.attributes.items() if name.lower() == "framespersecond"), None)
        return rate if isinstance(rate, Fraction) and rate > 0 else None

    @property
    def timecode(self) -> str | None:
        """The timecode, such as ``10:00:00:00``; None: not stated."""
        code = self.attributes.get("timeCode")
        if code is None:
            return None
        separator = ";" if code.dropFrame else ":"
        return f"{code.hours:02}:{code.minutes:02}:{code.seconds:02}{separator}{code.frame:02}"

    @property
    def aspect(self) -> Fraction | None:
        """Width of a pixel over its height; None: not stated."""
        ratio = float(self.attributes.get("pixelAspectRatio", 0))
        return Fraction(ratio).limit_denominator(1000) if 0.01 < ratio < 100 else None


def _library(path: Path) -> ModuleType:
    try:
        import OpenEXR  # type: ignore[import-not-found]
    except ImportError as error:
        raise VideoError(f"{path}: EXR needs OpenEXR; pip install '.[exr]' brings it") from error
    return OpenEXR


def read_exr(path: Path) -> ExrFrame:
    """Return a frame of EXR.

    Raises:
        FileNotFoundError: There is no such file.
        VideoError: It is no EXR frame, is damaged, or has neither grey nor colours.
    """
    library = _library(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with library.File(str(path), separate_channels=True) as file:
            channels = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
            attributes = {name: value for name, value in file.header().items() if name not in DESCRIBES_PIXELS}
    except Exception as error:  # OpenEXR raises whatever its C++ code says
        raise VideoError(f"{path}: not an EXR frame, or damaged ({reason(error)})") from error
    names = [name for name in ("R", "G", "B") if name in channels] if "R" in channels else ["Y"]
    if len(names) not in (1, 3) or names[0] not in channels:
        raise VideoError(f"{path}: an EXR frame without R, G, B and without Y; it has {', '.join(channels)}")
    planes = [channels[name] for name in names]
    if len({plane.shape for plane in planes}) > 1 or planes[0].dtype.kind != "f":
        raise VideoError(f"{path}: an EXR frame whose channels are whole numbers or of several sizes is not read")
    values = np.stack(planes, axis=-1) if len(planes) == 3 else planes[0]
    left_out = tuple(name for name in channels if name not in names)
    return ExrFrame(values.astype(np.float32), str(planes[0].dtype), attributes, left_out)


def write_exr(
    path: Path, values: npt.NDArray[np.floating], attributes: dict[str, Any], timecode: Timecode | None = None
) -> None:
    """Write a frame of EXR; an existing one is replaced.

    Args:
        path: The file.
        values: (H, W, 3) RGB, float16 or float32, linear light.
        attributes: Further attributes of the header.
        timecode: The frame's; None: the attributes' own stays.

    Raises:
        OSError: It cannot be written.
        VideoError: OpenEXR is not installed.
    """
    library = _library(path)
    header = {"type": library.scanlineimage, "compression": library.ZIP_COMPRESSION, **attributes}
    if timecode is not None:
        code = library.TimeCode()
        code.hours, code.minutes, code.seconds, code.frame = timecode.parts
        code.dropFrame = timecode.drop_frame
        header["timeCode"] = code
    channels = {name: np.ascontiguousarray(values[..., place]) for place, name in enumerate("RGB")}
    temporary = path.with_name(f".colorize-{path.name}")
    try:
        library.File(header, channels).write(str(temporary))
        move_into_place(temporary, path)
    except RuntimeError as error:
        raise OSError(f"{path}: cannot be written ({reason(error)})") from error
    finally:
        temporary.unlink(missing_ok=True)
