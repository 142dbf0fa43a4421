"""The tables of docs/usage.md of what containers and codecs keep, cell by cell: it is kept, or a line names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.container import InputContainer
from support.video_contents import captions_of, field_orders_of, packets_of
from support.videos import VideoRecipe, make_video, needs_rates

from colorize.base import CODECS, CONTAINERS
from colorize.engine import Colorizer
from colorize.film import VideoOptions, VideoResult, colorize_video, probe

USAGE = (Path(__file__).parents[2] / "docs" / "usage.md").read_text("utf-8")
OFF = VideoOptions(temporal="off")
SIZE = (128, 256)  # which every codec takes
EVERYTHING = VideoRecipe(
    frames=12,
    size=SIZE,
    rate=Fraction(24000, 1001),
    aspect=Fraction(16, 15),
    sounds=["deu"],
    texts=["fra"],
    chapters=True,
    attachment=True,
    cover=True,
    metadata={"timecode": "10:00:00:00", "reel_name": "A001C003"},
)


def table(title: str) -> list[list[str]]:
    """Return the cells of the table whose header begins with a title, the header first."""
    lines = USAGE[USAGE.index(f"| {title} |") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


HEADER, *ROWS = table("kept in")
SUFFIXES = [re.findall(r"`(\w+)`", cell) for cell in HEADER[1:]]
CODEC_ROWS = {row[0].split("`")[1]: row for row in table("codec")[1:]}


def tags_of(video: InputContainer) -> dict[str, str]:
    return {name.lower(): value for each in (video, *video.streams) for name, value in each.metadata.items()}


def is_cover(stream: av.stream.Stream) -> bool:
    return bool(stream.disposition & stream.disposition.attached_pic)


def kept_rate(video: InputContainer) -> bool:
    stream = video.streams.video[0]
    return {stream.average_rate, stream.base_rate} - {None} == {EVERYTHING.rate}


def kept_languages(video: InputContainer) -> bool:
    return [stream.language for stream in (*video.streams.audio, *video.streams.subtitles)] in (
        ["deu", "fra"],
        ["ger", "fra"],  # as QuickTime has it
    )


KEPT: dict[str, tuple[str, Callable[[InputContainer], bool]]] = {
    "constant rate": ("rate", kept_rate),
    "timecode": ("timecode", lambda video: tags_of(video).get("timecode") == "10:00:00:00"),
    "the reel's name": ("reel", lambda video: tags_of(video).get("reel_name") == "A001C003"),
    "pixels' aspect": ("aspect", lambda video: video.streams.video[0].sample_aspect_ratio == Fraction(16, 15)),
    "sound": ("audio", lambda video: [stream.codec_context.name for stream in video.streams.audio] == ["aac"]),
    "languages": ("language", kept_languages),
    "subtitles": (
        "subtitle",
        lambda video: [stream.codec_context.name for stream in video.streams.subtitles] == ["srt"],
    ),
    "chapters": ("chapters", lambda video: [each["metadata"]["title"] for each in video.chapters()] == ["One", "Two"]),
    "cover": ("cover", lambda video: any(map(is_cover, video.streams))),
    "attachments": ("attachment", lambda video: any(stream.type == "attachment" for stream in video.streams)),
}
"""Row of the table of containers -> a word of the line that names what is not kept, and whether a film has it."""


def test_the_tables_name_all_containers_and_codecs() -> None:
    assert [f".{name}" for names in SUFFIXES for name in names] == list(CONTAINERS)
    assert [row[0] for row in ROWS] == list(KEPT)
    assert list(CODEC_ROWS) == list(CODECS)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("kept") / "a.mkv", EVERYTHING)


@needs_rates
@pytest.mark.parametrize("column", range(len(SUFFIXES)), ids=[names[0] for names in SUFFIXES])
def test_a_container_keeps_what_the_table_says_and_names_the_rest(
    tmp_path: Path, colorizer: Colorizer, everything: Path, column: int
) -> None:
    suffix = SUFFIXES[column][0]

    def color(codec: str | None) -> VideoResult:
        options = VideoOptions(temporal="off", codec=codec)
        return colorize_video(everything, tmp_path / f"{codec}.{suffix}", colorizer=colorizer, options=options)

    usual = color(None)
    for row in ROWS:
        word, is_kept = KEPT[row[0]]
        cell = row[1 + column].split(",")[0]
        with av.open(str(usual.path)) as video:
            assert is_kept(video) == (cell == "yes"), row[0]
            named = [note for note in usual.notes if word in note]
            assert bool(named) == (cell != "yes"), (row[0], usual.notes)
            if cell == "converted":
                (stream,) = [stream for stream in video.streams if word in f"{stream.type} {stream.name}"]
                assert "converted" in named[0] and packets_of(usual.path, stream.index), row[0]
            else:
                assert "converted" not in "".join(named) or word == "language"
        if cell in CODECS:
            other = color(cell)
            with av.open(str(other.path)) as video:
                assert is_kept(video) and not any(word in note for note in other.notes), row[0]


@needs_rates
def test_a_language_that_quicktime_cannot_state_is_named(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=3, sounds=["fre", "afr"]))
    (note,) = colorize_video(path, tmp_path / "b.mov", colorizer=colorizer, options=OFF).notes
    assert "stream 2" in note and "afr" in note and ".mp4" in note
    with av.open(str(tmp_path / "b.mov")) as video:
        assert [stream.language for stream in video.streams.audio] == ["fra", None]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("h264", "ffv1", "prores"))) for name in CODEC_ROWS],
)
def test_a_codec_keeps_what_the_table_says_and_names_the_rest(tmp_path: Path, colorizer: Colorizer, name: str) -> None:
    _, containers, _, _, fields, captions, alpha, _ = CODEC_ROWS[name]
    options = VideoOptions(temporal="off", codec=name)
    suffixes = containers.split(", ")
    tape = make_video(tmp_path / "tape.ts", VideoRecipe(frames=4, size=SIZE, field_order="bff", captions=True))
    result = colorize_video(tape, tmp_path / f"tape.{suffixes[0]}", colorizer=colorizer, options=options)
    for cell, word, kept in (
        (fields, "interlaced", field_orders_of(result.path) == ["bff"] * 4),
        (captions, "captions", captions_of(result.path) == captions_of(tape)),
    ):
        assert (kept, any(word in note for note in result.notes)) == (cell == "yes", cell == "no"), word
    recipe = VideoRecipe(frames=2, size=SIZE, codec="ffv1", pixel_format="yuva420p")
    clear = make_video(tmp_path / "source.mkv", recipe)
    only = re.findall(r"\w+", alpha.partition("in ")[2].replace(" and ", " ")) or suffixes
    for suffix in {suffixes[0], only[0]}:
        result = colorize_video(clear, tmp_path / f"clear.{suffix}", colorizer=colorizer, options=options)
        is_kept = alpha != "no" and suffix in only
        assert probe(result.path).has_alpha == is_kept
        assert any("transparency" in note for note in result.notes) == (not is_kept)
