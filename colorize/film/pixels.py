"""A decoded frame's pixels, of any format (depth, range, matrix, RGB, orientation), as upright luma or RGB."""

from __future__ import annotations

import re
from dataclasses import replace

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace

from colorize.base import SWSCALE_BT2020, SWSCALE_EXACT
from colorize.color import (
    EIGHT_BITS,
    HDR_TRANSFERS,
    DeepPlane,
    HdrSystem,
    Luma,
    PlaneFormat,
    StoredLuma,
    YuvSystem,
    convert_planes,
    luma_of_grey,
    luma_of_hdr,
    luma_of_rgb,
    luma_of_yuv,
    luma_of_yuv_fields,
    shrink,
)
from colorize.film.frame_conversion import convert_frame, reads_frames
from colorize.film.samples import GREY, bits_of, has_alpha, is_full_range
from colorize.film.video import Video

PLANAR = re.compile(r"(gray|yuvj?a?4\d\dp|nv(12|21|16|24))")  # luma is a plane of its own
NEUTRAL_TOLERANCE = 2  # of 256 levels: chroma this near the middle is a codec's rounding; L moves by less than a level
HIGH_DEFINITION = 1280, 576  # width, height: wider or higher frames are BT.709 where the file does not say (as in mpv)
SWSCALE_MATRICES: dict[int, int] = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: SWSCALE_BT2020,
    10: SWSCALE_BT2020,
}
"""AVColorSpace -> swscale's number of the matrix."""
LUMA_WEIGHTS: dict[int, tuple[float, float]] = {
    Colorspace.ITU709: (0.2126, 0.0722),
    Colorspace.FCC: (0.30, 0.11),
    Colorspace.ITU601: (0.299, 0.114),
    Colorspace.SMPTE240M: (0.212, 0.087),
    SWSCALE_BT2020: (0.2627, 0.0593),
}
"""swscale's number of the matrix -> weights of red and blue in luma (H.273, table 4)."""


@reads_frames
def read_luma(
    video: Video, frame: av.VideoFrame, keep_tone: bool = False, keep_stored: bool = False, is_noisy: bool = False
) -> Luma:
    """Return a frame's luma, upright; a frame of another size than the film's first one is scaled to that.

    Args:
        video: The film that the frame is from.
        frame: The frame as decoded.
        keep_tone: Keep the colours of a toned frame too.
        keep_stored: Keep the levels as they are stored too (``Luma.stored``): of RGB where all pixels are neutral.
        is_noisy: Its colours are a tape's noise, and its Y alone is its lightness.
    """
    frame = fit_size(video, frame)
    if video.hdr:
        return luma_of_hdr(_stored_luma(video, frame, video.hdr.system), video.hdr.system)
    name = frame.format.name
    if not frame.format.is_rgb and not frame.format.has_palette:
        if not PLANAR.match(name):  # packed, or bits at the upper end: the same levels in planes
            frame = convert_frame(frame, format="yuv444p16le" if bits_of(frame) > 8 else "yuv444p")
        levels = video.orientation.apply(_plane(frame, 0))
        stored = StoredLuma(levels, bits_of(frame), is_full_range(frame)) if keep_stored else None
        if is_noisy or _is_neutral(frame):
            return replace(luma_of_grey(levels, bits_of(frame), is_full_range(frame)), stored=stored)
        if len(frame.planes) >= 3:
            planes = [levels, *(video.orientation.apply(_plane(frame, index)) for index in (1, 2))]
            luma_of = luma_of_yuv_fields if _has_field_colors(video, frame) else luma_of_yuv
            return replace(luma_of(planes, _yuv_system(frame), keep_tone), stored=stored)
    picture = rgb_picture(video, frame)
    luma = luma_of_rgb(picture, keep_tone)
    if keep_stored and (picture[..., :1] == picture[..., 1:]).all():
        return replace(luma, stored=StoredLuma(np.ascontiguousarray(picture[..., 0]), 8 * picture.itemsize, True))
    return luma


def _stored_luma(video: Video, frame: av.VideoFrame, system: HdrSystem) -> StoredLuma:
    """Return the luma of a frame, upright, as it is stored; of RGB that of the film's system."""
    if frame.format.is_rgb:
        picture = _rgb_as_stored(video, frame)
        levels = np.rint(picture.astype(np.float32) @ np.array(system.weights, np.float32)).astype(picture.dtype)
        return StoredLuma(levels, 8 * picture.itemsize, True)
    if not PLANAR.match(frame.format.name):
        frame = convert_frame(frame, format="yuv444p16le" if bits_of(frame) > 8 else "yuv444p")
    return StoredLuma(video.orientation.apply(_plane(frame, 0)), bits_of(frame), is_full_range(frame))


@reads_frames
def read_alpha(video: Video, frame: av.VideoFrame, bits: int) -> DeepPlane:
    """Return a frame's alpha, upright, from 0, transparent, to the highest level; a frame that has none is opaque.

    Args:
        video: The film that the frame is from.
        frame: The frame as decoded.
        bits: Bits of a level of the result.

    Returns:
        (H, W), uint8 for 8 bits and else uint16; an odd side is one more, as of ``color_planes``.
    """
    frame = fit_size(video, frame)
    format = PlaneFormat(bits, full_range=True)
    if not has_alpha(frame):
        height, width = video.upright_size
        return np.full((height + height % 2, width + width % 2), (1 << bits) - 1, format.dtype)
    if len(frame.planes) == 4:
        levels, own_bits = _plane(frame, 3), bits_of(frame)
    else:
        own_bits = 16 if bits_of(frame) > 8 else 8
        levels = np.asarray(convert_frame(frame, format="rgba64le" if own_bits > 8 else "rgba").to_ndarray())[..., 3]
    levels = StoredLuma(video.orientation.apply(levels), own_bits, True).converted(format)
    return np.pad(levels, [(0, side % 2) for side in levels.shape], mode="edge")


@reads_frames
def read_own_planes(
    video: Video, frame: av.VideoFrame, format: PlaneFormat = EIGHT_BITS
) -> tuple[DeepPlane, DeepPlane, DeepPlane]:
    """Return a frame's own Y, Cb and Cr, upright, in a format.

    Planes that are stored so are not changed; a frame of odd size gets one more row or column.
    """
    frame = fit_size(video, frame)
    if frame.format.is_rgb or frame.format.has_palette:
        matrix = _matrix(frame) if video.hdr else Colorspace.ITU709
        frame = convert_frame(
            frame,
            format="yuv444p16le" if bits_of(frame) > 8 else "yuv444p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=matrix,
            dst_color_range=ColorRange.MPEG,
            interpolation=SWSCALE_EXACT,
        )
        system = YuvSystem(*LUMA_WEIGHTS[matrix], bits_of(frame))
    else:
        if frame.format.name.startswith("nv") or not PLANAR.match(frame.format.name):
            frame = convert_frame(frame, format=_planar_format(frame))
        system = _yuv_system(frame)
    planes = [video.orientation.apply(_plane(frame, index)) for index in range(3 if len(frame.planes) >= 3 else 1)]
    if len(planes) == 1:
        height, width = planes[0].shape
        planes += [np.full((-(-height // 2), -(-width // 2)), 1 << (system.bits - 1), planes[0].dtype)] * 2
    return convert_planes(planes, system, format, _has_field_colors(video, frame))


@reads_frames
def small_picture(video: Video, frame: av.VideoFrame, short_side: int) -> npt.NDArray[np.uint8]:
    """Return a frame as a small RGB picture (h, w, 3), neither turned upright nor of square pixels.

    Args:
        video: The film that the frame is from.
        frame: The frame as decoded.
        short_side: Pixels of the picture's short side, unless the frame has fewer.
    """
    name = frame.format.name
    if not PLANAR.match(name) or name.startswith("nv") or len(frame.planes) < 3:
        return np.asarray(_reduced(_as_uint8(rgb_picture(video, frame)), short_side), np.uint8)
    levels = _reduced(_plane(frame, 0), short_side)
    colors = (shrink(_plane(frame, index), levels.shape) for index in (1, 2))
    rgb = cv2.transform(np.dstack([levels, *colors]).astype(np.float32), _yuv_system(frame).to_rgb())
    return np.asarray(cv2.convertScaleAbs(np.clip(rgb, 0, 65535), alpha=255 / 65535), np.uint8)


@reads_frames
def has_colors(frame: av.VideoFrame) -> bool:
    """Tell whether a frame has any chroma beyond rounding, or is stored as RGB or with a palette."""
    name = frame.format.name
    return not (GREY.match(name) or (PLANAR.match(name) and _is_neutral(frame)))


@reads_frames
def rgb_picture(video: Video, frame: av.VideoFrame) -> npt.NDArray[np.unsignedinteger]:
    """Return a frame as an upright RGB picture (H, W, 3), uint8, or uint16 where the frame has more than 8 bits.

    One of high dynamic range is shown in standard range.
    """
    picture = _rgb_as_stored(video, frame)
    return video.hdr.system.to_sdr(picture) if video.hdr else picture


def _rgb_as_stored(video: Video, frame: av.VideoFrame) -> npt.NDArray[np.unsignedinteger]:
    frame = fit_size(video, frame)
    rgb = convert_frame(
        frame,
        format="rgb48le" if bits_of(frame) > 8 else "rgb24",
        src_colorspace=_matrix(frame),
        src_color_range=ColorRange.JPEG if is_full_range(frame) else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=SWSCALE_EXACT,
    )
    return video.orientation.apply(np.asarray(rgb.to_ndarray()))


def fit_size(video: Video, frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame scaled to the size of the film's first one."""
    if (frame.height, frame.width) == video.size:
        return frame
    return convert_frame(frame, width=video.size[1], height=video.size[0], interpolation=SWSCALE_EXACT)


def _has_field_colors(video: Video, frame: av.VideoFrame) -> bool:
    """Tell whether rows of a frame's Cb and Cr belong to every second row of Y, and can be divided so."""
    fits = frame.height % 4 == 0 and len(frame.planes) >= 3 and frame.planes[1].height % 2 == 0
    return frame.interlaced_frame and fits and not video.orientation.transpose


def _planar_format(frame: av.VideoFrame) -> str:
    """Return the name of the planar format with a frame's levels and as much chroma."""
    across = round(frame.width / max(1, frame.format.chroma_width(frame.width)))
    down = round(frame.height / max(1, frame.format.chroma_height(frame.height)))
    name = {(2, 1): "yuv422p", (2, 2): "yuv420p"}.get((across, down), "yuv444p")
    return name + ("16le" if bits_of(frame) > 8 else "")


def _reduced(picture: npt.NDArray, short_side: int) -> npt.NDArray:
    """Return a picture (H, W, ...) reduced until its short side has so many pixels."""
    height, width = picture.shape[:2]
    scale = min(1.0, short_side / min(height, width))
    return shrink(picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def _as_uint8(picture: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.uint8]:
    return np.asarray(picture if picture.dtype == np.uint8 else picture >> 8, np.uint8)


def _matrix(frame: av.VideoFrame) -> int:
    """Return swscale's number of a frame's YUV matrix: the one that it states, else the usual one of its size."""
    if int(frame.color_trc) in HDR_TRANSFERS:
        return SWSCALE_MATRICES.get(int(frame.colorspace), SWSCALE_BT2020)
    is_hd = frame.width >= HIGH_DEFINITION[0] or frame.height > HIGH_DEFINITION[1]
    return SWSCALE_MATRICES.get(int(frame.colorspace), Colorspace.ITU709 if is_hd else Colorspace.ITU601)


def _yuv_system(frame: av.VideoFrame) -> YuvSystem:
    red, blue = LUMA_WEIGHTS[_matrix(frame)]
    return YuvSystem(red, blue, bits_of(frame), is_full_range(frame))


def _plane(frame: av.VideoFrame, index: int) -> npt.NDArray[np.unsignedinteger]:
    """Return a plane (h, w) without its padding; where it can, it shares the frame's memory."""
    plane = frame.planes[index]
    dtype = np.dtype(np.uint8 if bits_of(frame) == 8 else ">u2" if frame.format.is_big_endian else "<u2")
    rows = np.frombuffer(plane, dtype)  # type: ignore[call-overload]
    rows = rows.reshape(-1, plane.line_size // dtype.itemsize)
    interleaved = index == 1 and frame.format.name.startswith("nv")
    values = rows[: plane.height, : plane.width * (2 if interleaved else 1)]
    return values.astype(np.uint16) if dtype.byteorder == ">" else values


def _is_neutral(frame: av.VideoFrame) -> bool:
    """Tell whether a frame whose luma is a plane of its own has no colour but rounding."""
    if GREY.match(frame.format.name):
        return True
    middle = 1 << (bits_of(frame) - 1)
    tolerance = NEUTRAL_TOLERANCE * middle // 128
    planes = (1,) if frame.format.name.startswith("nv") else (1, 2)
    for index in planes:
        low, high, *_ = cv2.minMaxLoc(_plane(frame, index))
        if low < middle - tolerance or high > middle + tolerance:
            return False
    return True
