"""The options of photos, and of a run over files. Light: the command's help reads them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorize.base import (
    COMMAND_ONLY,
    DEFAULT_QUALITY,
    FORMAT_SUFFIXES,
    NOT_ON_PAGE,
    SettingError,
    Settings,
    repeated,
    setting,
)
from colorize.engine import ReferenceOptions, ResultOptions
from colorize.film import Progress, VideoOptions

if TYPE_CHECKING:
    from colorize.engine import Hint
    from colorize.film import TimedHint

MAX_CANDIDATES = 16


def parse_hint(text: str) -> Hint | TimedHint:
    """Return the hint of ``x,y,#rrggbb[,radius]``, or of a film, which says a time before it.

    Raises:
        ValueError: It is neither; see ``Hint.parse`` and ``TimedHint.parse``.
    """
    from colorize.engine import Hint  # heavy, where options are to be light
    from colorize.film import TimedHint, is_timed

    return TimedHint.parse(text) if is_timed(text) else Hint.parse(text)


@dataclass(frozen=True)
class PhotoOptions(ReferenceOptions, ResultOptions):
    """The options of photos.

    Attributes:
        format: Of the result, a name in ``FORMAT_SUFFIXES``; None: the photo's own.
        quality: Quality of lossy formats, 1..100.
        hints: Colour hints, the same for every photo.
        hint_file: A file of further hints, which ``hints`` lie on top of; None: there is none.
        save_hints: Write all hints into a file beside the result, ``NAME.hints.json``.
        candidates: Number of candidates to write of every photo; None: the one deterministic picture.
        seed: Seed of the candidates.
        sheet: Write a contact sheet of the candidates instead of the candidates.
        batch_size: Photos that pass through the network together, where their shapes agree.

    Raises:
        SettingError: An option is unknown or out of range, or belongs to candidates and there are none.
    """

    format: str | None = setting(
        None, "of coloured photos", choices=tuple(FORMAT_SUFFIXES), automatic="as the photo", surfaces=NOT_ON_PAGE
    )
    quality: int = setting(
        DEFAULT_QUALITY,
        "of JPEG, WebP, AVIF, HEIC and JPEG XL, which 100 makes lossless",
        low=1,
        high=100,
        surfaces=NOT_ON_PAGE,
    )
    hints: Sequence[Hint] = setting(
        (),
        "the colour of a place, in pixels of the upright picture, of a film at a time; may be given several times",
        metavar="[12.5s:|300f:]x,y,#rrggbb[,radius]",
        parse=parse_hint,
        each="hint",
        surfaces=NOT_ON_PAGE,
    )
    hint_file: Path | None = setting(
        None,
        "a file of hints that --save-hints or the page has written, NAME.hints.json",
        metavar="FILE",
        parse=Path,
        option="hints",
        surfaces=COMMAND_ONLY,
    )
    save_hints: bool = setting(False, "write the hints into NAME.hints.json beside the result", surfaces=COMMAND_ONLY)
    candidates: int | None = setting(
        None, "write so many plausible answers for each photo", low=2, high=MAX_CANDIDATES, surfaces=COMMAND_ONLY
    )
    seed: int = setting(
        0, "which candidates; the same number gives the same", low=0, high=2**63, metavar="N", surfaces=COMMAND_ONLY
    )
    sheet: bool = setting(False, "the candidates on one contact sheet, not as files", surfaces=COMMAND_ONLY)
    batch_size: int = repeated(VideoOptions, "batch_size", 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.candidates is None and (self.sheet or self.seed):
            raise SettingError("{0} belongs to {1}; give that too", "sheet" if self.sheet else "seed", "candidates")
        if self.hints:
            _check_hints(self.hints)
        if self.save_hints and not self.has_hints:
            raise SettingError("{0}: there are no hints to save; give {1}", "save_hints", "hints")

    @property
    def has_hints(self) -> bool:
        """Whether there are hints, in a file or not."""
        return bool(self.hints) or self.hint_file is not None

    @property
    def suffix(self) -> str | None:
        """The suffix of the result; None: the photo's own."""
        return FORMAT_SUFFIXES[self.format] if self.format else None


@dataclass(frozen=True)
class FileOptions(Settings):
    """The options of a run over files.

    Attributes:
        skip_existing: Leave photos and films whose result exists.
        force: Colour pictures that are in colour already.
        keep_dates: Give results the dates of change and access of their sources.
        preview: Number of coloured frames of a film to write as a contact sheet in its place; None: colour the film.
        export_keyframes: Number of frames of a film to write, to be painted, in its place; None: colour the film.
        photo: How photos are coloured and written.
        video: How films are.
        progress: Called with a film and how far it is, from another thread.
        cancel: When set, the film in progress stops at the end of its segment, and no other file is begun.

    Raises:
        SettingError: Results that exist are to be left and to be replaced.
    """

    skip_existing: bool = setting(False, "leave files whose result exists", surfaces=COMMAND_ONLY)
    force: bool = setting(
        False, "colour what is in colour already", label="Colour it anyway, though it is in colour already"
    )
    keep_dates: bool = setting(False, "give results the dates of their sources' files", surfaces=COMMAND_ONLY)
    preview: int | None = setting(
        None, "of a film only a sheet of so many coloured frames", low=1, high=100, surfaces=COMMAND_ONLY
    )
    export_keyframes: int | None = setting(
        None,
        "of a film only so many frames that are worth painting, at least one a scene, into the folder of -o",
        low=1,
        high=10_000,
        surfaces=COMMAND_ONLY,
    )
    photo: PhotoOptions = field(default_factory=PhotoOptions)
    video: VideoOptions = field(default_factory=VideoOptions)
    progress: Callable[[Path, Progress], None] | None = None
    cancel: threading.Event | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("photo", PhotoOptions), ("video", VideoOptions)):
            if not isinstance(getattr(self, name), kind):
                raise SettingError("{0} {value!r} is not " + kind.__name__, name, value=getattr(self, name))
        if self.skip_existing and (self.photo.overwrite or self.video.overwrite):
            raise SettingError("{0} and {1} contradict each other; give one of them", "skip_existing", "overwrite")


@dataclass(frozen=True)
class RunOptions(Settings):
    """The options of a run over very many files.

    Attributes:
        files: A list of the files; None: they are named, or lie in folders.
        dry_run: Find out what would become of the files, and colour none.
        retry_failed: Try once more what failed in earlier runs.
        ray: Spread the work by Ray: ``local`` over this machine, else over the cluster at this address; None: do not.
        workers: How many workers colour; None: as many as there are processors for, or graphics cards.
        cpus_per_worker: Processors of each worker.
        time_limit: Seconds that a photo may take in a worker.
        memory_limit: Gigabytes that a worker may use; None: its share of its machine's memory.

    Raises:
        SettingError: An option belongs to Ray, and that is not asked for.
    """

    files: Path | None = setting(
        None,
        "take the files from a list: .txt, a path a line, or .csv or .parquet with the column file, and perhaps "
        "result and hints",
        metavar="LIST",
        parse=Path,
        surfaces=COMMAND_ONLY,
    )
    dry_run: bool = setting(False, "check and count what would be done, and colour nothing", surfaces=COMMAND_ONLY)
    retry_failed: bool = setting(
        False, "with --files or --ray: try once more what failed in an earlier run", surfaces=COMMAND_ONLY
    )
    ray: str | None = setting(
        None,
        "colour in several workers by Ray: on this machine, or on the cluster at an address (auto: the one that this "
        "machine belongs to); name the files before it",
        bare="local",
        metavar="ADDRESS",
        surfaces=COMMAND_ONLY,
    )
    workers: int | None = setting(
        None,
        "of --ray",
        low=1,
        high=100_000,
        automatic="as many as there are processors, with --device cuda graphics cards",
        surfaces=COMMAND_ONLY,
    )
    cpus_per_worker: int = setting(1, "of --ray: processors of each worker", low=1, high=1024, surfaces=COMMAND_ONLY)
    time_limit: float = setting(600.0, "of --ray: for a photo", low=1, high=1e6, unit="seconds", surfaces=COMMAND_ONLY)
    memory_limit: float | None = setting(
        None,
        "of --ray: for a worker",
        low=0.1,
        high=1e5,
        unit="gigabytes",
        automatic="its share of the machine's",
        surfaces=COMMAND_ONLY,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ray is None:
            for name in ("workers", "cpus_per_worker", "time_limit", "memory_limit"):
                if getattr(self, name) != getattr(type(self), name):
                    raise SettingError("{0} belongs to {1}; give that too", name, "ray")
            if self.retry_failed and self.files is None:
                raise SettingError("{0} belongs to {1} or {2}; give that too", "retry_failed", "files", "ray")

    @property
    def keeps_journal(self) -> bool:
        """Whether the run keeps a journal."""
        return self.files is not None or self.ray is not None


def _check_hints(hints: Sequence[Any]) -> None:
    """Raise a ``SettingError`` where one of the hints is something else, such as the text of one."""
    from colorize.engine import Hint  # loaded already, by whoever made the hints
    from colorize.film import TimedHint

    for hint in hints:
        if isinstance(hint, TimedHint):
            raise SettingError("{0}: {hint} says a time, as those of films do; leave that out", "hints", hint=hint)
        if not isinstance(hint, Hint):
            raise SettingError("{0}: {hint!r} is not a Hint; Hint.parse makes one of a text", "hints", hint=hint)
