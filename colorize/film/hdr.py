"""What a film of high dynamic range says of itself: its colour system, and the display that it was graded on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from colorize.base import read_side_data
from colorize.color import HdrSystem

MASTERING, LIGHT = "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"
DYNAMIC = {
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DOVI_METADATA": "Dolby Vision",
}
"""PyAV's name of side data that say how each picture is shown -> what it is called."""
PARAMETERS = {
    "h264": ("x264-params", "mastering-display", "cll", True),
    "hevc": ("x265-params", "master-display", "max-cll", True),
    "av1": ("svtav1-params", "mastering-display", "content-light", False),
}
"""Codec -> FFmpeg's option of its encoder's parameters, those of display and light, and whether they are integers."""
CHROMATICITY_UNIT, LUMINANCE_UNIT = 50_000, 10_000  # steps in 1, and in 1 cd/m2, of integers (H.265, D.3.28)


@dataclass(frozen=True)
class MasteringDisplay:
    """The display that a film was graded on (SMPTE ST 2086).

    Attributes:
        chromaticities: x and y of red, green, blue and white.
        luminances: The least and the largest, in cd/m2.
    """

    chromaticities: tuple[Fraction, ...]
    luminances: tuple[Fraction, Fraction]

    @classmethod
    def parse(cls, data: bytes) -> MasteringDisplay | None:
        """Read FFmpeg's AVMasteringDisplayMetadata; None: it does not say both."""
        numbers = np.frombuffer(data[:88], np.int32).tolist()
        if len(numbers) < 22 or not numbers[20] or not numbers[21] or 0 in numbers[1:20:2]:
            return None
        values = [Fraction(numbers[place], numbers[place + 1]) for place in range(0, 20, 2)]
        return cls(tuple(values[:8]), (values[8], values[9]))

    def text(self, in_integers: bool) -> str:
        """Return it as encoders take it."""
        red, green, blue, white = zip(self.chromaticities[::2], self.chromaticities[1::2], strict=True)
        least, largest = self.luminances
        points = (("G", green), ("B", blue), ("R", red), ("WP", white), ("L", (largest, least)))

        def number(value: Fraction, name: str) -> str:
            unit = LUMINANCE_UNIT if name == "L" else CHROMATICITY_UNIT
            return str(round(value * unit)) if in_integers else f"{float(value):.6f}"

        return "".join(f"{name}({','.join(number(value, name) for value in pair)})" for name, pair in points)


@dataclass(frozen=True)
class Hdr:
    """What a film of high dynamic range says of itself.

    Attributes:
        system: Its colour system.
        mastering: The display that it was graded on; None: not stated.
        light: The light of its brightest pixel and of its brightest frame, in cd/m2 (CTA-861.3); None: not stated.
        dynamic: What says how each single picture is shown, such as Dolby Vision; nobody writes that here.
    """

    system: HdrSystem
    mastering: MasteringDisplay | None = None
    light: tuple[int, int] | None = None
    dynamic: tuple[str, ...] = ()

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Hdr | None:
        """Return what a film's first frame says; None: it is not of high dynamic range."""
        system = HdrSystem.of_code_points(int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace))
        if system is None:
            return None
        display, light = read_side_data(frame, MASTERING), read_side_data(frame, LIGHT)
        levels = np.frombuffer(light[:8], np.uint32).tolist() if light else []
        dynamic = {name: None for kind, name in DYNAMIC.items() if read_side_data(frame, kind) is not None}
        return cls(
            system,
            MasteringDisplay.parse(display) if display else None,
            (levels[0], levels[1]) if len(levels) == 2 and any(levels) else None,
            tuple(dynamic),
        )

    def parameters(self, codec: str) -> dict[str, list[str]]:
        """Return FFmpeg's option and the parameters for a codec's encoder, with which its stream says the same."""
        if codec not in PARAMETERS:
            return {}
        option, display, light, in_integers = PARAMETERS[codec]
        parameters = [f"{display}={self.mastering.text(in_integers)}"] if self.mastering else []
        parameters += [f"{light}={self.light[0]},{self.light[1]}"] if self.light else []
        return {option: parameters} if parameters else {}

    def lost(self, codec: str) -> Sequence[str]:
        """Return what a codec's stream does not say of all this."""
        static = [] if codec in PARAMETERS else [self.mastering and "mastering display", self.light and "light levels"]
        return [*filter(None, static), *self.dynamic]
