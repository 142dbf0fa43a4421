"""The options of a film's steady colours."""

from __future__ import annotations

from dataclasses import dataclass

from colorize.base import NOT_ON_PAGE, SettingError, Settings, setting

MODES = {
    "off": "each frame by itself; flickers",
    "fast": "colours are carried along the motion",
    "best": "every frame is painted, then smoothed; slower",
}
MAX_STRIDE = 16  # frames, the largest ``every``


@dataclass(frozen=True)
class TemporalOptions(Settings):
    """How a film's colours are kept steady.

    Attributes:
        temporal: ``off``: each frame by itself; ``fast``: the network predicts anchor frames, and their colours are
            warped along the motion to the frames between; ``best``: it predicts every frame, anchors take the mean of
            the frames around them, and what the motion does not reach takes the frame's own colours.
        every: The network runs on every k-th frame, 1..16, and at scene cuts. None: in ``fast`` as far apart as the
            motion can be followed, at most 16 frames, and 20 where a scene ends with them; in ``best`` on every frame.

    Raises:
        SettingError: An option is unknown or out of range.
    """

    temporal: str = setting("fast", "how colours are kept steady", choices=MODES, label="Steadiness of the colours")
    every: int | None = setting(
        None,
        "the network sees one of so many frames",
        low=1,
        high=MAX_STRIDE,
        automatic="auto",
        surfaces=NOT_ON_PAGE,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.temporal == "off" and self.every not in (None, 1):
            text = "{0} {stride} carries colours from frame to frame; use {1} fast or best"
            raise SettingError(text, "every", "temporal", stride=self.every)
