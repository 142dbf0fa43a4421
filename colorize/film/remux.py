"""The finished film: segments joined without being encoded again, interleaved with the source's other streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.format import Flags
from av.packet import Packet
from av.stream import AttachmentStream, Stream

from colorize.base import CODECS, SegmentsError, VideoError, reason
from colorize.film.clock import run_clock_on
from colorize.film.encoder import MATROSKA
from colorize.film.matroska_aspect import state_aspect
from colorize.film.names import file_address
from colorize.film.segments import SegmentStore
from colorize.film.streams import (
    RemuxPlan,
    RemuxReport,
    add_streams,
    aspect_lost,
    copy_tags_and_chapters,
    muxer_options,
)
from colorize.film.transcoding import DISK_ERRORS, CoverCopy, StreamCopy
from colorize.film.video import open_video

MAX_MISSING = Fraction(1)  # seconds by which a film may end before the time that it states
MEASURED_DURATION_FORMATS = ("mov", "matroska", "avi", "flv", "asf")
"""FFmpeg's names of the formats whose stated duration was measured, not estimated."""


def write_video(path: Path, plan: RemuxPlan, store: SegmentStore) -> RemuxReport:
    """Write the finished film: the segments' frames, and every other stream, chapter and tag of the source.

    Args:
        path: The file; an existing one is replaced.
        plan: What is remuxed.
        store: The segments, all finished, at least one.

    Returns:
        Lines for the user, and whether the source is cut off.

    Raises:
        OSError: The file cannot be written, or the source has vanished.
        VideoError: The source cannot be read any more.
        SegmentsError: A segment cannot; it is discarded, so that the next run makes it anew.
    """
    report = RemuxReport()
    with open_video(plan.source_path) as source:
        with _reading(store, 0):
            first = av.open(file_address(store.video_path(0)))
            template = first.streams.video[0]
        with first:
            target, outputs = _open_target(path, plan, source, template, report)
        try:
            packets = _video_packets(plan, store)
            if plan.container.rates:
                packets = _without_gaps(plan, packets, report)
            end = _interleave(plan, source, target, outputs, packets, report)
            for output in outputs.values():
                output.finish(target)
        except BaseException:
            with suppress(FFmpegError, OSError):
                target.close()
            raise
        target.close()
        _state_aspect(path, plan, report)
        if plan.span.end is None and source.duration and source.format.name.split(",")[0] in MEASURED_DURATION_FORMATS:
            stated = Fraction(source.duration, av.time_base)
            begin = Fraction(source.start_time or 0, av.time_base)
            if end - begin < stated - max(MAX_MISSING, stated / 100):
                report.ended = float(end - begin)
    return report


def try_header(path: Path, plan: RemuxPlan, segment: Path) -> None:
    """Write the finished film with all its streams, tags and chapters, but one frame at most, and remove it again.

    Args:
        path: The file.
        plan: What would be remuxed.
        segment: The video of a segment, or of one like the segments.

    Raises:
        OSError: The file cannot be written, or the source has vanished.
        VideoError: The container does not take the streams or tags.
    """
    try:
        with open_video(plan.source_path) as source:
            with av.open(file_address(segment)) as trial:
                target, outputs = _open_target(path, plan, source, trial.streams.video[0], RemuxReport())
                packet = next(trial.demux(video=0))
            try:
                target.start_encoding()
                if plan.container.rates:  # its header depends on the first frame
                    packet.stream, packet.time_base = outputs[plan.video.stream].stream, 1 / plan.constant_rate
                    packet.pts = packet.dts = 0
                    target.mux(packet)
                    for output in outputs.values():
                        output.finish(target)
            finally:
                target.close()
    except (FFmpegError, ValueError) as error:
        if getattr(error, "errno", None) in DISK_ERRORS:
            raise
        raise VideoError(
            f"{plan.video.path}: cannot be joined with its sounds, texts and tags to such a film ({reason(error)}); "
            "choose another container, such as -o film.mkv"
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _open_target(
    path: Path, plan: RemuxPlan, source: InputContainer, template: Stream, report: RemuxReport
) -> tuple[OutputContainer, dict[int, StreamCopy]]:
    """Open the finished film with its streams, tags and chapters; return it and its outputs (see ``add_streams``)."""
    options = muxer_options(plan, source, report)
    target = av.open(file_address(path), "w", format=plan.container.format, container_options=options)
    try:
        outputs = add_streams(plan, source, target, template, report)
        copy_tags_and_chapters(plan, source, target, report)
    except BaseException:
        with suppress(FFmpegError, OSError):
            target.close()
        raise
    return target, outputs


def _state_aspect(path: Path, plan: RemuxPlan, report: RemuxReport) -> None:
    """Write the pixels' aspect into the header of a closed film where its muxer and its codec do not state it."""
    is_stated = plan.container.states_aspect or CODECS[plan.codec].states_aspect
    if is_stated or plan.format.aspect in (None, 1):
        return
    if not state_aspect(path, plan.format.aspect):
        report.lines.append(aspect_lost(plan))


def _video_packets(plan: RemuxPlan, store: SegmentStore) -> Iterator[Packet]:
    """Yield the segments' packets with the time stamps of the finished film.

    A packet's decoding time is the time at which the frame ``reorder_delay`` places earlier is shown: right for any
    order of frames that needs no more than that delay, and rising over the borders of segments.
    """
    film_pts, time_base = plan.stamps.pts, plan.stamps.time_base
    end = film_pts[-1] + plan.stamps.last_duration
    reorder_delay = max(segment.reorder_delay for segment in store.segments)
    step = max(1, round(1 / (plan.format.rate * time_base)))
    before_first = [film_pts[0] - step * place for place in range(reorder_delay, 0, -1)]
    film_dts = chain(before_first, film_pts)
    is_numbered = plan.format.segments_muxer(plan.codec) == MATROSKA
    first_place = 0
    for number, segment in enumerate(store.segments):
        seen: list[int] = []
        places = {pts: place for place, pts in enumerate(segment.pts, first_place)}
        first_place += len(segment.pts)
        begin = segment.pts[0] - plan.format.pts_offset(plan.codec)
        with _reading(store, number):
            with av.open(file_address(store.video_path(number))) as container:
                for packet in container.demux(video=0):
                    if not packet.size:
                        continue
                    if is_numbered:
                        pts = segment.pts[len(seen)]
                    else:
                        pts = begin + round((packet.pts or 0) * packet.time_base / plan.format.time_base)
                    place = places[pts]
                    following = film_pts[place + 1] if place + 1 < len(film_pts) else end
                    packet.time_base, packet.pts, packet.dts = time_base, film_pts[place], next(film_dts)
                    packet.duration = following - film_pts[place]
                    yield packet
                    seen.append(pts)
            if sorted(seen) != list(segment.pts):
                raise LookupError("its frames are not those of its record")


def _without_gaps(plan: RemuxPlan, packets: Iterator[Packet], report: RemuxReport) -> Iterator[Packet]:
    """Yield a packet for each frame of a constant rate, the one before again where the film has none.

    Each frame is decoded by itself; that is so of the codecs of containers that hold constant rates alone.
    """
    repeated, following = 0, 0
    before: bytes | None = None
    for place, packet in zip(plan.constant_places(), packets, strict=True):
        data = bytes(packet)
        for number in range(following, place + 1):
            each = Packet(data if number == place or before is None else before)
            each.time_base, each.duration, each.is_keyframe = 1 / plan.constant_rate, 1, True
            each.pts = each.dts = number
            yield each
        repeated += place - following
        following, before = place + 1, data
    if repeated:
        report.lines.append(
            f"{plan.video.path}: frames were shown {repeated} times again where it has gaps, for "
            f"{plan.container.format} holds a constant rate alone"
        )


@contextmanager
def _reading(store: SegmentStore, number: int) -> Iterator[None]:
    """Discard a segment that turns out to be damaged while it is read.

    Raises:
        SegmentsError: It is.
    """
    try:
        yield
    except (FFmpegError, OSError, LookupError) as error:
        video = store.video_path(number)
        store.discard(int(video.stem))
        remedy = "the same command colours the film anew from this segment on"
        raise SegmentsError(f"{video}: damaged ({reason(error)}); {remedy}") from error


def _interleave(
    plan: RemuxPlan,
    source: InputContainer,
    target: OutputContainer,
    outputs: dict[int, StreamCopy],
    video_packets: Iterator[Packet],
    report: RemuxReport,
) -> Fraction:
    """Write all packets in the order of their times; return where the source ends, in seconds on its clock."""
    video_stream = outputs[plan.video.stream].stream
    video_packet = next(video_packets, None)
    end = Fraction(0)
    drops_preroll = not plan.container.quicktime and "matroska" not in source.format.name
    # Those that are left out tell too where the source ends.
    streams = [stream for stream in source.streams if not isinstance(stream, AttachmentStream)]
    packets = _packets(source, streams, plan, report)
    if source.format.flags & Flags.ts_discont.value:
        packets = run_clock_on(packets, plan.video.stream, 1 / plan.video.rate)
    for packet in packets:
        time_base = Fraction(packet.time_base)
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is not None:
            end = max(end, (pts + (packet.duration or 0)) * time_base)
        if packet.stream_index == plan.video.stream or packet.stream_index not in outputs:
            continue
        output = outputs[packet.stream_index]
        if not isinstance(output, CoverCopy) and not _shift_into_span(plan, packet, time_base, drops_preroll):
            continue
        seconds = (packet.dts if packet.dts is not None else packet.pts or 0) * time_base
        while video_packet is not None and (video_packet.dts or 0) * video_packet.time_base <= seconds:
            video_packet.stream = video_stream
            target.mux(video_packet)
            video_packet = next(video_packets, None)
        output.send(packet, target)
    while video_packet is not None:
        video_packet.stream = video_stream
        target.mux(video_packet)
        video_packet = next(video_packets, None)
    for output in outputs.values():
        if output.awaits_keyframe:
            report.lines.append(f"{plan.video.path}: {output.name} has no key frame in the span; nothing was copied")
        if output.damaged_packets:
            damaged = (
                "a damaged packet was"
                if output.damaged_packets == 1
                else f"{output.damaged_packets} damaged packets were"
            )
            report.lines.append(f"{plan.video.path}: {damaged} left out of {output.name}")
    return end


def _packets(source: InputContainer, streams: list[Stream], plan: RemuxPlan, report: RemuxReport) -> Iterator[Packet]:
    """Yield the packets of some streams until the file ends, be it with an error."""
    with suppress(FFmpegError):
        try:
            for packet in source.demux(streams):
                if packet.size:
                    yield packet
        except IndexError:  # see ``read_packets``
            report.lines.append(f"{plan.video.path}: a stream that begins within the film was left out")


def _shift_into_span(plan: RemuxPlan, packet: Packet, time_base: Fraction, drops_preroll: bool) -> bool:
    """Put a packet on the finished film's clock, a subtitle cut to the span; False: the packet lies outside the span.

    Args:
        plan: What is remuxed.
        packet: A packet of the source; its time stamps are changed.
        time_base: Seconds of one unit of its time stamps.
        drops_preroll: Whether sound before the beginning, which prepares a decoder, counts as outside.
    """
    shift = round(plan.shift / time_base)
    if packet.pts is not None:
        packet.pts -= shift
    if packet.dts is not None:
        packet.dts -= shift
    pts = packet.pts if packet.pts is not None else packet.dts
    if pts is None:
        return not plan.span.start
    if pts < 0 and packet.stream.type == "audio" and drops_preroll:
        return False  # without an edit list it would delay the video
    if plan.span.start and pts < 0:
        visible = pts + (packet.duration or 0)
        if packet.stream.type != "subtitle" or visible <= 0:
            return False
        packet.pts = packet.dts = pts = 0
        packet.duration = visible
    if plan.span.end is not None:
        seconds_left = plan.span.end - plan.span.start - pts * time_base
        if seconds_left <= 0:
            return False
        if packet.stream.type == "subtitle" and packet.duration:
            packet.duration = min(packet.duration, round(seconds_left / time_base))
    return True
