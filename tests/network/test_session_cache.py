"""The session cache: same answers with it and without, whatever became of it; nobody else's files are touched."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.answers import answer, random_inputs
from support.small_networks import LATENT, write_small_weights

from colorize.base import WeightsError
from colorize.network import load_network, onnx_runtime, session_cache
from colorize.network.loading import check_graph
from colorize.network.session_cache import BEGINNING, DAY, MANIFEST, MAX_ENTRIES, CacheEntry

INPUTS = random_inputs(2, 4, 64, 96)
FILES = ("encoder.onnx", "encoder.numbers", "decoder.onnx", "decoder.numbers")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, which keeps small networks too; it is not there yet."""
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(session_cache, "MIN_WEIGHTS_BYTES", 0)
    return tmp_path / "home" / "sessions"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_small_weights(tmp_path / "small.safetensors")


@pytest.fixture
def expected(weights: Path) -> np.ndarray:
    """The answer without the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_cache, "MIN_WEIGHTS_BYTES", 1 << 40)
        return load_and_answer(weights)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often sessions were started from the weights, which grows as it happens."""
    calls: list[str] = []
    start = onnx_runtime._Starter.start

    def noted(self: onnx_runtime._Starter, cache: CacheEntry | None) -> onnx_runtime.Sessions:
        calls.append("weights")
        return start(self, cache)

    monkeypatch.setattr(onnx_runtime._Starter, "start", noted)
    return calls


def load_and_answer(weights: Path, **options: bool) -> np.ndarray:
    return answer(load_network(weights, "cpu", runtime="onnx", **options), INPUTS)


def entries(cache: Path) -> list[Path]:
    return sorted(cache.iterdir()) if cache.exists() else []


@pytest.mark.parametrize("in_background", [False, True])
def test_the_same_answers_from_the_cache(weights, expected, cache, started, in_background):
    for loaded in range(1, 4):
        assert np.array_equal(load_and_answer(weights, in_background=in_background), expected)
        assert len(started) == 1, loaded
        (entry,) = entries(cache)
    assert sorted(file.name for file in entry.iterdir()) == sorted((*FILES, MANIFEST))


def test_what_a_network_can_do_is_known_without_its_tensors(tmp_path, weights, started):
    latent = write_small_weights(tmp_path / "latent.safetensors", LATENT)
    for _ in range(2):
        network = load_network(weights, "cpu", runtime="onnx")
        assert (network.takes_hints, network.latent_dim) == (True, 0)
        network = load_network(latent, "cpu", runtime="onnx")
        assert (network.takes_hints, network.latent_dim) == (True, 8)
        fingerprints = {load_network(path, "cpu", runtime="onnx").fingerprint() for path in (weights, latent)}
        assert len(fingerprints) == 2
    assert len(started) == 2


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def replace_text(text: str) -> Callable[[Path], None]:
    return lambda file: file.write_text(text, encoding="utf-8") and None


MANIFESTS = ["", "{}", "[]", "null", "5", '"x"', "[" * 100_000, '{"encoder.onnx": 5}', '{"encoder.onnx": [1, 2, 3]}']


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, damage) for name in FILES for damage in (cut, flip, Path.unlink)),
        *((MANIFEST, replace_text(text)) for text in MANIFESTS),
        (MANIFEST, lambda file: file.write_bytes(b"\xff\xfe")),
        (MANIFEST, Path.unlink),
    ],
)
def test_a_damaged_entry_is_made_anew(weights, expected, cache, started, name, damage):
    load_and_answer(weights)
    (entry,) = entries(cache)
    damage(entry / name)
    for _ in range(2):
        assert np.array_equal(load_and_answer(weights), expected)
        assert entries(cache) == [entry]
        assert len(started) == 2


def test_an_entry_that_onnx_runtime_refuses_is_made_anew(weights, expected, cache, started):
    """As the checksums are right, it was written so: by a disk that was full, or by another version of this program."""
    load_and_answer(weights)
    (entry,) = entries(cache)
    cut(entry / "decoder.numbers")
    manifest = {name: session_cache._checksum(entry / name) for name in FILES}
    (entry / MANIFEST).write_text(json.dumps(manifest))
    for _ in range(2):
        assert np.array_equal(load_and_answer(weights), expected)
        assert len(started) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such permissions")
def test_an_entry_that_others_may_change_is_not_used(weights, expected, cache, started):
    load_and_answer(weights)
    (entry,) = entries(cache)
    assert entry.stat().st_mode & 0o777 == 0o700
    entry.chmod(0o770)
    assert np.array_equal(load_and_answer(weights), expected)
    assert len(started) == 2


def test_a_link_is_no_entry(weights, expected, cache, started, tmp_path):
    load_and_answer(weights)
    (entry,) = entries(cache)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert np.array_equal(load_and_answer(weights), expected)
    assert len(started) == 2


@pytest.mark.parametrize("what", ["optimizer", "vector_instructions", "weights", "graph"])
def test_what_an_entry_hangs_on(weights, cache, started, monkeypatch, what):
    load_and_answer(weights)
    if what == "weights":
        weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    elif what == "graph":
        (graph,) = (weights.parent / "graphs").iterdir()
        graph.write_bytes(graph.read_bytes() + b"\0" * 4)  # as some programs pad a ZIP
    else:
        monkeypatch.setattr(onnx_runtime if what == "optimizer" else session_cache, what, lambda: "another")
    load_and_answer(weights)
    assert len(entries(cache)) == len(started) == 2


class TestWhereNothingCanBeKept:
    def test_a_file_where_the_folder_would_be(self, weights, expected, cache):
        cache.parent.mkdir()
        cache.write_text("mine")
        assert np.array_equal(load_and_answer(weights), expected)
        assert cache.read_text() == "mine"

    def test_a_disk_that_is_nearly_full(self, weights, expected, cache, monkeypatch):
        monkeypatch.setattr(session_cache, "MIN_FREE_BYTES", 1 << 60)
        assert np.array_equal(load_and_answer(weights), expected)
        assert not entries(cache)

    def test_a_file_that_cannot_be_written(self, weights, expected, cache, monkeypatch):
        monkeypatch.setattr(CacheEntry, "model", lambda self, half: self.folder / "not" / "there" / half)
        assert np.array_equal(load_and_answer(weights), expected)
        assert not entries(cache)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of files")
    def test_files_that_cannot_be_finished(self, weights, expected, cache):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as a full disk or a quota, Python ignores the signal
        try:
            found = load_and_answer(weights)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert np.array_equal(found, expected)
        assert not entries(cache)

    def test_an_entry_that_cannot_be_renamed(self, weights, expected, cache, monkeypatch):
        def refuse(finished: Path, path: Path) -> None:
            raise PermissionError(f"{path}: open in another program")

        monkeypatch.setattr(session_cache, "move_into_place", refuse)
        assert np.array_equal(load_and_answer(weights), expected)
        assert not entries(cache)

    def test_a_disk_without_permissions(self, weights, expected, cache, monkeypatch):
        """Where all folders are everybody's an entry is never used, so that none is written again and again."""
        saved = []
        monkeypatch.setattr(session_cache, "_is_own", lambda folder: False)
        monkeypatch.setattr(CacheEntry, "_finish", lambda self, begun: saved.append(begun))
        assert np.array_equal(load_and_answer(weights), expected)
        assert not entries(cache) and not saved

    def test_a_small_network(self, weights, cache, monkeypatch):
        monkeypatch.setattr(session_cache, "MIN_WEIGHTS_BYTES", weights.stat().st_size + 1)
        load_and_answer(weights)
        assert not cache.exists()


def test_several_at_once(weights, expected, cache):
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(load_and_answer, [weights] * 8))
    assert all(np.array_equal(each, expected) for each in answers)
    (entry,) = entries(cache)
    assert CacheEntry(entry).is_whole()


def test_a_wrong_graph_is_named_and_nothing_is_kept(weights, cache):
    (graph,) = (weights.parent / "graphs").iterdir()
    content = graph.read_bytes()
    graph.write_bytes(content[: len(content) // 2])
    for _ in range(2):
        with pytest.raises(WeightsError, match=str(graph.name)):
            load_and_answer(weights)
    assert not entries(cache)


def test_a_check_does_not_trust_the_cache(weights, started):
    load_and_answer(weights)
    check_graph(weights)
    assert len(started) == 2


class TestRoom:
    """What is removed for a new entry, and what never is."""

    @pytest.fixture
    def folders(self, cache: Path) -> list[Path]:
        """As many entries as there may be, the first one used longest ago, all of them days ago."""
        folders = []
        for index in range(MAX_ENTRIES):
            folder = cache / f"{index:032x}"
            folder.mkdir(parents=True)
            (folder / "encoder.numbers").write_text("numbers")
            self.use(folder, (2 + MAX_ENTRIES - index) * DAY)
            folders.append(folder)
        return folders

    @staticmethod
    def use(folder: Path, seconds_ago: float) -> None:
        when = time.time() - seconds_ago
        os.utime(folder, (when, when))

    def test_the_longest_unused_one_goes(self, weights, cache, folders):
        load_and_answer(weights)
        assert len(entries(cache)) == MAX_ENTRIES
        assert set(folders) - set(entries(cache)) == {folders[0]}

    def test_use_keeps_an_entry(self, weights, cache, folders, tmp_path):
        load_and_answer(weights)
        (entry,) = set(entries(cache)) - set(folders)
        self.use(entry, 50 * DAY)
        load_and_answer(weights)
        load_and_answer(write_small_weights(tmp_path / "latent.safetensors", LATENT))
        assert set(folders) - set(entries(cache)) == set(folders[:2])
        assert entry in entries(cache)

    def test_entries_in_use_stay(self, weights, expected, cache, folders):
        for folder in folders:
            self.use(folder, 0.5 * DAY)
        assert np.array_equal(load_and_answer(weights), expected)
        assert entries(cache) == folders

    @pytest.mark.parametrize("age", [0.5, 2])
    def test_what_a_process_left_that_was_killed(self, weights, cache, age):
        left = cache / f"{BEGINNING}left"
        left.mkdir(parents=True)
        (left / "encoder.numbers").write_text("half of the")
        self.use(left, age * DAY)
        load_and_answer(weights)
        assert left.exists() == (age < 1)

    def test_what_is_somebody_elses_stays(self, weights, cache, folders):
        mine = folders[0] / "mine.txt"
        mine.write_text("mine")
        self.use(folders[0], 50 * DAY)
        other, beginning = cache / "session 1", cache / f"{BEGINNING}photos"
        for folder in (other, beginning):
            folder.mkdir()
            (folder / "photo.jpg").write_text("mine")
            self.use(folder, 50 * DAY)
        load_and_answer(weights)
        assert mine.exists() and (other / "photo.jpg").exists() and (beginning / "photo.jpg").exists()
