"""Films of high dynamic range (ITU-R BT.2100: PQ and HLG): what their luma shows, and their colours at that luma.

The network knows pictures of standard range, so it sees one, in which light over half the reference white of BT.2408
(203 cd/m2) is pressed together. A colour is chosen in that picture; of it the ratio of red, green and blue light is
kept, in the film's own primaries, and scaled until the colour has the film's own luma.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from colorize.color.encodings import space_of_code_points
from colorize.color.spaces import SRGB, Floats

BT709, BT2020, DISPLAY_P3 = 1, 9, 12  # ColourPrimaries (H.273, table 2)
PQ, HLG = 16, 18  # TransferCharacteristics (H.273, table 3)
HDR_TRANSFERS = {PQ: "PQ", HLG: "HLG"}
BT2020_NCL = 9  # MatrixCoefficients (H.273, table 4)
MATRICES = {1: (0.2126, 0.0722), BT2020_NCL: (0.2627, 0.0593)}
"""MatrixCoefficients -> weights of red and blue in luma."""

REFERENCE_WHITE = 203.0  # cd/m2 (BT.2408, 2.1)
PQ_PEAK = 10_000.0  # cd/m2
PQ_M1, PQ_M2 = 2610 / 16384, 2523 / 32  # BT.2100, table 4
PQ_C1, PQ_C2, PQ_C3 = 3424 / 4096, 2413 / 128, 2392 / 128
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # cd/m2 and gamma of the reference display (BT.2100, table 5)
HLG_A = 0.17883277
HLG_B, HLG_C = 1 - 4 * HLG_A, 0.5 - HLG_A * np.log(4 * HLG_A)
KNEE = 0.5  # of the reference white's light: from here on the picture of standard range presses light together

SAMPLES = 1 << 16  # of the tables of curves
MIN_LIGHT = 1e-6  # of white: darker samples have no colour that counts
SOLVER_STEPS = 3  # each leaves some hundredth of the difference to the luma


@dataclass(frozen=True)
class HdrSystem:
    """The colour system of a film of high dynamic range.

    Attributes:
        transfer: ``PQ`` or ``HLG``.
        primaries: ColourPrimaries: ``BT2020``, ``DISPLAY_P3`` or ``BT709``.
        matrix: MatrixCoefficients: a key of ``MATRICES``.
    """

    transfer: int
    primaries: int = BT2020
    matrix: int = BT2020_NCL

    @classmethod
    def of_code_points(cls, primaries: int, transfer: int, matrix: int) -> HdrSystem | None:
        """Return the system of H.273's code points, BT.2020 where one is not stated; None: it is not of high range."""
        if transfer not in HDR_TRANSFERS:
            return None
        primaries = primaries if primaries in (BT709, DISPLAY_P3) else BT2020
        return cls(transfer, primaries, matrix if matrix in MATRICES else BT2020_NCL)

    @property
    def name(self) -> str:
        """``PQ`` or ``HLG``."""
        return HDR_TRANSFERS[self.transfer]

    @property
    def weights(self) -> tuple[float, float, float]:
        """Those of red, green and blue in luma."""
        red, blue = MATRICES[self.matrix]
        return red, 1 - red - blue, blue

    def grey_of(self, encoded: npt.NDArray) -> npt.NDArray[np.float64]:
        """Return the sRGB grey 0..1 of the picture of standard range for luma 0..1, of any shape."""
        return _to_srgb(self._shown(encoded))

    def to_sdr(self, picture: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.uint16]:
        """Return a picture (H, W, 3) of the film, full range, as sRGB: each channel as ``grey_of`` shows it."""
        highest = int(np.iinfo(picture.dtype).max)
        shown = self._shown(np.arange(highest + 1) / highest).astype(np.float32)
        light = np.clip(np.take(shown, picture) @ np.linalg.inv(self._from_srgb).T, 0, 1)
        return np.asarray(np.rint(_to_srgb(light) * 65535), np.uint16)

    def _shown(self, encoded: npt.NDArray) -> npt.NDArray[np.float64]:
        """Return the light 0..1 that the picture of standard range has for encoded values."""
        encoded = np.clip(encoded, 0, 1)
        if self.transfer == PQ:
            light = _pq_to_light(encoded) * PQ_PEAK
        else:
            light = _hlg_to_light(encoded) ** HLG_GAMMA * HLG_PEAK
        relative = light / REFERENCE_WHITE
        pressed = KNEE + (1 - KNEE) * -np.expm1((KNEE - np.maximum(relative, KNEE)) / (1 - KNEE))
        return np.where(relative > KNEE, pressed, relative)

    def color_differences(self, luma: Floats, rgb: npt.NDArray[np.uint16]) -> tuple[Floats, Floats]:
        """Return Cb and Cr, each -0.5..0.5, with which luma has the colours of a picture of standard range.

        Args:
            luma: (h, w), 0..1, which stays; beyond that there is no colour.
            rgb: (h, w, 3) sRGB, the colours at the lightness that ``grey_of`` gives.
        """
        red, green, blue = (np.float32(weight) for weight in self.weights)
        light = np.take(SRGB.decoders["uint16"][0], rgb)
        ratio = light @ self._from_srgb.T  # light of red, green and blue, here relative to that of their grey
        shown = light @ SRGB.matrix[1].astype(np.float32)
        ratio = np.where((shown > MIN_LIGHT)[..., None], ratio / np.maximum(shown, MIN_LIGHT)[..., None], 1)
        target = np.clip(luma, 0, 1)

        def channels(encoded: Floats) -> Floats:
            """Return R', G' and B' of the colours whose grey is encoded so."""
            return self._encode(self._decode(encoded)[..., None] * ratio)

        def luma_of(colors: Floats) -> Floats:
            return red * colors[..., 0] + green * colors[..., 1] + blue * colors[..., 2]

        before, grey = np.zeros_like(target), target  # light 0 has luma 0
        luma_before = np.zeros_like(target)
        for _ in range(SOLVER_STEPS):  # secants: the luma rises with the grey
            found = luma_of(channels(grey))
            slope = (found - luma_before) / np.where(grey == before, 1, grey - before)
            step = (target - found) / np.where(slope > 0.05, slope, 1)
            before, luma_before, grey = grey, found, np.clip(grey + step, 0, 2).astype(np.float32)
        colors = channels(grey)
        own = luma_of(colors)
        over = np.maximum(colors.max(axis=-1) - own, 1e-6)
        share = np.clip((1 - target) / over, 0, 1)  # the light of a display ends
        share = np.where((luma > 0) & (luma < 1), share, 0).astype(np.float32)
        cb = (colors[..., 2] - own) * (share / (2 * (1 - blue)))
        cr = (colors[..., 0] - own) * (share / (2 * (1 - red)))
        return cb, cr

    @cached_property
    def _from_srgb(self) -> Floats:
        """(3, 3) linear light of BT.709's primaries -> that of the film's."""
        space: Any = space_of_code_points(self.primaries, 2)
        return np.asarray(space.inverse @ SRGB.matrix, np.float32)

    def _encode(self, light: Floats) -> Floats:
        """Return light, of which 1 is encoded as 1, encoded; over 1 up to 16 as far as that goes on."""
        position = np.sqrt(np.sqrt(np.clip(light * np.float32(1 / 16), 0, 1))) * np.float32(SAMPLES - 1)
        return np.take(_encoded(self.transfer), (position + np.float32(0.5)).astype(np.int32))

    def _decode(self, encoded: Floats) -> Floats:
        """Return the light of encoded values 0..2."""
        position = np.clip(encoded, 0, 2) * np.float32((SAMPLES - 1) / 2)
        index = np.minimum(position.astype(np.int32), SAMPLES - 2)
        table = _lights(self.transfer)
        start = np.take(table, index)
        return np.asarray(start + (np.take(table, index + 1) - start) * (position - index), np.float32)


def _to_srgb(light: npt.NDArray) -> npt.NDArray:
    """Return light 0..1 as sRGB 0..1."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


@cache
def _encoded(transfer: int) -> Floats:
    """Return the encoded values of light 0..16 at evenly spaced fourth roots, which spread the dark."""
    light = np.linspace(0, 1, SAMPLES) ** 4 * 16
    return (_light_to_pq(light) if transfer == PQ else _light_to_hlg(light)).astype(np.float32)


@cache
def _lights(transfer: int) -> Floats:
    """Return the light of evenly spaced encoded values 0..2; it goes on beyond 16 as 16."""
    encoded = np.linspace(0, 2, SAMPLES)
    light = _pq_to_light(np.minimum(encoded, 1.2)) if transfer == PQ else _hlg_to_light(encoded)
    return np.minimum(light, 16).astype(np.float32)


def _pq_to_light(encoded: npt.NDArray) -> npt.NDArray[np.float64]:
    """Return the light of PQ, 1 for 10,000 cd/m2 (BT.2100, table 4: EOTF)."""
    root = np.asarray(encoded, np.float64) ** (1 / PQ_M2)
    return (np.maximum(root - PQ_C1, 0) / (PQ_C2 - PQ_C3 * root)) ** (1 / PQ_M1)


def _light_to_pq(light: npt.NDArray) -> npt.NDArray[np.float64]:
    """Return light, 1 for 10,000 cd/m2, in PQ (BT.2100, table 4: inverse EOTF)."""
    power = np.asarray(light, np.float64) ** PQ_M1
    return ((PQ_C1 + PQ_C2 * power) / (1 + PQ_C3 * power)) ** PQ_M2


def _hlg_to_light(encoded: npt.NDArray) -> npt.NDArray[np.float64]:
    """Return the scene's light 0..1 of HLG (BT.2100, table 5: inverse OETF)."""
    encoded = np.asarray(encoded, np.float64)
    return np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - HLG_C) / HLG_A) + HLG_B) / 12)


def _light_to_hlg(light: npt.NDArray) -> npt.NDArray[np.float64]:
    """Return the scene's light in HLG (BT.2100, table 5: OETF)."""
    light = np.asarray(light, np.float64)
    return np.where(light <= 1 / 12, np.sqrt(3 * light), HLG_A * np.log(np.maximum(12 * light - HLG_B, 1e-9)) + HLG_C)
