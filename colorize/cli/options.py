"""The command line of ``colorize``: its options, made from settings, and checks of what they say together. Light."""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorize import __version__
from colorize.base import (
    COMMAND_ONLY,
    CONTAINERS,
    FOREIGN_SUFFIXES,
    MAX_RENDER_SIZE,
    PHOTO_FORMATS,
    READ_ONLY_SUFFIXES,
    VIDEO_SUFFIXES,
    SettingError,
    Settings,
    setting,
)
from colorize.batch import FileOptions, PhotoOptions, RunOptions
from colorize.cli.arguments import USAGE_ERROR, Option, Parser, add_arguments, file_name, from_arguments, make_options
from colorize.engine import ColorSettings, ReferenceOptions, ResultOptions, RuntimeSettings
from colorize.film import PIPE, SEQUENCE_SUFFIXES, VideoOptions, is_pipe, is_sequence, names_frames, names_video

if TYPE_CHECKING:
    from colorize.engine import Hint
    from colorize.film import TimedHint

FILE_SUFFIXES = frozenset((*PHOTO_FORMATS, *READ_ONLY_SUFFIXES, *FOREIGN_SUFFIXES, *VIDEO_SUFFIXES))  # of pictures
LIKE_A_FILE = r"\.[a-z][a-z0-9]{1,3}"  # as of a type of files; "holiday.2019" and "my.photos" are names of folders
RENDER_FACTOR = 16  # pixels: DeOldify's render factor counts in steps of them


@dataclass(frozen=True)
class CommandSettings(Settings):
    """What belongs to the command alone.

    Attributes:
        output: The result's name, or a folder for results; None: beside the sources.
        recursive: Take the sub-folders of folders too.
        sequence: Take the numbered frames of folders for films.
        quiet: Say nothing but errors.
        verbose: Name every file; show where an error came from.
    """

    output: Path | None = setting(
        None,
        "the result's name, or a folder for results; - for frames into a pipe",
        automatic="beside the source",
        metavar="PATH",
        parse=Path,
        surfaces=COMMAND_ONLY,
    )
    recursive: bool = setting(False, "take the sub-folders of folders too", surfaces=COMMAND_ONLY)
    sequence: bool = setting(
        False, "take the numbered frames of a folder for a film, not for photos", surfaces=COMMAND_ONLY
    )
    quiet: bool = setting(False, "say nothing but errors", surfaces=COMMAND_ONLY)
    verbose: bool = setting(False, "name every file; show where an error came from", surfaces=COMMAND_ONLY)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quiet and self.verbose:
            raise SettingError("{0} and {1} contradict each other; give one of them", "quiet", "verbose")


@dataclass(frozen=True)
class RenderFactor(Settings):
    """The render size as DeOldify counts it, for those who know it.

    Attributes:
        render_factor: Steps of 16 pixels; None: the render size says it.
    """

    render_factor: int | None = setting(
        None,
        f"render size in steps of {RENDER_FACTOR} pixels, as in DeOldify",
        low=1,
        high=MAX_RENDER_SIZE // RENDER_FACTOR,
        surfaces=COMMAND_ONLY,
    )


GROUPS: dict[str, tuple[type[Settings], ...]] = {
    "files": (CommandSettings, FileOptions, ResultOptions),
    "colours": (ColorSettings, RenderFactor, ReferenceOptions),
    "network": (RuntimeSettings,),
    "photos": (PhotoOptions,),
    "films": (VideoOptions,),
    "very many files": (RunOptions,),
}
"""Title of each group of options -> the settings that its options are made from; an option that comes twice is one."""
MOVED = {"batch_size": "network", "max_megapixels": "files"}
"""Names of settings -> the group that shows them, where that is not the group of the settings that they belong to."""
LETTERS = {"output": "-o", "recursive": "-r", "quiet": "-q", "verbose": "-v"}


@dataclass(frozen=True)
class Command:
    """A command line that was understood.

    Attributes:
        files: Photos, films, folders and patterns; none where there is a list.
        settings: What belongs to the command alone.
        run: Where very many files come from, and who colours them.
        colors: How pictures are coloured.
        runtime: What runs the network.
        options: The options of the files.
    """

    files: tuple[str, ...]
    settings: CommandSettings
    run: RunOptions
    colors: ColorSettings
    runtime: RuntimeSettings
    options: FileOptions


def grouped_options() -> dict[str, list[Option]]:
    """Return the title of each group of options -> its options; each option is there once."""
    seen: set[str] = set()
    grouped: dict[str, list[Option]] = {title: [] for title in GROUPS}
    for title, classes in GROUPS.items():
        for option in (option for settings in classes for option in make_options(settings)):
            name = option.setting.name
            if name not in seen:
                grouped[MOVED.get(name, title)].append(option)
            seen.add(name)
    return grouped


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="colorize",
        description="Colour black-and-white photographs and films. The result lies beside each as NAME_colorized.",
        epilog="exit status: 0 all done or skipped, 1 a file failed, 2 wrong usage, 130 interrupted",
    )
    parser.add_argument(
        "inputs",
        nargs="*",
        type=file_name,
        metavar="FILE",
        help="a photo, a film, a folder, a pattern such as 'a/*.jpg', or - for frames that come through a pipe",
    )
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    for title, group in grouped_options().items():
        add_arguments(parser.add_argument_group(title), group, LETTERS)
    return parser


def parse_command(arguments: Sequence[str] | None = None) -> Command:
    """Return a command line that was understood; exit with a usage error where it cannot be.

    Args:
        arguments: Without the program's name; None: those of the process.
    """
    parser = build_parser()
    if not (sys.argv[1:] if arguments is None else arguments):
        parser.exit(USAGE_ERROR, _first_steps())
    given = parser.parse_args(arguments)
    factor = from_arguments(parser, RenderFactor, given).render_factor
    if factor is not None:
        if "render_size" in given:
            parser.error("--render-size and --render-factor say the same; give one of them")
        given.render_size = RENDER_FACTOR * factor
    run = from_arguments(parser, RunOptions, given)
    if not given.inputs and run.files is None:
        wanted = " (name it before --ray, or write --ray local)" if run.ray else ""
        parser.error(f"no FILE is named{wanted}")
    if given.inputs and run.files is not None:
        parser.error(f"--files {run.files} says which files; name no others beside it, such as {given.inputs[0]}")
    photo_hints, video_hints = _divided_hints(getattr(given, "hints", ()))
    given.hints = photo_hints or PhotoOptions.hints
    photo = from_arguments(parser, PhotoOptions, given)
    given.hints = video_hints or VideoOptions.hints
    command = Command(
        files=tuple(given.inputs),
        settings=from_arguments(parser, CommandSettings, given),
        run=run,
        colors=from_arguments(parser, ColorSettings, given),
        runtime=from_arguments(parser, RuntimeSettings, given),
        options=from_arguments(
            parser,
            FileOptions,
            given,
            photo=photo,
            video=from_arguments(parser, VideoOptions, given),
        ),
    )
    _check_files(parser, command)
    return command


def _divided_hints(hints: Iterable[Hint | TimedHint]) -> tuple[list[Hint], list[TimedHint]]:
    """Return the hints of photos, and those of films."""
    photo_hints: list[Hint] = []
    video_hints: list[TimedHint] = []
    for hint in hints:
        (video_hints if hasattr(hint, "seconds") else photo_hints).append(hint)  # type: ignore[arg-type]
    return photo_hints, video_hints


def _first_steps() -> str:
    """Return what somebody reads who gives the command's name alone: the three things that can be done."""
    page = "a page in the browser for all of it: drop a picture there"
    if importlib.util.find_spec("gradio") is None:
        page += " (first: pip install 'colorize-photos[web]')"
    return (
        "colorize: no file is named. One of these:\n"
        "  colorize photo.jpg   colours a photograph; photo_colorized.jpg comes to lie beside it\n"
        "  colorize film.mp4    colours a film; film_colorized.mp4 comes to lie beside it\n"
        f"  colorize-web         {page}\n"
        "All options: colorize --help\n"
    )


def _check_files(parser: Parser, command: Command) -> None:
    """Report options that do not go with the files, as usage errors."""
    photo = command.options.photo
    is_one_file = len(command.files) == 1 and (command.settings.sequence or not os.path.isdir(command.files[0]))
    named = "--hint" if photo.hints else "--hints"
    for name in command.files:
        if names_video(name) and not os.path.isdir(name):
            if photo.candidates is not None:
                parser.error(f"--candidates is for photos, and {name} is a film")
            if photo.hints:
                parser.error(f"--hint {photo.hints[0]}: say when in the film {name}, such as 12.5s:{photo.hints[0]}")
            if photo.has_hints:
                parser.error(f"--hints is for photos, and {name} is a film")
    if photo.has_hints and not (is_one_file and _is_a_name(command.files[0])):
        column = "; in a list, the column hints gives them" if command.run.files else ""
        parser.error(f"{named} belongs to one photo; give that photo alone{column}")
    for reference in photo.references:
        if names_video(reference) or not os.path.isfile(reference):
            what = "a film" if names_video(reference) and os.path.isfile(reference) else "no such file"
            parser.error(f"--reference {reference}: {what}; give a photograph that is in colour")
    _check_key_frames(parser, command, is_one_file)
    output = command.settings.output
    _check_pipes(parser, command)
    if (command.run.keeps_journal or command.run.dry_run) and any(map(is_pipe, (*command.files, output or ""))):
        parser.error(f"{PIPE} goes with none of --files, --ray and --dry-run")
    _check_spread(parser, command)
    if output is None or is_pipe(output) or os.path.isdir(output):
        return
    suffix = output.suffix.lower()
    names_file = suffix in FILE_SUFFIXES or is_sequence(output)
    if names_file and not is_one_file:
        parser.error(f"-o {output} names one file; give a folder for the results of several files")
    if is_one_file and _is_a_name(command.files[0]) and command.options.export_keyframes is None:
        _check_suffix(parser, output, command)
    if photo.suffix and names_file and PHOTO_FORMATS.get(suffix) != PHOTO_FORMATS[photo.suffix]:
        parser.error(f"-o {output} and --format {photo.format} contradict each other")
    if not names_file and os.path.isfile(output):
        parser.error(f"-o {output} is a file, and no photo or film by its name; give a folder for results")


def _check_spread(parser: Parser, command: Command) -> None:
    """Report films that ``--ray`` does not spread: their frames hang on each other, or are files of their own."""
    if command.run.ray is None:
        return
    options, output = command.options, command.settings.output
    patterns = [name for name in command.files if names_frames(name)]
    patterns += [str(output)] if output is not None and is_sequence(output) else []
    not_spread = {
        "--sequence": command.settings.sequence,
        **dict.fromkeys(map(str, patterns), True),
        "--export-keyframes": options.export_keyframes is not None,
        "--keyframes": options.video.keyframes is not None,
        "--hint with a time": bool(options.video.hints),
        "--propagate": options.video.propagate is not None,
        "--reference with a film": bool(options.video.references) and any(map(names_video, command.files)),
    }
    for given, is_given in not_spread.items():
        if is_given:
            parser.error(f"{given}: numbered frames and films with key frames are not spread; leave --ray out")


def _check_key_frames(parser: Parser, command: Command, is_one_file: bool) -> None:
    """Report what key frames cannot be taken from or written to."""
    options, output = command.options, command.settings.output
    exports = options.export_keyframes is not None
    is_one_video = is_one_file and names_video(command.files[0]) and not is_pipe(command.files[0])
    given = {
        "--export-keyframes": exports,
        "--keyframes": options.video.keyframes is not None,
        "--hint with a time": bool(options.video.hints),
    }
    for option, is_given in given.items():
        if is_given and not is_one_video:
            parser.error(f"{option} belongs to one film's file; give that film alone")
    if exports and options.preview is not None:
        parser.error("--export-keyframes and --preview contradict each other; give one of them")
    if exports and (output is None or is_pipe(output) or output.suffix.lower() in FILE_SUFFIXES):
        parser.error("--export-keyframes: say with -o into which folder, such as -o keyframes")


def _check_pipes(parser: Parser, command: Command) -> None:
    """Report what cannot be done with the standard input and output."""
    output, (first, *more) = command.settings.output, command.files or ("",)
    from_pipe, into_pipe = any(map(is_pipe, command.files)), output is not None and is_pipe(output)
    if (from_pipe or into_pipe) and more:
        parser.error(f"{PIPE} stands for one film; give that alone")
    if (from_pipe or into_pipe) and command.options.preview is not None:
        parser.error(f"--preview is of a film's file and into one; {PIPE} is neither")
    goes_into_file = output is not None and (output.suffix.lower() in CONTAINERS or is_sequence(output))
    if from_pipe and not (into_pipe or goes_into_file):
        parser.error(f"{PIPE}: say with -o where the film goes: a file such as film.mkv, or {PIPE}")
    if from_pipe and sys.stdin is not None and sys.stdin.isatty():
        parser.error(f"{PIPE}: nothing is piped in; such as ffmpeg -i film.mp4 -f yuv4mpegpipe - | colorize - -o -")
    if into_pipe and not (names_video(first) or command.settings.sequence):
        parser.error(f"-o {PIPE} is for one film, and {first} is none")
    if into_pipe and sys.stdout is not None and sys.stdout.isatty():
        parser.error(f"-o {PIPE}: the frames would go to the terminal; pipe them into a program, such as ffmpeg")


def _check_suffix(parser: Parser, output: Path, command: Command) -> None:
    """Report an output for one file whose suffix is that of a file, but of none that is written for it."""
    source, preview = Path(command.files[0]), command.options.preview
    is_video = names_video(source) or command.settings.sequence
    suffixes: Iterable[str] = CONTAINERS if is_video and preview is None else PHOTO_FORMATS
    if is_sequence(output):
        if not is_video or preview is not None:
            parser.error(f"-o {output} names the frames of a film, and {source} is to become one file")
        suffixes = SEQUENCE_SUFFIXES
    suffix = output.suffix.lower()
    if suffix in suffixes or not (suffix in FILE_SUFFIXES or re.fullmatch(LIKE_A_FILE, suffix)):
        return
    what = "a film" if is_video else "a photo"
    if is_sequence(output):
        what = "a film's frames"
    elif is_video and preview is not None:
        what = "the sheet of --preview"
    folder = "" if suffix in FILE_SUFFIXES else "; if it is to be a folder, make it first"
    numbered = " or, as numbered frames, like frame_%06d.tif" if is_video and preview is None else ""
    parser.error(f"-o {output}: {what} is written as {', '.join(suffixes)}{numbered}, not as {output.suffix}{folder}")


def _is_a_name(file: str) -> bool:
    """Tell whether what was given as a file is its name, not a pattern."""
    return os.path.exists(file) or not glob.has_magic(file)
