"""Sound files of every format, small, from which the damaged ones are made."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.video.stream import VideoStream
from PIL import Image

from colorize.base import CODECS, CONTAINERS, PHOTO_FORMATS, scheduling_kept
from colorize.photo import Photo, write_photo

SIZE = (72, 96)  # height and width of what is damaged, in pixels
FRAMES, RATE = 12, 25  # of films, and how many a second
SOUND = {".webm": "libopus", ".avi": "mp2", ".mpg": "mp2", ".ts": "mp2"}  # suffix -> encoder


def make_photos() -> dict[str, bytes]:
    """Return sound grey photographs by name: every format that is written, in the depths that it holds."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    grey = ((rows * 2 + columns + 20 * np.sin(columns / 3)) % 256).astype(np.uint8)
    rgb = np.dstack([grey] * 3)
    pictures: dict[str, npt.NDArray] = {"grey": grey, "rgb": rgb, "grey16": grey.astype(np.uint16) * 257}
    photos: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in {format: suffix for suffix, format in reversed(PHOTO_FORMATS.items())}.values():
            for name, picture in pictures.items():
                path = Path(folder) / f"{name}{suffix}"
                write_photo(path, Photo(picture))
                photos[path.name] = path.read_bytes()
    image = Image.fromarray(grey)
    for name, options in {
        "progressive.jpg": {"progressive": True, "exif": _exif()},
        "optimized.png": {"optimize": True},
        "group4.tif": {"compression": "group4"},
        "lzw.tif": {"compression": "tiff_lzw"},
        "jpeg.tif": {"compression": "jpeg"},
        "pages.tif": {"save_all": True, "append_images": [image, image]},
        "turned.tif": {"exif": _exif()},
    }.items():
        file = BytesIO()
        (image.convert("1") if "group4" in name else image).save(file, _format(name), **options)  # type: ignore[arg-type]
        photos[name] = file.getvalue()
    return photos | _make_rare_photos(grey)


def _make_rare_photos(grey: npt.NDArray[np.uint8]) -> dict[str, bytes]:
    """Return a grey photograph by name as scanners, archives and catalogues write it too."""
    deep = grey.astype(np.uint16) * 257
    rgb = np.dstack([deep] * 3)
    is_dng = (50706, 1, 4, b"\1\4\0\0", True)  # DNGVersion
    jpeg, gif = BytesIO(), BytesIO()
    Image.fromarray(grey).convert("CMYK").save(jpeg, "JPEG")
    Image.fromarray(grey).save(gif, "GIF")
    photos = {
        "cmyk.jpg": jpeg.getvalue(),
        "grey.gif": gif.getvalue(),
        "grey.jls": imagecodecs.jpegls_encode(deep),
        "grey.jxr": imagecodecs.jpegxr_encode(deep, level=1.0),
        "alpha.wdp": imagecodecs.jpegxr_encode(np.dstack([rgb, deep]), level=0.9, photometric="rgb", hasalpha=True),
        "grey.pgm": b"P5 %d %d 65535\n" % (SIZE[1], SIZE[0]) + deep.astype(">u2").tobytes(),
        "stream.j2k": imagecodecs.jpeg2k_encode(rgb, level=0, reversible=True, codecformat="j2k"),
    }
    tiffs: dict[str, tuple[npt.NDArray, dict]] = {
        "scanner.dng": (rgb, {"photometric": 34892, "extratags": [is_dng]}),
        "infrared.tif": (np.dstack([rgb, deep]), {"photometric": "rgb", "extrasamples": ["unspecified"]}),
        "planes.tif": (np.moveaxis(rgb, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        "float.tif": ((grey / 255).astype(np.float32), {"compression": "adobe_deflate", "predictor": True}),
        "signed.tif": ((deep >> 1).astype(np.int16), {"tile": (32, 32)}),
        "big.tif": (255 - grey, {"photometric": "miniswhite", "bigtiff": True, "byteorder": ">"}),
        "cmyk.tif": (255 - np.dstack([rgb >> 8, rgb[..., :1] >> 8]).astype(np.uint8), {"photometric": "separated"}),
        "lab.tif": (np.dstack([deep, deep * 0, deep * 0]), {"photometric": "cielab"}),
        "jpeg_xl.tif": (grey, {"compression": "jpegxl"}),
        **{
            f"{name}.tif": (rgb, {"photometric": "rgb", "compression": name, "rowsperstrip": 16})
            for name in ("zstd", "lzma", "packbits", "lerc", "jpeg2000", "jpegxr")
        },
        "webp.tif": ((rgb >> 8).astype(np.uint8), {"photometric": "rgb", "compression": "webp"}),
    }
    for name, (picture, options) in tiffs.items():
        file = BytesIO()
        tifffile.imwrite(file, picture, metadata=None, **options)
        photos[name] = file.getvalue()
    packed = np.unpackbits((deep >> 4).astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, 4:]
    photos["grey12.tif"] = _tiff_of_12_bits(np.packbits(packed.reshape(-1)).tobytes())
    for name in ("group3", "tiff_ccitt"):
        file = BytesIO()
        Image.fromarray(grey).convert("1").save(file, "TIFF", compression=name)
        photos[f"{name}.tif"] = file.getvalue()
    return photos


def _tiff_of_12_bits(data: bytes) -> bytes:
    """Return a TIFF of packed grey samples of 12 bits, in one strip."""
    height, width = SIZE
    tags = (
        (256, width),
        (257, height),
        (258, 12),
        (259, 1),
        (262, 1),
        (273, 0),
        (277, 1),
        (278, height),
        (279, len(data)),
    )
    start = 8 + 2 + 12 * len(tags) + 4
    entries = (struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries) + bytes(4) + data


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a box of photographs"
    return exif


def _format(name: str) -> str:
    return PHOTO_FORMATS[Path(name).suffix]


def make_films(only: str | None = None) -> dict[str, bytes]:
    """Return sound grey films with sound by name: every container that is written with its codecs, and older ones.

    Args:
        only: Name of the one that is made; None: all.
    """
    encoders = {
        f"{codec}{suffix}": CODECS[codec].encoder
        for suffix, container in CONTAINERS.items()
        if suffix != ".m4v"
        for codec in container.codecs
    }
    encoders |= {"mpeg4.avi": "mpeg4", "mjpeg.avi": "mjpeg", "mpeg2.mpg": "mpeg2video", "mpeg2.ts": "mpeg2video"}
    encoders = {name: encoder for name, encoder in encoders.items() if only in (None, name)}
    films: dict[str, bytes] = {}
    grey = np.arange(SIZE[0] * SIZE[1]).astype(np.uint8).reshape(SIZE)
    greys = [np.roll(grey, index, 1) for index in range(FRAMES)]
    with tempfile.TemporaryDirectory() as folder:
        for name, encoder in encoders.items():
            path = Path(folder) / name
            try:
                with scheduling_kept():
                    write_film(path, encoder, greys, RATE)
            except (FFmpegError, ValueError):
                continue  # this PyAV lacks it
            films[name] = path.read_bytes()
    return films


def write_film(path: Path, encoder: str, greys: Sequence[npt.NDArray], rate: int) -> None:
    """Write grey pictures of one size as a film with silent sound.

    Args:
        path: Its suffix chooses the container.
        encoder: FFmpeg's name of the encoder.
        greys: The pictures, (h, w) uint8.
        rate: Pictures a second.
    """
    with av.open(str(path), "w") as film:
        pictures = film.add_stream(encoder, rate=rate)
        assert isinstance(pictures, VideoStream)
        pictures.height, pictures.width = greys[0].shape
        pictures.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
        sound = film.add_stream(SOUND.get(path.suffix, "aac"), rate=48000)
        assert isinstance(sound, AudioStream)
        for index, grey in enumerate(greys):
            frame = av.VideoFrame.from_ndarray(np.dstack([grey] * 3), "rgb24").reformat(format=pictures.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, rate)
            film.mux(pictures.encode(frame))
        film.mux(pictures.encode(None))
        resampler = av.AudioResampler(sound.format, sound.layout, 48000, sound.codec_context.frame_size or 960)
        samples = 48000 * len(greys) // rate
        for start in range(0, samples, 48000):  # a second at a time, so that the film may be long
            silence = av.AudioFrame.from_ndarray(np.zeros((1, min(48000, samples - start)), np.int16), "s16", "mono")
            silence.sample_rate, silence.pts = 48000, start
            for part in resampler.resample(silence):
                film.mux(sound.encode(part))
        film.mux(sound.encode(None))
