"""Frames of a film on the network's grid: a type for each stage of ``TemporalPainter``, which knows more and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from colorize.color import Floats
from colorize.motion.cuts import ClassifiedFrame
from colorize.motion.flow import Grey, Motion

State = dict[str, npt.NDArray[np.generic]]
"""All that the frames after a segment depend on, by name; empty where a scene ends with it."""

SegmentEnd = Literal["segment", "scene"]
"""What ends with a segment's last frame: the segment alone; or the scene too, so that a cut or nothing follows."""


@dataclass(frozen=True, eq=False)
class TrackedFrame(ClassifiedFrame):
    """A frame whose motion is known.

    Motion is followed at half the grid's size.

    Attributes:
        half_grey: Its grey levels at that size; of a flash those of the frame before, for it is held still.
        state: What the frames after it depend on, where it ends a segment; None elsewhere. Later stages add to it, but
            not where it is empty.
        backward_flow: Motion to the frame before; None: a scene begins.
        forward_flow: Motion from the frame before to this one; None: a scene begins.
    """

    half_grey: Grey
    state: State | None
    backward_flow: Motion | None
    forward_flow: Motion | None


@dataclass(frozen=True, eq=False)
class PlannedFrame(TrackedFrame):
    """A frame of an interval, of which it is decided whether the network predicts it.

    Attributes:
        to_anchor: Motion to the last anchor before this frame; None: a scene begins.
        needs_network: Whether the network is to predict this frame's ab.
        to_predicted: Motion to the last frame before this one that the network predicts; None: there is none, or the
            network does not predict this one.
    """

    to_anchor: Motion | None
    needs_network: bool
    to_predicted: Motion | None


@dataclass(frozen=True, eq=False)
class PredictedFrame(PlannedFrame):
    """A frame with the network's colours.

    Attributes:
        ab: (h, w, 2) in Lab units; None: the network did not predict it.
    """

    ab: Floats | None
