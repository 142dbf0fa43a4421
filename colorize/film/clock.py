"""A source's clock, where a DVD or a broken recording sets it back: sound and texts go on with the pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from av.packet import Packet

SET_BACK = 10  # frames: a stream's time that is so much earlier than the packet's before shows another clock
MAX_WAITING = 2000  # packets that wait for the pictures' clock to be set back too


def run_clock_on(packets: Iterable[Packet], video: int, frame: Fraction) -> Iterator[Packet]:
    """Yield packets in the same order, their times running on where the clock is set back.

    All streams are moved by what moves the pictures, which follow each other without a gap; ``decode_frames`` moves the
    frames so. Sound of the new clock that is stored before its pictures waits for them.

    Args:
        packets: The packets of a source in the order of the file; their times are changed.
        video: Index of the stream of pictures.
        frame: Duration of a frame in seconds.
    """
    shifts = [Fraction(0)]  # seconds, of each clock
    last: dict[int, Fraction] = {}  # stream -> time of its packet before, as stored
    clocks: dict[int, int] = {}  # stream -> which clock its packet before is of
    waiting: deque[tuple[Packet, int]] = deque()
    for packet in packets:
        stamp = packet.dts if packet.dts is not None else packet.pts
        stream = packet.stream_index
        if stamp is not None:
            time = stamp * packet.time_base
            is_set_back = time < last.get(stream, time) - SET_BACK * frame
            if stream == video and is_set_back:
                shifts.append(shifts[-1] + last[stream] + frame - time)
            elif is_set_back:
                clocks[stream] = clocks.get(stream, 0) + 1
            last[stream] = time
        if stream == video or packet.stream.type != "audio":
            clocks[stream] = len(shifts) - 1  # texts are too rare to show it themselves
        waiting.append((packet, clocks.setdefault(stream, 0)))
        while waiting and (waiting[0][1] < len(shifts) or len(waiting) > MAX_WAITING):
            yield _moved(*waiting.popleft(), shifts)
    for packet, clock in waiting:
        yield _moved(packet, clock, shifts)


def _moved(packet: Packet, clock: int, shifts: list[Fraction]) -> Packet:
    """Return a packet, moved by the shift of its clock."""
    shift = round(shifts[min(clock, len(shifts) - 1)] / packet.time_base)
    if shift and packet.pts is not None:
        packet.pts += shift
    if shift and packet.dts is not None:
        packet.dts += shift
    return packet
