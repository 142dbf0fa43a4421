"""Closed captions (EIA-608 and 708) that frames carry: found, and handed on to the frames that are encoded."""

from __future__ import annotations

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from colorize.film.frame_conversion import convert_frame, reads_frames

MATRIX = {"src_colorspace": Colorspace.ITU709, "dst_colorspace": Colorspace.ITU709}
"""Of frames whose content does not count: by the one that they state, swscale refuses some."""


@reads_frames
def has_captions(frame: av.VideoFrame) -> bool:
    """Tell whether a decoded frame carries closed captions."""
    # A frame that was asked for its side data refers to itself in a circle and stays in memory until the garbage
    # collector comes, so a tiny copy is asked.
    copy = convert_frame(frame, width=16, height=16, format="gray", interpolation=Interpolation.POINT, **MATRIX)
    try:
        return copy.side_data.get("A53_CC") is not None  # type: ignore[call-overload]
    except ValueError:  # PyAV does not know all kinds of side data, and answers no question where one is
        return False


@reads_frames
def blank_with_captions(source: av.VideoFrame, width: int, height: int, format: str) -> av.VideoFrame:
    """Return a frame of any content that carries the captions of a decoded one.

    PyAV cannot add side data to a frame, but a converted frame keeps its source's.

    Args:
        source: The decoded frame; it is left as it is.
        width: Columns of the new frame.
        height: Its rows.
        format: Its pixel format.
    """
    # By way of grey, for a frame that needs no conversion would be returned itself.
    levels = {"src_color_range": ColorRange.JPEG, "dst_color_range": ColorRange.JPEG}
    blank = convert_frame(source, format="gray", **levels, **MATRIX)
    blank = convert_frame(blank, width=width, height=height, format=format, **levels, **MATRIX)
    blank.pict_type = PictureType.NONE  # the encoder chooses
    return blank
