"""How a film's stored pictures come to stand upright."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Turn:
    """How stored pictures are turned to stand upright: transposed first, then flipped."""

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Turn:
        """Read a frame's display matrix (ISO 14496-12, 8.2.2); without one it stands upright."""
        data = frame.side_data.get("DISPLAYMATRIX")  # type: ignore[call-overload]
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
        if abs(a) >= abs(b):
            return cls(False, d < 0, a < 0)
        return cls(True, b < 0, c < 0)

    def apply(self, array: npt.NDArray) -> npt.NDArray:
        """Return an array (H, W, ...) upright."""
        if self.transpose:
            array = np.swapaxes(array, 0, 1)
        if self.flip_rows:
            array = array[::-1]
        if self.flip_columns:
            array = array[:, ::-1]
        return np.ascontiguousarray(array) if self != Turn() else array
