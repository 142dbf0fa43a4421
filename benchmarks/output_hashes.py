"""SHA-256 of what the program writes, so that rearranging it can be shown to change nothing; a table.

    python -m benchmarks.output_hashes
    python -m benchmarks.output_hashes --against HEAD~1

``--against`` runs every step with a copy of the working tree and with that commit by turns, and exits with status 1 if
anything differs, or if a film that was killed and resumed is not the uninterrupted one. All runs are processes of their
own on the CPU; nothing of ``colorize`` is imported here. An option or a form field that was renamed goes by the name
that the tree gives it.

Hashed are the bytes of files, but of Matroska, whose writer draws random numbers, the metadata, streams and packets. In
JSON answers a job's id becomes ID, and how far a job is that has not ended is left out, which is a matter of time; in
messages the folder becomes FOLDER.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import tifffile
from PIL import Image

ROOT = Path(__file__).parent.parent
SAMPLES = sorted(path for path in (ROOT / "samples").glob("*.jpg") if "_colorized" not in path.stem)
NEEDED = ("colorize", "weights", "samples")  # folders of the tree that runs
HEIGHT, WIDTH, RATE, FRAMES, CUT = 96, 160, 12, 48, 30  # of the film: four segments of a second, a cut in the third
SOUND_RATE = 48000
TIMEOUT = 600.0  # seconds
HINT, NO_LABEL = "HINT", "NO-LABEL"  # stand for options in the steps
RESUMED = ", resumed"
UNFINISHED = ("waiting", "working")  # states of a job
NAMES = {HINT: ("--hint", "--mark"), NO_LABEL: ("--no-ai-label", "--no-mark")}  # the newest name first
HINTS = f"{HINT} 250,120,#c08060 {HINT} 90,40,#5a7fb0,25"
COMMANDS = {  # name of a step -> input, arguments
    "stable jpg": ("photos", ""),
    "stable png": ("photos", "--format png"),
    "stable 16 bits": ("deep", ""),
    "artistic jpg": ("photos", "--weights artistic"),
    "artistic png": ("photos", "--weights artistic --format png"),
    "artistic 16 bits": ("deep", "--weights artistic"),
    "hints": ("photo", f"{HINTS} --format png"),
    "strength": ("photo", "--strength 0.5 --format png"),
    "saturation": ("photo", f"--saturation 1.4 --render-size 192 --square {NO_LABEL}"),
    "candidates": ("photo", "--candidates 4 --seed 3"),
    "candidates, hints": ("photo", f"--candidates 4 --seed 3 --sheet {HINTS}"),
    "film off": ("film", "--temporal off"),
    "film fast": ("film", "--temporal fast"),
    "film best": ("film", "--temporal best"),
    "film mkv": ("mkv", "--start 1 --end 3"),
    "film preview": ("film", "--preview 6"),
}
Hashes = dict[str, str]


class Tree:
    """A copy of the program.

    Attributes:
        root: Its folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._entries = entry_points((root / "pyproject.toml").read_text(encoding="utf-8"))
        self._environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        self._names: dict[str, str] = {}
        probe = [sys.executable, "-c", "import colorize; print(colorize.__file__)"]
        found = subprocess.check_output(probe, env=self._environment, cwd=root.parent, text=True).strip()
        if not Path(found).is_relative_to(root):
            raise SystemExit(f"{found} would run in place of {root / 'colorize'}")
        told = self.run(root.parent, ["--help"])
        self._names = {word: name_in(told, names) for word, names in NAMES.items()}

    def start(self, folder: Path, arguments: list[str], script: str = "colorize") -> subprocess.Popen[str]:
        """Start a command of the tree in a folder."""
        module, function = self._entries[script]
        code = f"from {module} import {function} as main; raise SystemExit(main())"
        command = [sys.executable, "-c", code, *(self._names.get(word, word) for word in arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=folder, env=self._environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, folder: Path, arguments: list[str], status: int = 0) -> str:
        """Run ``colorize`` to its end and return what it says."""
        process = self.start(folder, arguments)
        said = "".join(process.communicate(timeout=TIMEOUT))
        if process.returncode != status:
            raise SystemExit(f"{self.root}: colorize {' '.join(arguments)}: status {process.returncode}: {said}")
        return said

    @contextmanager
    def served(self, folder: Path) -> Iterator[httpx.Client]:
        """Run ``colorize-web`` on a free port, and yield a client of it."""
        process = self.start(folder, ["--port", "0", "--device", "cpu"], "colorize-web")
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            address = re.search(r"http://\S+?(?=/?\s)", line)
            if address is None:
                raise SystemExit(f"{self.root}: the server did not start: {line}{process.stderr.read()}")
            threading.Thread(target=process.stderr.read, daemon=True).start()  # so that it never waits for a reader
            with httpx.Client(base_url=address.group(), timeout=TIMEOUT, trust_env=False) as client:
                yield client
        finally:
            process.terminate()
            process.wait(timeout=60)


def entry_points(project: str) -> dict[str, tuple[str, str]]:
    """Return module and function of each command in the text of a ``pyproject.toml``."""
    section = project.partition("[project.scripts]")[2].partition("\n[")[0]
    lines = re.findall(r'^"?([\w-]+)"?\s*=\s*"([\w.]+):(\w+)"', section, re.MULTILINE)
    return {name: (module, function) for name, module, function in lines}


def name_in(text: str, names: tuple[str, ...]) -> str:
    """Return the first name that stands in a text as a word of its own."""
    for name in names:
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            return name
    raise SystemExit(f"none of {', '.join(names)} in: {text[:200]}")


def form_field(document: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the first name that a form with a photo has as a field, by the service's ``/openapi.json``."""
    schemas = document["components"]["schemas"].values()
    fields = next(schema["properties"] for schema in schemas if "photo" in schema.get("properties", {}))
    return name_in(" ".join(fields), names)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, but of Matroska and WebM of what does not change from time to time."""
    return film_hash(path) if path.suffix in (".mkv", ".webm") else hashlib.sha256(path.read_bytes()).hexdigest()


def film_hash(path: Path) -> str:
    """Return the SHA-256 of a film's metadata, streams and packets."""
    digest = hashlib.sha256()
    with av.open(str(path)) as film:
        digest.update(repr(sorted(film.metadata.items())).encode())
        for stream in film.streams:
            context = stream.codec_context
            told = (stream.type, stream.time_base, context and (context.name, context.extradata))
            digest.update(repr((told, sorted(stream.metadata.items()))).encode())
        for packet in film.demux():
            told = (packet.stream_index, packet.pts, packet.dts, packet.duration, packet.is_keyframe)
            digest.update(repr(told).encode() + bytes(packet))
    return digest.hexdigest()


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_film(path: Path) -> Path:
    """Write a grey film: two soft scenes through which a square and a disc move, and a tone."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    with av.open(str(path), "w") as film:
        # x264's AVX-512 code for macroblock trees makes another film each time, see ``colorize.film.encoder``.
        options = {"crf": "16", "threads": "1", "x264-params": "mbtree=0"}
        pictures = film.add_stream("libx264", rate=RATE, options=options)
        pictures.height, pictures.width, pictures.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        sound = film.add_stream("aac", rate=SOUND_RATE)
        sound.codec_context.layout = "mono"  # type: ignore[assignment]
        for index in range(FRAMES):
            light = 70 + x * 0.6 + 25 * np.sin(y / 9) if index < CUT else 190 - y - 20 * np.cos(x / 12)
            light[30:50, 2 * index : 2 * index + 20] = 210
            light[np.hypot(y - 70, x - 130 + 2 * index) < 14] = 40
            luma = np.clip(light, 16, 235).astype(np.uint8)
            planes = np.concatenate([luma.ravel(), np.full(HEIGHT * WIDTH // 2, 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes.reshape(HEIGHT * 3 // 2, WIDTH), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            film.mux(pictures.encode(frame))
        film.mux(pictures.encode(None))
        for begin in range(0, FRAMES // RATE * SOUND_RATE, 1024):
            wave = 0.3 * np.sin(np.arange(begin, begin + 1024, dtype=np.float32) * 0.05)[None]
            tone = av.AudioFrame.from_ndarray(wave.astype(np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts, tone.time_base = SOUND_RATE, begin, Fraction(1, SOUND_RATE)
            film.mux(sound.encode(tone))
        film.mux(sound.encode(None))
    return path


def make_inputs(folder: Path, quick: bool) -> dict[str, list[Path]]:
    """Write what is coloured, and return it by the names that ``COMMANDS`` uses."""
    for path in SAMPLES:
        grey = np.asarray(Image.open(path).convert("L"), np.uint16)
        fine = np.arange(grey.size, dtype=np.uint16).reshape(grey.shape) % 251  # so that the low bits say something
        tifffile.imwrite(folder / f"{path.stem}.tif", grey * 256 + fine, photometric="minisblack")
    (folder / "bad.jpg").write_bytes(b"no photograph")
    return {
        "photos": SAMPLES[:1] if quick else SAMPLES,
        "photo": SAMPLES[:1],
        "deep": sorted(folder.glob("*.tif")),
        "film": [make_film(folder / "film.mp4")],
        "mkv": [make_film(folder / "film.mkv")],
        "bad": [folder / "bad.jpg"],
    }


def colored(tree: Tree, folder: Path, sources: list[Path], arguments: str) -> Hashes:
    """Colour files and return the hashes of all that lies in the folder afterwards."""
    tree.run(folder, [*map(str, sources), "-o", ".", "--device", "cpu", *arguments.split()])
    return {path.name: file_hash(path) for path in sorted(folder.iterdir())}


def resumed(tree: Tree, folder: Path, sources: list[Path], arguments: str) -> Hashes:
    """Kill the command after the first segment of a film, and return what the same command then makes of it."""
    process = tree.start(folder, [*map(str, sources), "-o", ".", "--device", "cpu", *arguments.split()])
    while process.poll() is None and not list(folder.glob("*/*.npz")):
        time.sleep(0.002)
    if process.poll() is not None:
        raise SystemExit(f"{tree.root}: the film was done before it could be stopped: {process.communicate()}")
    process.kill()
    process.communicate()
    if not list(folder.glob("*/*.npz")) or list(folder.glob("*.mp4")):
        raise SystemExit(f"{tree.root}: the film was not stopped between its segments")
    return colored(tree, folder, sources, arguments)


def refused(tree: Tree, folder: Path, sources: list[Path], arguments: str) -> Hashes:
    """Return the hash of what is said of a file that cannot be coloured."""
    said = tree.run(folder, [*map(str, sources), "-o", ".", *arguments.split()], status=1)
    return {"message": text_hash(said.replace(str(sources[0].parent), "FOLDER"))}


def answered(tree: Tree, folder: Path, inputs: dict[str, list[Path]], quick: bool) -> Hashes:
    """Return the hashes of what the HTTP service answers."""
    photo, film = inputs["photo"][0], inputs["film"][0]
    with tree.served(folder) as client:
        hashes = {"photo": answer_hash(post(client, "colorize", photo=photo))}
        if quick:
            return hashes
        field = form_field(client.get("/openapi.json").json(), tuple(name[2:] for name in NAMES[HINT]))
        hints = {field: ["250,120,#c08060", "90,40,#5a7fb0,25"], "format": "png", "strength": "0.8"}
        hashes["photo, hints"] = answer_hash(post(client, "colorize", hints, photo=photo))
        hashes["error: no photograph"] = answer_hash(post(client, "colorize", photo=inputs["bad"][0]))
        hashes["error: strength"] = answer_hash(post(client, "colorize", {"strength": "7"}, photo=photo))
        hashes["error: no job"] = answer_hash(client.get("/v1/videos/none"))
        hashes["weights"] = answer_hash(client.get("/v1/weights"))
        begun = post(client, "videos", {"temporal": "best", "format": "mov"}, video=film)
        place = f"/v1/videos/{begun.json()['id']}"
        hashes["film, begun"] = answer_hash(begun)
        while (told := client.get(place)).json()["status"] in UNFINISHED:
            time.sleep(0.1)
        hashes["film, done"] = answer_hash(told)
        hashes["film, result"] = answer_hash(client.get(f"{place}/result"))
        return hashes


def post(client: httpx.Client, route: str, fields: dict[str, Any] | None = None, **files: Path) -> httpx.Response:
    """Send a form with a file."""
    uploads = {name: (path.name, path.read_bytes()) for name, path in files.items()}
    return client.post(f"/v1/{route}", data=fields or {}, files=uploads)


def answer_hash(answer: httpx.Response) -> str:
    """Return the SHA-256 of an answer: status, kind, name and body, without what changes from time to time."""
    told = [
        str(answer.status_code),
        *(answer.headers.get(name, "") for name in ("content-type", "content-disposition")),
    ]
    body = answer.content
    if "json" in told[1]:
        values = answer.json()
        if values.get("status") in UNFINISHED:
            values |= dict.fromkeys(("status", "done", "total", "seconds_left"), "any")
        text = json.dumps(values, sort_keys=True)
        body = (text.replace(values["id"], "ID") if "id" in values else text).encode()
    return hashlib.sha256("\n".join(told).encode() + b"\n" + body).hexdigest()


def steps(inputs: dict[str, list[Path]], quick: bool) -> dict[str, Callable[[Tree, Path], Hashes]]:
    """Return what is run with each tree, by name."""

    def step(work: Callable[[Tree, Path, list[Path], str], Hashes], name: str, arguments: str) -> Callable:
        return lambda tree, folder: work(tree, folder, inputs[name], arguments)

    chosen = ("stable jpg", "film fast") if quick else tuple(COMMANDS)
    all_steps = {name: step(colored, *COMMANDS[name]) for name in chosen}
    if not quick:
        films = [name for name in COMMANDS if COMMANDS[name][1].startswith("--temporal")]
        all_steps |= {f"{name}{RESUMED}": step(resumed, *COMMANDS[name]) for name in films}
        all_steps["a bad file"] = step(refused, "bad", "")
    all_steps["HTTP"] = lambda tree, folder: answered(tree, folder, inputs, quick)
    return all_steps


def hash_all(trees: list[Tree], folder: Path, quick: bool) -> list[Hashes]:
    """Run every step with each tree by turns and return the trees' hashes by row."""
    (folder / "inputs").mkdir()
    tables: list[Hashes] = [{} for _ in trees]
    for name, step in steps(make_inputs(folder / "inputs", quick), quick).items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        for number, tree in enumerate(trees):
            with tempfile.TemporaryDirectory(dir=folder) as out:
                for row, value in step(tree, Path(out)).items():
                    tables[number][f"{name}: {row}"] = value
    return tables


def unequal(tables: list[Hashes]) -> list[str]:
    """Return the rows that are not the same in all tables, and those of resumed films that are not the whole one's."""
    rows = sorted({row for table in tables for row in table})
    wrong = [row for row in rows if len({table.get(row) for table in tables}) > 1]
    resumed_rows = [row for row in rows if RESUMED in row]
    return wrong + [
        row for row in resumed_rows if any(table[row] != table[row.replace(RESUMED, "")] for table in tables)
    ]


def print_table(tables: list[Hashes]) -> None:
    """Print the hashes: one table's in full, of two the first digits of the older and the newer and a verdict."""
    for row in dict.fromkeys(row for table in tables for row in table):
        values = [table.get(row, "none") for table in reversed(tables)]
        verdict = "equal" if len(set(values)) == 1 else "DIFFERENT"
        told = values if len(tables) == 1 else [*(value[:16].ljust(16) for value in values), verdict]
        print(f"{row:44} {' '.join(told)}")


@contextmanager
def worktree(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out into a folder, for a while."""
    command = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*command, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*command, "remove", "--force", str(folder)], check=True)


def copy_tree(folder: Path) -> Path:
    """Copy what runs of the working tree, so that it may be worked on meanwhile."""
    for name in NEEDED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def main() -> int:
    """Run every step and print the table.

    Returns:
        1 if a hash differs between the trees, or between a resumed film and an uninterrupted one.
    """
    parser = argparse.ArgumentParser(description="Hash everything that the program writes.")
    parser.add_argument("--against", metavar="COMMIT", help="also run this commit, and compare")
    parser.add_argument("--quick", action="store_true", help="one photo, one film, one HTTP request")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        trees = [Tree(copy_tree(folder / "new"))]
        if options.against:
            trees.append(Tree(stack.enter_context(worktree(options.against, folder / "old"))))
        tables = hash_all(trees, folder, options.quick)
    print_table(tables)
    wrong = unequal(tables)
    print(f"{len(tables[0])} hashes" + (f"; not equal: {', '.join(wrong)}" if wrong else ", as they should be"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
