"""The whole film: finished parts joined, not encoded again, and all that the source holds beside its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Stream
from av.subtitles.stream import SubtitleStream

import colorize
from colorize.containers import Container
from colorize.encoder import BT709, LIMITED, PictureFormat
from colorize.errors import FilmError, reason
from colorize.parts import Parts
from colorize.routes import (
    AudioRoute,
    Route,
    SubtitleRoute,
    add_audio,
    add_text,
    is_text,
    keeps,
    stream_name,
)
from colorize.video import Film, Span, open_film

MARK = f"AI-colorized by colorize {colorize.__version__}"
BRANDS = ("major_brand", "minor_version", "compatible_brands")
STALE_TAGS = (*BRANDS, "encoder", "software", "duration", "bps", "number_of_")
"""Beginnings of metadata names that describe the old file or the old pictures, lower case."""
ITUNES_TAGS = frozenset(
    (
        *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
        *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc"),
        *("creation_time", "timecode"),
    )
)
"""What an MP4 holds without further ado; other names ask for QuickTime's kind of tags."""
BARE = ("av1", "libdav1d", "vp9", "libvpx-vp9", "ffv1")  # decoders of streams that do not say the aspect themselves
FIELD_ORDERS = {"tff": 2, "bff": 3}  # AVFieldOrder
CUT_OFF = Fraction(1)  # seconds by which a film may end before the time that it states
STATED = ("mov", "matroska", "avi", "flv", "asf")  # formats whose stated duration was measured, not estimated


@dataclass(frozen=True)
class Plan:
    """What is joined to what.

    Attributes:
        film: The source.
        span: The part of it that was coloured.
        format: Of the coloured pictures.
        container: What is written.
        mark: Say in the metadata that a network made the colours.
    """

    film: Film
    span: Span
    format: PictureFormat
    container: Container
    mark: bool = True

    @property
    def shift(self) -> Fraction:
        """Seconds on the source's clock at which the result begins."""
        return self.film.origin + self.span.start


@dataclass
class Report:
    """What the joining has to tell: lines for the user, and where the source ended too early."""

    lines: list[str] = field(default_factory=list)
    ended: float | None = None


def write_film(path: Path, plan: Plan, parts: Parts) -> Report:
    """Write the film: the parts' pictures, and every other stream, chapter and tag of the source.

    Args:
        path: The file; an existing one is replaced.
        plan: What is joined to what.
        parts: All of them finished.

    Raises:
        OSError: The file cannot be written, or the source has vanished.
        FilmError: The source or a part cannot be read any more.
    """
    report = Report()
    with open_film(plan.film.path) as source:
        options = _muxer_options(plan, source)
        target = av.open(str(path), "w", format=plan.container.format, container_options=options)
        try:
            with av.open(str(parts.pictures(0))) as first:
                routes = _add_streams(plan, source, target, first.streams.video[0], report)
            _describe(plan, source, target)
            end = _interleave(plan, source, target, routes, _pictures(plan, parts), report)
            for route in routes.values():
                route.finish(target)
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


def _muxer_options(plan: Plan, source: InputContainer) -> dict[str, str]:
    if plan.container.format not in ("mp4", "mov"):
        return {}
    flags = "+faststart"
    if any(name.lower() not in ITUNES_TAGS and not _is_stale(name) for name in source.metadata):
        flags += "+use_metadata_tags"
    return {"movflags": flags}


def _is_stale(name: str) -> bool:
    return name.lower().lstrip("_").startswith((*STALE_TAGS, "statistics"))


def _add_streams(
    plan: Plan, source: InputContainer, target: OutputContainer, pictures: Stream, report: Report
) -> dict[int, Route]:
    """Make the film's streams in the source's order; return the routes by the source's stream index."""
    routes: dict[int, Route] = {}
    for stream in source.streams:
        name = stream_name(stream)
        if stream.index == plan.film.stream:
            added: Stream | None = _add_pictures(plan, target, pictures, report)
            route: Route | None = Route(added, name)
        else:
            route = _add_other(plan, source, stream, target, name, report)
            added = route.stream if route else None
        if added is None or route is None:
            continue
        for key, value in stream.metadata.items():
            if not _is_stale(key):
                added.metadata[key] = value
        added.disposition = stream.disposition
        routes[stream.index] = route
    return routes


def _add_pictures(plan: Plan, target: OutputContainer, template: Stream, report: Report) -> Stream:
    stream = target.add_stream_from_template(template, opaque=True)
    stream.time_base = plan.format.time_base
    context: Any = stream.codec_context
    if plan.format.aspect not in (None, 1) and plan.container.format in ("matroska", "webm") and context.name in BARE:
        report.lines.append(
            f"{plan.film.path}: the pixels' aspect {plan.format.aspect} cannot be stated with {context.name} in "
            f"{target.format.name}; some players will show them square; .mp4 states it"
        )
    context.color_range = LIMITED
    context.colorspace = context.color_primaries = context.color_trc = BT709
    if plan.format.aspect:
        context.sample_aspect_ratio = plan.format.aspect
    if plan.format.fields and hasattr(context, "field_order"):  # since PyAV 18.1; the pictures state it themselves
        context.field_order = FIELD_ORDERS[plan.format.fields]
    if context.name in ("hevc", "libx265") and plan.container.format in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # Apple's players know no other
    return stream


def _add_other(
    plan: Plan, source: InputContainer, stream: Stream, target: OutputContainer, name: str, report: Report
) -> Route | None:
    """Make the stream for sound, text or anything else; None: it is left out, or needs no packets."""
    where = plan.film.path
    kind = target.format.name
    if isinstance(stream, AttachmentStream):
        if plan.container.attachments:
            target.add_attachment(stream.name or "attachment", stream.mimetype or "", stream.data)
        else:
            report.lines.append(f"{where}: {name} was left out: {kind} holds no attachments; .mkv does")
        return None
    if stream.type == "data":
        # The timecode track is made anew from its tag, and the track of an MP4's chapters from the chapters.
        if stream.metadata.get("timecode") is None and not source.chapters():
            report.lines.append(f"{where}: {name} was left out: it is no sound, text or picture")
        return None
    if stream.codec_context is not None and keeps(plan.container, source, stream):
        if stream.type == "video" and not stream.disposition & stream.disposition.attached_pic:
            report.lines.append(f"{where}: {name} holds further pictures; it was copied as it is, not coloured")
        return Route(target.add_stream_from_template(stream, opaque=True), name)
    try:
        if isinstance(stream, AudioStream):
            route: Route = AudioRoute(add_audio(plan.container.audio, stream, target), name)
            report.lines.append(f"{where}: {name} was converted to {plan.container.audio}, which {kind} holds")
            return route
        if isinstance(stream, SubtitleStream) and plan.container.subtitles and is_text(stream):
            route = SubtitleRoute(add_text(plan.container.subtitles, stream, target), stream, name)
            report.lines.append(f"{where}: {name} was converted to {plan.container.subtitles}, which {kind} holds")
            return route
    except (FFmpegError, ValueError) as error:
        report.lines.append(f"{where}: {name} was left out: {reason(error)}")
        return None
    report.lines.append(f"{where}: {name} was left out: {kind} cannot hold it; .mkv can")
    return None


def _describe(plan: Plan, source: InputContainer, target: OutputContainer) -> None:
    """Copy the film's tags and chapters."""
    target.metadata.update({name: value for name, value in source.metadata.items() if not _is_stale(name)})
    if plan.mark:
        comment = target.metadata.get("comment") or target.metadata.pop("COMMENT", "")
        target.metadata["comment"] = f"{comment}; {MARK}" if comment else MARK
    length = None if plan.span.end is None else plan.span.end - plan.span.start
    chapters = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        shift = round(plan.shift / base)
        start, end = max(0, chapter["start"] - shift), chapter["end"] - shift
        if length is not None:
            end = min(end, round(length / base))
        if end > start:
            chapters.append({**chapter, "start": start, "end": end})
    if chapters:
        target.set_chapters(chapters)


def _pictures(plan: Plan, parts: Parts) -> Iterator[Packet]:
    """Yield the parts' packets with the film's time stamps.

    A packet's decoding time is the time at which the frame ``delay`` places earlier is shown: right for any order of
    frames that needs no more than that delay, and rising over the borders of parts.
    """
    ticks = [tick for record in parts.records for tick in record.ticks]
    durations = {now: after - now for now, after in pairwise(ticks)}
    durations[ticks[-1]] = parts.records[-1].durations[-1]
    delay = max(record.delay for record in parts.records)
    step = max(1, round(1 / (plan.format.rate * plan.format.time_base)))
    early = [ticks[0] - step * place for place in range(delay, 0, -1)]
    decoding = iter(early + ticks)
    for number, record in enumerate(parts.records):
        path = parts.pictures(number)
        seen: list[int] = []
        begin = record.ticks[0] - plan.format.lead
        try:
            with av.open(str(path)) as part:
                for packet in part.demux(video=0):
                    if not packet.size:
                        continue
                    assert packet.pts is not None
                    tick = begin + round(packet.pts * packet.time_base / plan.format.time_base)
                    packet.time_base = plan.format.time_base
                    packet.pts, packet.dts, packet.duration = tick, next(decoding), durations[tick]
                    yield packet
                    seen.append(tick)
        except (FFmpegError, OSError, KeyError) as error:
            raise FilmError(f"{path}: damaged ({reason(error)}); remove {parts.folder} to start afresh") from error
        if sorted(seen) != record.ticks:
            raise FilmError(f"{path}: its frames are not those of its record; remove {parts.folder} to start afresh")


def _interleave(
    plan: Plan,
    source: InputContainer,
    target: OutputContainer,
    routes: dict[int, Route],
    pictures: Iterator[Packet],
    report: Report,
) -> Fraction:
    """Write all packets in the order of their times; return where the source ends, in seconds on its clock."""
    own = routes[plan.film.stream].stream
    waiting = next(pictures, None)
    end = Fraction(0)
    warms_up = not plan.container.edits and "matroska" not in source.format.name
    others = [stream for stream in source.streams if stream.index in routes or stream.index == plan.film.stream]
    for packet in _packets(source, others):
        base = Fraction(packet.time_base)
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            end = max(end, (stamp + (packet.duration or 0)) * base)
        if packet.stream_index == plan.film.stream or not _move(plan, packet, base, warms_up):
            continue
        seconds = (packet.dts if packet.dts is not None else packet.pts or 0) * base
        while waiting is not None and (waiting.dts or 0) * waiting.time_base <= seconds:
            waiting.stream = own
            target.mux(waiting)
            waiting = next(pictures, None)
        routes[packet.stream_index].send(packet, target)
    while waiting is not None:
        waiting.stream = own
        target.mux(waiting)
        waiting = next(pictures, None)
    for route in routes.values():
        if route.faults:
            packets = "a damaged packet was" if route.faults == 1 else f"{route.faults} damaged packets were"
            report.lines.append(f"{plan.film.path}: {packets} left out of {route.name}")
    return end


def _packets(source: InputContainer, streams: list[Stream]) -> Iterator[Packet]:
    """Yield packets until the file ends, in whatever way it does."""
    with suppress(FFmpegError):
        for packet in source.demux(streams):
            if packet.size:
                yield packet


def _move(plan: Plan, packet: Packet, base: Fraction, warms_up: bool) -> bool:
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
    if plan.span.end is not None and stamp * base >= plan.span.end - plan.span.start:
        return False
    if plan.span.start and stamp < 0:
        late = stamp + (packet.duration or 0)
        if packet.stream.type != "subtitle" or late <= 0:
            return False
        packet.pts = packet.dts = 0
        packet.duration = late
    return True
