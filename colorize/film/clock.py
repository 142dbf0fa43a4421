"""A source's clock, where a DVD or a broken recording sets it back: sound and texts go on with the pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet

from colorize.film.video import Video, open_video, read_packets

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


def is_set_back(video: Video) -> bool:
    """Tell whether a film's clock is set back somewhere, so that a time on it may be that of several frames.

    The packets of a film are read for it, if its container lets its clock jump; once for each state of its file.

    Args:
        video: The film.

    Raises:
        FileNotFoundError: The file has vanished.
        VideoError: The file cannot be opened any more.
    """
    status = video.path.stat()
    return _is_set_back(video.path, video.stream, 1 / video.rate, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _is_set_back(path: Path, stream: int, frame: Fraction, _size: int, _time: int) -> bool:
    """Tell it of a stream of a file whose frames last so many seconds; size and date of change tell files apart."""
    with open_video(path) as container, suppress(FFmpegError):
        if not container.format.flags & Flags.ts_discont.value:
            return False
        latest: Fraction | None = None
        for packet in read_packets(container, container.streams[stream]):
            stamp = packet.dts if packet.dts is not None else packet.pts
            if stamp is None:
                continue
            time = stamp * packet.time_base
            if latest is not None and time < latest - (0 if packet.dts is not None else SET_BACK * frame):
                return True
            latest = time if latest is None else max(latest, time)
    return False


def _moved(packet: Packet, clock: int, shifts: list[Fraction]) -> Packet:
    """Return a packet, moved by the shift of its clock."""
    shift = round(shifts[min(clock, len(shifts) - 1)] / packet.time_base)
    if shift and packet.pts is not None:
        packet.pts += shift
    if shift and packet.dts is not None:
        packet.dts += shift
    return packet
