"""The streams of a film in colour: its pictures, and all that the source holds beside them; its tags and chapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import AttachmentStream, Stream
from av.subtitles.stream import SubtitleStream

import colorize
from colorize.base import Container, reason
from colorize.film.encoder import BT709, LIMITED, PictureFormat
from colorize.film.transcoding import (
    AudioTranscoder,
    CoverCopy,
    StreamCopy,
    SubtitleTranscoder,
    add_audio,
    add_text,
    is_cover,
    is_text,
    keeps,
    stream_name,
)
from colorize.film.video import Span, Video, open_video

AI_LABEL = f"AI-colorized by colorize {colorize.__version__}"
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
COVERS = {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png")}
FIELD_ORDERS = {"tff": 2, "bff": 3}  # AVFieldOrder


@dataclass(frozen=True)
class RemuxPlan:
    """What is joined to what.

    Attributes:
        video: The source.
        span: The part of it that was coloured.
        format: Of the coloured pictures.
        container: What is written.
        ai_label: Say in the metadata that a network made the colours.
    """

    video: Video
    span: Span
    format: PictureFormat
    container: Container
    ai_label: bool = True

    @property
    def shift(self) -> Fraction:
        """Seconds on the source's clock at which the result begins."""
        return self.video.start_time + self.span.start


@dataclass
class RemuxReport:
    """What the joining has to tell: lines for the user, and where the source ended too early."""

    lines: list[str] = field(default_factory=list)
    ended: float | None = None


def muxer_options(plan: RemuxPlan, source: InputContainer, report: RemuxReport) -> dict[str, str]:
    """Return what the muxer has to be told before anything is written."""
    if plan.container.format not in ("mp4", "mov"):
        return {}
    further = [name for name in source.metadata if name.lower() not in ITUNES_TAGS and not _is_stale(name)]
    if not further:
        return {"movflags": "+faststart"}
    if plan.container.covers and any(map(is_cover, source.streams)):
        tags = ", ".join(further)
        report.lines.append(f"{plan.video.path}: tags left out ({tags}): an MP4 holds them or a cover; .mkv holds both")
        return {"movflags": "+faststart"}
    return {"movflags": "+faststart+use_metadata_tags"}


def _is_stale(name: str) -> bool:
    return name.lower().lstrip("_").startswith((*STALE_TAGS, "statistics"))


def add_streams(
    plan: RemuxPlan, source: InputContainer, target: OutputContainer, pictures: Stream, report: RemuxReport
) -> dict[int, StreamCopy]:
    """Make the film's streams; return the routes by the source's stream index.

    Their order is the source's, but of several streams of pictures the coloured one comes first, and it is the default:
    some players show no other.
    """
    outputs: dict[int, StreamCopy] = {}
    streams = list(source.streams)
    first = next(place for place, stream in enumerate(streams) if stream.type == "video" and not is_cover(stream))
    streams[plan.video.stream], streams[first] = streams[first], streams[plan.video.stream]
    moving = [stream for stream in streams if stream.type == "video" and not is_cover(stream)]
    for stream in streams:
        name = stream_name(stream)
        if stream.index == plan.video.stream:
            added: Stream | None = _add_pictures(plan, target, pictures, report)
            output: StreamCopy | None = StreamCopy(added, name)
        else:
            output = _add_other(plan, source, stream, target, name, report)
            added = output.stream if output else None
        if added is None or output is None:
            continue
        for key, value in stream.metadata.items():
            if not _is_stale(key):
                added.metadata[key] = value
        added.disposition = stream.disposition
        if len(moving) > 1 and stream in moving:
            others = stream.disposition & ~stream.disposition.default
            added.disposition = others | (stream.disposition.default if stream is moving[0] else 0)
        outputs[stream.index] = output
    return outputs


def _add_pictures(plan: RemuxPlan, target: OutputContainer, template: Stream, report: RemuxReport) -> Stream:
    stream = target.add_stream_from_template(template, opaque=True)
    stream.time_base = plan.format.time_base
    context: Any = stream.codec_context
    if plan.format.aspect not in (None, 1) and plan.container.format in ("matroska", "webm") and context.name in BARE:
        report.lines.append(
            f"{plan.video.path}: the pixels' aspect {plan.format.aspect} cannot be stated with {context.name} in "
            f"{target.format.name}; some players will show them square; .mp4 states it"
        )
    context.color_range = LIMITED
    context.colorspace = context.color_primaries = context.color_trc = BT709
    if plan.format.aspect:
        context.sample_aspect_ratio = plan.format.aspect
    if plan.format.field_order and hasattr(context, "field_order"):  # since PyAV 18.1; the pictures state it themselves
        context.field_order = FIELD_ORDERS[plan.format.field_order]
    if context.name in ("hevc", "libx265") and plan.container.format in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # Apple's players know no other
    return stream


def _add_other(
    plan: RemuxPlan, source: InputContainer, stream: Stream, target: OutputContainer, name: str, report: RemuxReport
) -> StreamCopy | None:
    """Make the stream for sound, text or anything else; None: it is left out, or needs no packets."""
    where = plan.video.path
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
    if is_cover(stream):
        return _add_cover(plan, source, stream, target, name, report)
    if stream.codec_context is not None and keeps(plan.container, source, stream):
        if stream.type == "video":
            report.lines.append(f"{where}: {name} holds further pictures; it was copied as it is, not coloured")
        awaits_key = stream.type == "video" and bool(plan.span.start)
        return StreamCopy(target.add_stream_from_template(stream, opaque=True), name, awaits_key=awaits_key)
    try:
        if isinstance(stream, AudioStream):
            output: StreamCopy = AudioTranscoder(add_audio(plan.container.audio, stream, target), name)
            report.lines.append(f"{where}: {name} was converted to {plan.container.audio}, which {kind} holds")
            return output
        if isinstance(stream, SubtitleStream) and plan.container.subtitles and is_text(stream):
            output = SubtitleTranscoder(add_text(plan.container.subtitles, stream, target), stream, name)
            report.lines.append(f"{where}: {name} was converted to {plan.container.subtitles}, which {kind} holds")
            return output
    except (FFmpegError, ValueError) as error:
        report.lines.append(f"{where}: {name} was left out: {reason(error)}")
        return None
    report.lines.append(f"{where}: {name} was left out: {kind} cannot hold it; .mkv can")
    return None


def _add_cover(
    plan: RemuxPlan, source: InputContainer, stream: Stream, target: OutputContainer, name: str, report: RemuxReport
) -> StreamCopy | None:
    """Keep a cover, as a stream or as an attachment; see ``_add_other``."""
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else ""
    if codec and plan.container.covers and keeps(plan.container, source, stream):
        return CoverCopy(target.add_stream_from_template(stream, opaque=True), name)
    if plan.container.attachments and codec in COVERS:
        suffix, kind = COVERS[codec]
        with open_video(plan.video.path) as video:
            picture = next((bytes(packet) for packet in video.demux(video.streams[stream.index]) if packet.size), b"")
        target.add_attachment(stream.metadata.get("filename") or f"cover{suffix}", kind, picture)
        return None
    report.lines.append(
        f"{plan.video.path}: {name} was left out: {target.format.name} holds no cover; .mp4 and .mkv do"
    )
    return None


def describe(plan: RemuxPlan, source: InputContainer, target: OutputContainer) -> None:
    """Copy the film's tags and chapters."""
    target.metadata.update({name: value for name, value in source.metadata.items() if not _is_stale(name)})
    if plan.ai_label:
        comment = target.metadata.get("comment") or target.metadata.pop("COMMENT", "")
        target.metadata["comment"] = f"{comment}; {AI_LABEL}" if comment else AI_LABEL
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
