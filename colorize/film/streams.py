"""The streams, tags and chapters of the finished film: the coloured video, and all that the source holds beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import AttachmentStream, Stream
from av.subtitles.stream import SubtitleStream

import colorize
from colorize.base import CODECS, Container, reason, states_rate_of_copies, write_codec_field_order
from colorize.film.cadence import Stamps
from colorize.film.encoder import PictureFormat
from colorize.film.timecode import Timecode
from colorize.film.transcoding import (
    AudioTranscoder,
    CoverCopy,
    SteadyAudioTranscoder,
    StreamCopy,
    SubtitleTranscoder,
    add_audio_stream,
    add_subtitle_stream,
    can_copy,
    is_cover,
    is_text_subtitle,
    stream_name,
)
from colorize.film.video import ALPHA_MODE, Span, Video, open_video, read_packets

AI_LABEL = f"AI-colorized by colorize {colorize.__version__}"
BRANDS = ("major_brand", "minor_version", "compatible_brands")
STALE_TAGS = (*BRANDS, "encoder", "software", "duration", "bps", "number_of_")
"""Beginnings, in lower case, of the names of tags that describe the source's file or its encoding."""
MXF_TAGS = (
    *("operational_pattern", "uid", "generation_uid", "company_name", "product_", "toolkit_", "application_"),
    *("material_package", "file_package", "modification_date"),
)
"""Beginnings of the names of tags that describe an MXF file; its muxer writes its own."""
TECHNICAL_TAGS = ("handler_name", "vendor_id")
"""Names, in lower case, of tags of a stream that say nothing of it to a person."""
ITUNES_TAGS = frozenset(
    (
        *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
        *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "track", "disc"),
        *("creation_time", "timecode"),
    )
)
"""Names of tags that an MP4 holds in iTunes' form; others need QuickTime's form."""
COVER_TYPES = {"mjpeg": (".jpg", "image/jpeg"), "png": (".png", "image/png")}  # codec -> suffix, media type
TIMECODE, REEL_NAME = "timecode", "reel_name"  # names of tags
LANGUAGE, NO_LANGUAGE = "language", "und"
_LANGUAGE_PAIRS = (
    *("alb sqi", "arm hye", "baq eus", "bur mya", "ces cze", "chi zho", "dut nld", "fra fre", "geo kat", "ger deu"),
    *("gre ell", "ice isl", "mac mkd", "may msa", "nor nob", "per fas", "ron rum", "slk slo", "sve swe", "tib bod"),
    "wel cym",
)
OTHER_CODES = {other: code for code, other in map(str.split, _LANGUAGE_PAIRS)}
"""Code of a language -> another one that means the same, which QuickTime states (and ``nor`` for one of its forms)."""
RAWCOOKED = "rawcooked"
"""In the name of an attachment with which RAWcooked makes the scanner's files from a film again, byte for byte."""
MAX_RATE_ERROR = Fraction(1, 5000)  # of a rate that is stated in another way; 24 and 23.976 differ by five times that
FIELD_ORDERS = {"tff": 2, "bff": 3}  # field order -> AVFieldOrder


@dataclass(frozen=True)
class RemuxPlan:
    """What the finished film is remuxed from, and into what.

    Attributes:
        video: The source.
        span: The part of the source that was coloured.
        format: The format of the coloured frames.
        container: The container that is written.
        codec: Name of the coloured frames' codec in ``CODECS``.
        stamps: The coloured frames' time stamps, from the beginning of the span.
        ai_label: Say in the metadata that a network made the colours.
        stand_in: A file of one video stream and nothing else, in place of a source that is no film's file; None: it is.
        tags: Those that the source states of its pictures' stream elsewhere than in its file.
        first: Place in the source of the first frame that was coloured; None: its time says it.
    """

    video: Video
    span: Span
    format: PictureFormat
    container: Container
    codec: str
    stamps: Stamps
    ai_label: bool = True
    stand_in: Path | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    first: int | None = None

    @property
    def source_path(self) -> Path:
        """The file whose other streams, tags and chapters the finished film gets."""
        return self.stand_in or self.video.path

    @property
    def shift(self) -> Fraction:
        """Seconds on the source's clock at which the finished film begins."""
        return self.video.start_time + self.span.start

    @property
    def constant_rate(self) -> Fraction:
        """Frames per second in a container that holds certain rates alone."""
        return nearest_rate(self.container, self.format.rate) or self.format.rate

    def constant_places(self) -> list[int]:
        """Return the place of each frame among frames of ``constant_rate`` from the film's beginning on; they rise."""
        places: list[int] = []
        for pts in self.stamps.pts:
            place = round(pts * self.stamps.time_base * self.constant_rate)
            places.append(max(place, places[-1] + 1 if places else 0))
        return places

    @property
    def constant_frames(self) -> int:
        """How many frames of ``constant_rate`` the film has."""
        return self.constant_places()[-1] + 1

    @property
    def skipped_frames(self) -> int:
        """How many frames of the source lie before the first one that was coloured."""
        if self.first is not None:
            return self.first
        if not self.span.start:
            return 0
        return round((self.span.start + self.stamps.pts[0] * self.stamps.time_base) * self.format.rate)


def nearest_rate(container: Container, rate: Fraction) -> Fraction | None:
    """Return the rate of a container that holds certain ones alone which a film of about that rate has; None: none."""
    nearest = min(container.rates, key=lambda each: abs(each - rate), default=None)
    return nearest if nearest is not None and abs(nearest - rate) <= MAX_RATE_ERROR * nearest else None


@dataclass
class RemuxReport:
    """What happened while a film was remuxed.

    Attributes:
        lines: Lines for the user.
        ended: Seconds after which the source ended, where that is too early; None: it is whole.
    """

    lines: list[str] = field(default_factory=list)
    ended: float | None = None


def muxer_options(plan: RemuxPlan, source: InputContainer, report: RemuxReport) -> dict[str, str]:
    """Return the muxer's options, which depend on the source's tags; report the tags that cannot be written.

    Args:
        plan: What is remuxed.
        source: The opened source.
        report: Lines are added.
    """
    if not plan.container.quicktime:
        return {}
    known = ITUNES_TAGS if plan.container.reel_names else (*ITUNES_TAGS, REEL_NAME)  # that one has a line of its own
    other_tags = [name for name in source.metadata if name.lower() not in known and not _is_stale(name)]
    if not other_tags:
        return {"movflags": "+faststart"}
    if plan.container.covers and any(map(is_cover, source.streams)):
        tags = ", ".join(other_tags)
        report.lines.append(f"{plan.video.path}: tags left out ({tags}): an MP4 holds them or a cover; .mkv holds both")
        return {"movflags": "+faststart"}
    return {"movflags": "+faststart+use_metadata_tags"}


def _kept_tags(plan: RemuxPlan, tags: Mapping[str, str], report: RemuxReport) -> dict[str, str]:
    """Return the tags that are true of the finished film, or of one of its streams; a timecode that of its first frame.

    Args:
        plan: What is remuxed.
        tags: Those of the source, or of one of its streams.
        report: A line about a timecode that is left out is added.
    """
    kept = {name: value for name, value in tags.items() if not _is_stale(name)}
    for name, value in tags.items():
        if name.lower() == REEL_NAME and not plan.container.reel_names:
            report.lines.append(f"{plan.video.path}: the reel's name, {value}, was left out; .mov and .mkv hold it")
        if name.lower() != TIMECODE:
            continue
        timecode = Timecode.parse(value, plan.format.rate)
        problem = None
        if timecode is not None:
            kept[name] = str(timecode.later(plan.skipped_frames))
            if plan.container.quicktime and not states_rate_of_copies():
                problem = "this PyAV writes none; 18.1 does, or .mkv"
        elif plan.container.quicktime or plan.skipped_frames:
            problem = f"no film of {float(plan.format.rate):.5g} frames a second has it"
        if problem is not None:
            del kept[name]
            line = f"{plan.video.path}: the timecode {value} was left out: {problem}"
            report.lines += [] if line in report.lines else [line]
    return kept


def _tags_of_timecode_tracks(source: InputContainer) -> dict[str, str]:
    """Return the timecode and the name of the reel that a source's tracks of timecodes state."""
    tags: dict[str, str] = {}
    for stream in source.streams:
        if stream.type == "data" and TIMECODE in stream.metadata:
            tags |= {name: stream.metadata[name] for name in (TIMECODE, REEL_NAME) if name in stream.metadata}
    return tags


def read_timecode(source: InputContainer, rate: Fraction) -> Timecode | None:
    """Return the timecode that a film's file states of its first frame; None: none, or none that the rate has."""
    for tags in (_tags_of_timecode_tracks(source), *(stream.metadata for stream in source.streams), source.metadata):
        for name, value in tags.items():
            if name.lower() == TIMECODE:
                return Timecode.parse(value, rate)
    return None


def _state_rate(plan: RemuxPlan, source: InputContainer, stream: Stream) -> None:
    """State the frames' rate: QuickTime counts timecodes by it, and Matroska takes it for constant."""
    rate = plan.stamps.rate or Fraction(0)
    if plan.container.rates:
        rate = plan.constant_rate
    if plan.container.quicktime:
        rate = rate or plan.format.rate
        for tags in (*(stream.metadata for stream in source.streams), source.metadata, plan.tags):
            timecode = Timecode.parse(tags.get(TIMECODE, tags.get(TIMECODE.upper(), "")), rate)
            rate = timecode.rate if timecode else rate
    context: Any = stream.codec_context
    context.framerate = rate  # else it is what FFmpeg guesses of a segment's stamps


def _is_stale(name: str) -> bool:
    """Tell whether a tag describes the source's file or its encoding, and not the film."""
    return name.lower().lstrip("_").startswith((*STALE_TAGS, "statistics"))


def add_streams(
    plan: RemuxPlan, source: InputContainer, target: OutputContainer, template: Stream, report: RemuxReport
) -> dict[int, StreamCopy]:
    """Add the finished film's streams.

    Their order is the source's, but of several video streams the coloured one comes first, and it is the default: some
    players show no other.

    Args:
        plan: What is remuxed.
        source: The opened source.
        target: The finished film; nothing was written into it yet.
        template: The video stream of a segment.
        report: Lines about streams that are converted or left out are added.

    Returns:
        Index of a source's stream -> the output that its packets are sent to; streams that are left out are missing.
    """
    outputs: dict[int, StreamCopy] = {}
    streams = list(source.streams)
    first = next(place for place, stream in enumerate(streams) if stream.type == "video" and not is_cover(stream))
    streams[plan.video.stream], streams[first] = streams[first], streams[plan.video.stream]
    if plan.container.rates:
        streams.sort(key=lambda stream: stream.index != plan.video.stream)
    videos = [stream for stream in streams if stream.type == "video" and not is_cover(stream)]
    for stream in streams:
        name = stream_name(stream)
        if stream.index == plan.video.stream:
            added: Stream | None = _add_video(plan, target, template, report)
            _state_rate(plan, source, added)
            output: StreamCopy | None = StreamCopy(added, name)
        else:
            output = _add_other(plan, source, stream, target, name, report)
            added = output.stream if output else None
        if added is None or output is None:
            continue
        tags = {**_tags_of_timecode_tracks(source), **plan.tags} if stream.index == plan.video.stream else {}
        kept = _kept_tags(plan, {**tags, **stream.metadata}, report)
        if stream.index == plan.video.stream:
            kept = _with_alpha_mode(plan, kept)
        elif not plan.container.stream_tags:
            kept.pop(TIMECODE, None)
        if not plan.container.stream_tags:
            _report_lost_tags(plan, name, kept, report)
        kept = _with_language(plan, name, kept, report)
        added.metadata.update(kept)
        added.disposition = stream.disposition
        if len(videos) > 1 and stream in videos:
            others = stream.disposition & ~stream.disposition.default
            added.disposition = others | (stream.disposition.default if stream is videos[0] else 0)
        outputs[stream.index] = output
    return outputs


def _report_lost_tags(plan: RemuxPlan, name: str, tags: Mapping[str, str], report: RemuxReport) -> None:
    """Report the tags of a stream that a container without such tags does not hold."""
    others = {tag: value for tag, value in tags.items() if tag.lower() not in (TIMECODE, REEL_NAME, *TECHNICAL_TAGS)}
    lost = [
        f"{tag} {value}"
        for tag, value in others.items()
        if not tag.lower().startswith(MXF_TAGS) and value != NO_LANGUAGE
    ]
    if lost:
        report.lines.append(
            f"{plan.video.path}: tags of {name} left out ({', '.join(lost)}): {plan.container.format} holds none of "
            "streams; .mov and .mkv do"
        )


def _with_language(plan: RemuxPlan, name: str, tags: Mapping[str, str], report: RemuxReport) -> dict[str, str]:
    """Return a stream's tags, its language as the container states it; one that it cannot state is reported."""
    language, known = tags.get(LANGUAGE, NO_LANGUAGE), plan.container.languages
    if not known or language in (*known, NO_LANGUAGE):
        return dict(tags)
    if OTHER_CODES.get(language) in known:
        return {**tags, LANGUAGE: OTHER_CODES[language]}
    report.lines.append(
        f"{plan.video.path}: the language of {name} was left out: {plan.container.format} cannot state {language}; "
        ".mp4 and .mkv do"
    )
    return {tag: value for tag, value in tags.items() if tag != LANGUAGE}


def _with_alpha_mode(plan: RemuxPlan, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of the coloured frames' stream, in which WebM says whether it has alpha beside the pictures."""
    others = {name: value for name, value in tags.items() if name.lower() != ALPHA_MODE}
    has_alpha = plan.format.alpha and plan.container.format in CODECS[plan.codec].alpha_in
    return {**others, ALPHA_MODE: "1"} if has_alpha else others


def aspect_lost(plan: RemuxPlan) -> str:
    """Return a line for the user about pixels whose aspect the finished film does not state."""
    return (
        f"{plan.video.path}: the pixels' aspect {plan.format.aspect} cannot be stated with {plan.codec} in "
        f"{plan.container.format}; some players will show them square; "
        f"{'.mov' if CODECS[plan.codec].is_mezzanine else '.mp4'} states it"
    )


def _add_video(plan: RemuxPlan, target: OutputContainer, template: Stream, report: RemuxReport) -> Stream:
    """Add the stream of the coloured frames."""
    stream = target.add_stream_from_template(template, opaque=True)
    stream.time_base = 1 / plan.constant_rate if plan.container.rates else plan.stamps.time_base
    context: Any = stream.codec_context
    codec = CODECS[plan.codec]
    if plan.format.aspect not in (None, 1) and plan.container.format in codec.aspect_lost_in:
        report.lines.append(aspect_lost(plan))
    plan.format.state_colors(context)
    if plan.format.aspect:
        context.sample_aspect_ratio = plan.format.aspect
    if plan.format.field_order:
        write_codec_field_order(context, FIELD_ORDERS[plan.format.field_order])
    profile = codec.profiles.get(plan.format.planes.chroma)
    if codec.quicktime_tag and plan.container.quicktime:
        context.codec_tag = codec.quicktime_tag
    elif profile and profile.tag:
        context.codec_tag = profile.tag
    return stream


def _add_other(
    plan: RemuxPlan, source: InputContainer, stream: Stream, target: OutputContainer, name: str, report: RemuxReport
) -> StreamCopy | None:
    """Add a stream of sound, text or anything else; None: it is left out, or needs no packets."""
    path = plan.video.path
    kind = target.format.name
    if isinstance(stream, AttachmentStream):
        if RAWCOOKED in (stream.name or "").lower():
            report.lines.append(f"{path}: {name} was left out: it describes the uncoloured frames alone")
        elif plan.container.attachments:
            target.add_attachment(
                stream.name or "attachment", stream.mimetype or "application/octet-stream", stream.data
            )
        else:
            report.lines.append(f"{path}: {name} was left out: {kind} holds no attachments; .mkv does")
        return None
    if stream.type == "data":
        # The timecode track is made anew from its tag, and the track of an MP4's chapters from the chapters.
        if stream.metadata.get("timecode") is None and not source.chapters():
            report.lines.append(f"{path}: {name} was left out: it is no sound, text or picture")
        return None
    if is_cover(stream):
        return _add_cover(plan, source, stream, target, name, report)
    if stream.codec_context is not None and can_copy(plan.container, source, stream):
        if stream.type == "video":
            report.lines.append(f"{path}: {name} holds further pictures; it was copied as it is, not coloured")
        awaits_keyframe = stream.type == "video" and bool(plan.span.start)
        return StreamCopy(target.add_stream_from_template(stream, opaque=True), name, awaits_keyframe=awaits_keyframe)
    if stream.codec_context is None:
        report.lines.append(
            f"{path}: {name} was left out: there is no decoder for it here; convert it with FFmpeg first"
        )
        return None
    try:
        if isinstance(stream, AudioStream):
            return _add_audio(plan, stream, target, name, report)
        if isinstance(stream, SubtitleStream) and plan.container.subtitles and is_text_subtitle(stream):
            added = add_subtitle_stream(plan.container.subtitles, stream, target)
            output = SubtitleTranscoder(added, stream, name)
            report.lines.append(f"{path}: {name} was converted to {plan.container.subtitles}, which {kind} holds")
            return output
    except (FFmpegError, ValueError) as error:
        report.lines.append(f"{path}: {name} was left out: {reason(error)}")
        return None
    report.lines.append(f"{path}: {name} was left out: {kind} cannot hold it; .mkv can")
    return None


def _add_audio(
    plan: RemuxPlan, source: AudioStream, target: OutputContainer, name: str, report: RemuxReport
) -> StreamCopy:
    """Add a stream of sound in a format that the container holds."""
    container, context = plan.container, source.codec_context
    is_deep = container.deep_audio is not None and context.format.bytes > 2
    encoder = (container.deep_audio if is_deep else None) or container.audio
    stream = add_audio_stream(encoder, source, target, container.audio_rate)
    mixed = ""
    if stream.codec_context.channels < context.channels:
        mixed = f"; its {context.channels} channels were mixed to {stream.codec_context.channels}"
    if mixed or (context.codec.canonical_name, context.rate) != (encoder, stream.codec_context.rate):
        rate = f" of {container.audio_rate / 1000:g} kHz" if container.audio_rate else ""
        report.lines.append(
            f"{plan.video.path}: {name} was converted to {encoder}{rate}, which {target.format.name} holds{mixed}"
        )
    if not container.rates:
        return AudioTranscoder(stream, name)
    return SteadyAudioTranscoder(stream, name, plan.constant_frames / plan.constant_rate)


def _add_cover(
    plan: RemuxPlan, source: InputContainer, stream: Stream, target: OutputContainer, name: str, report: RemuxReport
) -> StreamCopy | None:
    """Add a cover, as a stream or as an attachment; None as in ``_add_other``."""
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else ""
    if codec and plan.container.covers and can_copy(plan.container, source, stream):
        return CoverCopy(target.add_stream_from_template(stream, opaque=True), name)
    if plan.container.attachments and codec in COVER_TYPES:
        suffix, media_type = COVER_TYPES[codec]
        with open_video(plan.source_path) as video:
            packets = read_packets(video, video.streams[stream.index])
            picture = next((bytes(packet) for packet in packets if packet.size), b"")
        target.add_attachment(stream.metadata.get("filename") or f"cover{suffix}", media_type, picture)
        return None
    report.lines.append(
        f"{plan.video.path}: {name} was left out: {target.format.name} holds no cover; .mp4 and .mkv do"
    )
    return None


def copy_tags_and_chapters(
    plan: RemuxPlan, source: InputContainer, target: OutputContainer, report: RemuxReport
) -> None:
    """Copy the source's tags and chapters, the latter cut to the span; the AI label joins the comment."""
    tags = _kept_tags(plan, source.metadata, report)
    if prefix := plan.container.tag_prefix:
        others = {name.removeprefix(prefix): value for name, value in tags.items() if name.lower() != TIMECODE}
        others = {prefix + name: value for name, value in others.items() if not name.startswith(MXF_TAGS)}
        if plan.ai_label:
            others[prefix + "software"] = AI_LABEL
        target.metadata.update(others | {name: tags[name] for name in tags if name.lower() == TIMECODE})
    else:
        target.metadata.update(tags)
    if plan.ai_label and not prefix:
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
    if chapters and not plan.container.chapters:
        report.lines.append(
            f"{plan.video.path}: {len(chapters)} chapters were left out: {target.format.name} holds none; .mkv does"
        )
    elif chapters:
        target.set_chapters(chapters)
