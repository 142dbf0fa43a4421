"""``Photo``: a picture with all that belongs to it, as it is read and written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from colorize.color import SRGB, ColorSpace, Picture, srgb_profile
from colorize.photo.metadata import label_exif
from colorize.photo.texts import Text
from colorize.photo.xmp import label_xmp


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright picture with its alpha, colour space and metadata.

    Attributes:
        picture: (H, W, 3) RGB or grey (H, W), uint8 or uint16.
        alpha: (H, W) of the picture's dtype, 0 transparent; None: opaque.
        format: a value of ``PHOTO_FORMATS``, or the name of one that is only read.
        space: Its RGB space; of a grey picture its tone curve.
        profile: The ICC profile; None: untagged, which means sRGB.
        exif: The EXIF block, without thumbnail, its orientation upright; None: none.
        xmp: The XMP packet; None: none.
        iptc: IPTC-IIM records; None: none.
        photoshop: Photoshop's image resources but for IPTC and thumbnails; None: none.
        texts: A JPEG's comments, a PNG's texts.
        dpi: Horizontal and vertical resolution in pixels an inch; None: not stated.
        lossless: Whether a WebP or JPEG XL is to be written without loss, as the file is.
        notes: Lines for the user, each with the file's name: what of the file was left out or changed.
        file_bytes: About as many as all photos of its file have in colour, where it may hold several; else 0.
    """

    picture: Picture
    alpha: Picture | None = None
    format: str = "PNG"
    space: ColorSpace = field(default=SRGB, repr=False)
    profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    photoshop: bytes | None = field(default=None, repr=False)
    texts: tuple[Text, ...] = ()
    dpi: tuple[float, float] | None = None
    lossless: bool = False
    notes: tuple[str, ...] = ()
    file_bytes: int = 0

    def with_colors(self, picture: Picture, *, ai_label: bool = True) -> Photo:
        """Return the photo with the RGB picture that ``Colorizer`` made of it.

        A grey photo's profile cannot describe colours: sRGB's takes its place.

        Args:
            picture: (H, W, 3) of the same size.
            ai_label: Say in EXIF and XMP that the colours were made by a network.

        Raises:
            ValueError: The picture is another one's: it has another size.
        """
        if picture.shape != (*self.picture.shape[:2], 3):
            raise ValueError(f"colours {picture.shape} for a photo {self.picture.shape}; give (H, W, 3) of its size")
        photo = replace(self, picture=picture)
        if self.picture.ndim == 2:
            photo = replace(photo, space=SRGB, profile=srgb_profile() if self.profile else None)
        return replace(photo, exif=label_exif(self.exif), xmp=label_xmp(self.xmp)) if ai_label else photo
