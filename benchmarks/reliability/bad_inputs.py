"""Damaged inputs beside photographs and films: what the command does with each, and a table.

    python -m benchmarks.reliability weights --count 500 --folder runs/weights
    python -m benchmarks.reliability segments --count 300 --seconds 600 --folder runs/segments

Each case lays a folder of sound files (``sound_inputs``), damages one of them, its bytes or what its format holds, and
runs the command there: weights and the graph beside them, the ICC profile of a photograph, the segments of a stopped
film, hint files, key frames, the journal of a list. The network is a tiny one.

Wrong is: the process ends (a crash), it takes longer than the limit (a hang), an exception comes out, a failure without
a line that names the file, a result that cannot be read or has another lightness than its photograph, one of segments
or a journal that differs from the undisturbed one's, success without it, a file left behind, a source changed.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

from benchmarks.reliability.arguments import part_arguments
from benchmarks.reliability.bad_files import unreadable
from benchmarks.reliability.cases import Case, line_faults, run_part
from benchmarks.reliability.sound_inputs import MAKERS, Files, Input, read_files, write_files
from colorize.color import ProfileError, convert_16_bit_to_srgb, read_color_space, rgb_to_lab

LIMITS = {"segments": 60.0, "keyframes": 60.0}  # seconds that a case may take; the others 10
DARKER = 4.0  # units of L by which a hundredth of a picture may differ: JPEG, 8 bits, black made black
BEGINNING = "colorize: "  # of lines about failures
IN_COLOR = "in colour already"  # in the line about a photograph that a damaged profile gives colours
PLAIN = "sRGB"  # the reader that leaves a profile out
AS_SRGB = "taken for sRGB"  # in the line about a profile that cannot be used


class BadInputs:
    """Inputs of one part with something wrong, as a ``Subject``."""

    def __init__(self, part: str, folder: Path) -> None:
        """Make the sound inputs, and run each once as it is.

        Args:
            part: A key of ``MAKERS``.
            folder: That of a case, which is emptied.
        """
        self._folder = folder
        self._inputs = MAKERS[part]()
        self.names = [each.name for each in self._inputs]
        self._whole: list[Files] = []
        for each in self._inputs:
            write_files(folder, each.files)
            status, lines = run_command(folder, each.words)
            assert status == 0 and not any("afresh" in line for line in lines), lines
            self._whole.append(read_files(folder))

    def run(self, number: int) -> Case:
        """Damage an input and return what became of it."""
        sound, whole = self._inputs[number % len(self._inputs)], self._whole[number % len(self._inputs)]
        files = dict(sound.files)
        path, damage = sound.damage(files, np.random.default_rng(number))
        write_files(self._folder, files)
        start = time.perf_counter()
        status, lines = run_command(self._folder, sound.words)
        seconds = time.perf_counter() - start
        message = next((line for line in lines if is_about(line, path, sound)), lines[-1] if lines else "")
        wrong = faults(sound, files, whole, path, status, lines, self._folder)
        if sound.state and status and not wrong:
            wrong = self._after_remedy(sound, files, whole)
        is_skipped = status == 0 and any(IN_COLOR in line for line in lines)
        outcome = "skipped" if is_skipped else "failed" if status else "done"
        return Case(number, sound.name, f"{path} {damage}", outcome, message, seconds, "; ".join(wrong))

    def _after_remedy(self, sound: Input, files: Files, whole: Files) -> list[str]:
        """Return what is wrong after the folder that could not be gone on from is removed, and the same command."""
        left = {name: data for name, data in files.items() if not name.startswith(f"{sound.state}/")}
        left = {name: data for name, data in left.items() if name not in sound.results}
        write_files(self._folder, left)
        status, lines = run_command(self._folder, sound.words)
        found = read_files(self._folder)
        if status or any(found.get(name) != whole[name] for name in sound.results):
            return [f"not whole after the folder was removed: {lines}"]
        return []


def run_command(folder: Path, words: Sequence[str]) -> tuple[int | str, list[str]]:
    """Run the command in a folder; return its exit status, or the exception that came out, and the lines it said."""
    from colorize.cli import main

    said = io.StringIO()
    former = os.getcwd()
    os.chdir(folder)
    status: int | str
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = main(words)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except Exception as error:  # that is what is sought
        status = f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        os.chdir(former)
    return status, said.getvalue().splitlines()


def is_about(line: str, path: str, sound: Input) -> bool:
    """Return whether a line is a failure that names the damaged file, or the folder that it is part of."""
    names = [Path(path).name, *([sound.state] if sound.state else [])]
    return line.startswith(BEGINNING) and any(name in line for name in names)


def faults(
    sound: Input, files: Files, whole: Files, path: str, status: int | str, lines: Sequence[str], folder: Path
) -> list[str]:
    """Return what is wrong with a case.

    Args:
        sound: The sound input.
        files: What lay in the folder, damaged.
        whole: What the command leaves of the sound input.
        path: Of the damaged file.
        status: Exit status, or the exception that came out.
        lines: What the command said.
        folder: Where it ran.
    """
    found = read_files(folder)
    wrong = [fault for line in lines for fault in line_faults(line, [])]
    if isinstance(status, str):
        wrong.append(f"raises {status}")
    kept = {name: data for name, data in files.items() if not (sound.state and name.startswith(f"{sound.state}/"))}
    if changed := sorted(name for name, data in kept.items() if found.get(name) != data):
        wrong.append(f"changed: {', '.join(changed)}")
    state = {name for name in found if sound.state and name.startswith(f"{sound.state}/")}
    others = set(found) - set(kept) - set(sound.results) - state
    if others or (status == 0 and state - set(whole)):
        wrong.append(f"left behind: {', '.join(sorted(others or state))}")
    results = [name for name in sound.results if name in found]
    is_skipped = any(is_about(line, path, sound) and IN_COLOR in line for line in lines)
    if status == 0 and len(results) < len(sound.results) and not is_skipped:
        wrong.append("done, without a result")
    if status and len(sound.results) == 1 and results:
        wrong.append("failed, with a result")
    if status and not any(is_about(line, path, sound) or _is_photo_left(line, files, sound) for line in lines):
        wrong.append(f"no line names {path}: {lines}")
    for name in results:
        wrong += _result_faults(sound, files, whole, lines, folder, name)
    return wrong


def _is_photo_left(line: str, files: Files, sound: Input) -> bool:
    """Return whether a line says that the result of a photo of a list is there already."""
    return any(name in files and f"{name}: exists already" in line for name in sound.results)


def _result_faults(
    sound: Input, files: Files, whole: Files, lines: Sequence[str], folder: Path, name: str
) -> list[str]:
    """Return what is wrong with a result in the folder."""
    data = (folder / name).read_bytes()
    if sound.is_exact:
        return [] if data == whole[name] else [f"{name} is not what it is without the damage"]
    if problem := unreadable(folder / name):
        return [f"{name} cannot be read: {problem}"]
    if not sound.keeps_lightness:
        return []
    source = sound.words[0]
    is_srgb = any(is_about(line, source, sound) and AS_SRGB in line for line in lines)
    found, meant = readings(data, name), readings(files[source], source)
    readers = [reader for reader in meant if (reader == PLAIN) == is_srgb]
    if not readers:
        return [f"{name}: its profile cannot be used, and no line says so"]
    pairs = [(found.get(reader, found[PLAIN]), meant[reader]) for reader in readers]
    far = min(float(np.percentile(np.abs(ours - theirs), 99)) for ours, theirs in pairs)
    return [f"{name} has another lightness: {far:.1f}"] if far > DARKER else []


def readings(data: bytes, name: str) -> dict[str, np.ndarray]:
    """Return L, 0..100, of a photograph by reader: LittleCMS twice, our two readers of profiles, and ``PLAIN``.

    ``PLAIN``, and without a profile all, read it as sRGB; who cannot use the profile is left out.
    """
    with Image.open(io.BytesIO(data)) as image:
        profile = image.info.get("icc_profile")
        if name.endswith(".tif"):
            picture = tifffile.imread(io.BytesIO(data))
            shown = Image.fromarray((picture >> 8).astype(np.uint8) if picture.dtype == np.uint16 else picture)
        else:
            shown = image.convert("L") if image.mode == "LA" else image.copy()
    srgb = ImageCms.createProfile("sRGB")
    plain = _lightness(shown.convert("RGB"), srgb)
    if not profile:
        return {PLAIN: plain, "LittleCMS": plain}
    found = {PLAIN: plain}
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        found["LittleCMS"] = _lightness(shown, theirs)
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        converted = ImageCms.profileToProfile(shown, theirs, srgb, intent, outputMode="RGB", flags=flags)
        assert converted is not None  # inPlace is off
        found["LittleCMS, converted"] = _lightness(converted, srgb)  # what is outside of sRGB is clipped
    with contextlib.suppress(ProfileError):
        found["curves"] = rgb_to_lab(np.asarray(shown.convert("RGB")), read_color_space(profile))[..., 0]
    with contextlib.suppress(ProfileError):
        samples = np.atleast_3d(np.asarray(shown)).astype(np.uint16) * np.uint16(257)
        found["table"] = rgb_to_lab(convert_16_bit_to_srgb(samples, profile))[..., 0]
    return found


def _lightness(image: Image.Image, profile: Any) -> np.ndarray:
    """Return L, 0..100, of an image of a profile, as LittleCMS reads it."""
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION if image.mode == "CMYK" else ImageCms.Flags.NONE
    lab = ImageCms.createProfile("LAB")
    found = ImageCms.profileToProfile(image, profile, lab, intent, outputMode="LAB", flags=flags)
    assert found is not None  # inPlace is off
    return np.asarray(found)[..., 0].astype(np.float64) * (100 / 255)


def main(words: list[str]) -> None:
    """Run the command on damaged inputs and print the table.

    Args:
        words: Of the command line.
    """
    about = "Damage what the command reads beside photographs and films, and look at what becomes of it."
    options = part_arguments(about, cases=500).parse_args(words)
    folder = (options.folder / f"{options.part}.case").absolute()
    run_part(options, partial(BadInputs, options.part, folder), LIMITS.get(options.part, 10.0))
