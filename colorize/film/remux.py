"""The whole film: finished parts joined, not encoded again, with the packets of all other streams between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from colorize.base import VideoError, reason
from colorize.film.segments import SegmentStore
from colorize.film.streams import RemuxPlan, RemuxReport, add_streams, describe, muxer_options
from colorize.film.transcoding import CoverCopy, StreamCopy
from colorize.film.video import open_video

CUT_OFF = Fraction(1)  # seconds by which a film may end before the time that it states
STATED = ("mov", "matroska", "avi", "flv", "asf")  # formats whose stated duration was measured, not estimated


def write_video(path: Path, plan: RemuxPlan, store: SegmentStore) -> RemuxReport:
    """Write the film: the parts' pictures, and every other stream, chapter and tag of the source.

    Args:
        path: The file; an existing one is replaced.
        plan: What is joined to what.
        store: All of them finished.

    Raises:
        OSError: The file cannot be written, or the source has vanished.
        VideoError: The source or a part cannot be read any more.
    """
    report = RemuxReport()
    with open_video(plan.video.path) as source:
        options = muxer_options(plan, source, report)
        target = av.open(str(path), "w", format=plan.container.format, container_options=options)
        try:
            with av.open(str(store.pictures(0))) as first:
                outputs = add_streams(plan, source, target, first.streams.video[0], report)
            describe(plan, source, target)
            end = _interleave(plan, source, target, outputs, _pictures(plan, store), report)
            for output in outputs.values():
                output.finish(target)
        except BaseException:
            with suppress(FFmpegError, OSError):
                target.close()
            raise
        target.close()
        if plan.span.end is None and source.duration and source.format.name.split(",")[0] in STATED:
            stated = Fraction(source.duration, av.time_base)
            begin = Fraction(source.start_time or 0, av.time_base)
            if end - begin < stated - max(CUT_OFF, stated / 100):
                report.ended = float(end - begin)
    return report


def _pictures(plan: RemuxPlan, store: SegmentStore) -> Iterator[Packet]:
    """Yield the parts' packets with the film's time stamps.

    A packet's decoding time is the time at which the frame ``reorder_delay`` places earlier is shown: right for any order of
    frames that needs no more than that delay, and rising over the borders of parts.
    """
    pts = [pts for segment in store.segments for pts in segment.pts]
    durations = {now: after - now for now, after in pairwise(pts)}
    durations[pts[-1]] = store.segments[-1].durations[-1]
    reorder_delay = max(segment.reorder_delay for segment in store.segments)
    step = max(1, round(1 / (plan.format.rate * plan.format.time_base)))
    early = [pts[0] - step * place for place in range(reorder_delay, 0, -1)]
    decoding = iter(early + pts)
    for number, segment in enumerate(store.segments):
        path = store.pictures(number)
        seen: list[int] = []
        begin = segment.pts[0] - plan.format.pts_offset
        try:
            with av.open(str(path)) as container:
                for packet in container.demux(video=0):
                    if not packet.size:
                        continue
                    assert packet.pts is not None
                    pts = begin + round(packet.pts * packet.time_base / plan.format.time_base)
                    packet.time_base = plan.format.time_base
                    packet.pts, packet.dts, packet.duration = pts, next(decoding), durations[pts]
                    yield packet
                    seen.append(pts)
        except (FFmpegError, OSError, KeyError) as error:
            raise VideoError(f"{path}: damaged ({reason(error)}); remove {store.folder} to start afresh") from error
        if sorted(seen) != segment.pts:
            raise VideoError(f"{path}: its frames are not those of its record; remove {store.folder} to start afresh")


def _interleave(
    plan: RemuxPlan,
    source: InputContainer,
    target: OutputContainer,
    outputs: dict[int, StreamCopy],
    pictures: Iterator[Packet],
    report: RemuxReport,
) -> Fraction:
    """Write all packets in the order of their times; return where the source ends, in seconds on its clock."""
    own = outputs[plan.video.stream].stream
    waiting = next(pictures, None)
    end = Fraction(0)
    warms_up = not plan.container.edit_list and "matroska" not in source.format.name
    others = [stream for stream in source.streams if stream.index in outputs or stream.index == plan.video.stream]
    for packet in _packets(source, others):
        base = Fraction(packet.time_base)
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            end = max(end, (stamp + (packet.duration or 0)) * base)
        if packet.stream_index == plan.video.stream:
            continue
        if not isinstance(outputs[packet.stream_index], CoverCopy) and not _move(plan, packet, base, warms_up):
            continue
        seconds = (packet.dts if packet.dts is not None else packet.pts or 0) * base
        while waiting is not None and (waiting.dts or 0) * waiting.time_base <= seconds:
            waiting.stream = own
            target.mux(waiting)
            waiting = next(pictures, None)
        outputs[packet.stream_index].send(packet, target)
    while waiting is not None:
        waiting.stream = own
        target.mux(waiting)
        waiting = next(pictures, None)
    for output in outputs.values():
        if output.awaits_key:
            report.lines.append(f"{plan.video.path}: {output.name} has no key frame in the span; nothing was copied")
        if output.damaged_packets:
            packets = (
                "a damaged packet was"
                if output.damaged_packets == 1
                else f"{output.damaged_packets} damaged packets were"
            )
            report.lines.append(f"{plan.video.path}: {packets} left out of {output.name}")
    return end


def _packets(source: InputContainer, streams: list[Stream]) -> Iterator[Packet]:
    """Yield packets until the file ends, in whatever way it does."""
    with suppress(FFmpegError):
        for packet in source.demux(streams):
            if packet.size:
                yield packet


def _move(plan: RemuxPlan, packet: Packet, base: Fraction, warms_up: bool) -> bool:
    """Put a packet on the result's clock; False: it lies outside the span."""
    shift = round(plan.shift / base)
    if packet.pts is not None:
        packet.pts -= shift
    if packet.dts is not None:
        packet.dts -= shift
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None:
        return not plan.span.start
    if stamp < 0 and packet.stream.type == "audio" and warms_up:
        return False  # sound to warm the decoder up: it would push the pictures back
    if plan.span.start and stamp < 0:
        late = stamp + (packet.duration or 0)
        if packet.stream.type != "subtitle" or late <= 0:
            return False
        packet.pts = packet.dts = stamp = 0
        packet.duration = late
    if plan.span.end is not None:
        left = plan.span.end - plan.span.start - stamp * base
        if left <= 0:
            return False
        if packet.stream.type == "subtitle" and packet.duration:
            packet.duration = min(packet.duration, round(left / base))
    return True
