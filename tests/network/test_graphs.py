"""Graphs in ONNX Runtime: they give the answers of torch that are kept, and files that do not fit are named."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from support.answers import MAX_DIFFERENCE, answer, make_answers, random_inputs, read_answers

from colorize.base import WeightsError
from colorize.network import (
    GeneratorConfig,
    Network,
    WeightsInfo,
    check_graph,
    find_weights,
    load_network,
    name_foreign_graph,
    read_manifest,
    registry,
    write_graph,
)
from colorize.network.graphs import FOLDER, HALVES, Graph, find_graph, graph_name, read_graph
from colorize.network.onnx_runtime import INPUT_WEIGHT, OnnxNetwork
from colorize.network.weights_file import read_info, read_weights

RELEASED = ("stable", "artistic")


@pytest.fixture(scope="module", params=RELEASED)
def released(request: pytest.FixtureRequest) -> Network:
    """Released weights in ONNX Runtime, on the processor."""
    return load_network(request.param, "cpu", runtime="onnx")


@pytest.fixture
def stable() -> tuple[Graph, dict[str, np.ndarray], WeightsInfo]:
    """The released graph and weights as they are read."""
    path = find_weights("stable")
    info, tensors = read_weights(path)
    graph_file = find_graph(info.config, path)
    assert graph_file is not None
    return read_graph(graph_file), tensors, info


@pytest.mark.parametrize("name", RELEASED)
def test_the_answers_of_torch_that_are_kept(name: str, runtime: str):
    network, kept = load_network(name, "cpu", "float32", runtime), read_answers(name)
    answers = make_answers(network)
    assert answers.keys() == kept.keys()
    for question, ab in answers.items():
        assert np.abs(ab - kept[question]).max() < MAX_DIFFERENCE, question
    for question in ("hints", "bottleneck"):
        assert np.abs(answers[question] - answers["plain"]).max() > 1, question


def test_alone_and_in_a_batch(released: Network):
    inputs = random_inputs(3, 1, 32, 64)
    alone = np.concatenate([answer(released, inputs[index : index + 1]) for index in range(3)])
    assert np.abs(answer(released, inputs) - alone).max() < MAX_DIFFERENCE


def test_all_released_weights_have_a_graph():
    for name in RELEASED:
        path = find_weights(name)
        assert find_graph(read_info(path).config, path) is not None


def test_weights_that_differ_have_another_fingerprint():
    stable, again, artistic = (load_network(name, runtime="onnx") for name in ("stable", "stable", "artistic"))
    assert stable.fingerprint() == again.fingerprint() != artistic.fingerprint()


class TestWhatDoesNotFit:
    def start(self, graph: Graph, tensors: dict, info: WeightsInfo) -> OnnxNetwork:
        return OnnxNetwork(graph, tensors, info, "fingerprint")

    def test_a_missing_tensor(self, stable):
        graph, tensors, info = stable
        del tensors["decoder.1.bn_up.running_var"]
        with pytest.raises(WeightsError, match=r"decoder\.1\.bn_up\.running_var is missing"):
            self.start(graph, tensors, info)

    def test_a_foreign_tensor(self, stable):
        graph, tensors, info = stable
        tensors["encoder.layer9.weight"] = tensors["head.weight"]
        with pytest.raises(WeightsError, match=r"encoder\.layer9\.weight is foreign"):
            self.start(graph, tensors, info)

    @pytest.mark.parametrize("name", ["head.weight", "decoder.0.up.weight", "encoder.bn1.weight", INPUT_WEIGHT])
    @pytest.mark.parametrize("shape", ["shorter", "one axis"])
    def test_another_shape(self, stable, name, shape):
        graph, tensors, info = stable
        whole = tensors[name]
        tensors[name] = whole[:-1] if shape == "shorter" else np.append(whole, 0)
        with pytest.raises(WeightsError, match=rf"{name} is \("):
            self.start(graph, tensors, info)

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("name", ["head.bias", "encoder.bn1.running_mean", "encoder.bn1.weight"])
    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_numbers_that_are_not_finite(self, stable, name, value):
        graph, tensors, info = stable
        tensors[name] = np.full_like(tensors[name], value)
        with pytest.raises(WeightsError, match="not finite"):
            self.start(graph, tensors, info)

    @pytest.mark.parametrize("half", HALVES)
    @pytest.mark.parametrize("model", [b"", b"no model"])
    def test_a_model_that_is_none(self, stable, half, model):
        graph, tensors, info = stable
        with pytest.raises(WeightsError, match=f"{half} cannot be used"):
            self.start(replace(graph, models={**graph.models, half: model}), tensors, info)

    def test_a_device_that_is_not_there(self):
        with pytest.raises(ValueError, match=r"'tpu'.* has .*cpu"):
            load_network("stable", "tpu", runtime="onnx")

    def test_a_latent_for_weights_without_one(self, released):
        inputs = random_inputs(1, 1, 32, 32)
        with pytest.raises(ValueError, match="no latent vector"):
            answer(released, inputs, np.zeros((1, 4), np.float32))


def break_graph(path: Path, how: str) -> None:
    """Make a graph file a damaged, a wrong or a missing one."""
    graph = read_graph(path)
    decoder = {**graph.shapes["decoder"], "head.weight": (64, 20, 3, 3)}
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    elif how == "missing":
        path.unlink()
    elif how == "another":
        write_graph(path, replace(graph, shapes={**graph.shapes, "decoder": decoder}))
    else:
        write_graph(path, replace(graph, models={**graph.models, "decoder": b"no model"}))


class TestWhichFileIsWrong:
    @pytest.fixture
    def graph_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The graph of an installation that has no weights but a copy of stable."""
        weights, entry = find_weights("stable"), read_manifest()["stable"]
        graph_file = find_graph(read_info(weights).config, weights)
        assert graph_file is not None
        folder = tmp_path / "installed"
        (folder / FOLDER).mkdir(parents=True)
        shutil.copy(weights, folder / entry["file"])
        (folder / "manifest.json").write_text(json.dumps({"weights": [entry]}))
        monkeypatch.setattr(registry, "INSTALLED_FOLDER", folder)
        return Path(shutil.copy(graph_file, folder / FOLDER))

    @pytest.fixture
    def mine(self, tmp_path: Path, stable: tuple) -> Path:
        """Weights of one's own with the architecture of stable, one of whose tensors is another."""
        path = tmp_path / "mine" / "mine.safetensors"
        path.parent.mkdir()
        with safe_open(find_weights("stable"), "numpy") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        save_file({**tensors, "head.bias": np.zeros(5, np.float32)}, path, metadata)
        return path

    @pytest.mark.parametrize("how", ["cut", "missing", "another", "no model"])
    def test_the_graph_of_released_weights(self, graph_file, how):
        assert check_graph(find_weights("stable")) == graph_file
        break_graph(graph_file, how)
        with pytest.raises(WeightsError, match=rf"^{graph_file}: .*install again"):
            load_network("stable", "cpu", runtime="onnx")
        with pytest.raises(WeightsError, match=rf"^{graph_file}: "):
            check_graph(find_weights("stable"))

    def test_what_is_found_in_the_background(self, graph_file):
        """What can only be found there is told by the first call that computes, in the same words."""
        break_graph(graph_file, "no model")
        network = load_network("stable", "cpu", runtime="onnx", in_background=True)
        for _ in range(2):
            with pytest.raises(WeightsError, match=rf"^{graph_file}: its decoder cannot be used: .*install again"):
                network.encode(random_inputs(1, 1, 32, 32))
        break_graph(graph_file, "another")
        with pytest.raises(WeightsError, match=rf"^{graph_file}: "):
            load_network("stable", "cpu", runtime="onnx", in_background=True)

    def test_weights_of_ones_own(self, graph_file, mine):
        with pytest.raises(WeightsError, match=rf"^{mine}: .*head\.bias is \(5,\)"):
            load_network(mine, "cpu", runtime="onnx")
        break_graph(graph_file, "another")
        with pytest.raises(WeightsError, match=rf"^{graph_file}: "):
            load_network(mine, "cpu", runtime="onnx")

    @pytest.mark.parametrize(("how", "is_known"), [("cut", True), ("no model", True), ("another", False)])
    def test_a_graph_of_ones_own(self, graph_file, mine, how, is_known):
        shutil.copy(find_weights("stable"), mine)
        own = mine.parent / FOLDER / graph_file.name
        own.parent.mkdir()
        shutil.move(graph_file, own)
        break_graph(own, how)
        with pytest.raises(WeightsError) as caught:
            load_network(mine, "cpu", runtime="onnx")
        assert str(own) in str(caught.value) and (str(mine) in str(caught.value)) != is_known
        assert "install again" not in str(caught.value)

    def test_a_strangers_graph_is_not_computed_without_a_word(self, graph_file, mine, caplog):
        shutil.copy(find_weights("stable"), mine)
        own = mine.parent / FOLDER / graph_file.name
        own.parent.mkdir()
        shutil.copy(graph_file, own)
        break_graph(own, "no model")
        load_network(
            mine, "cpu", runtime="onnx"
        )  # the program has a graph of this architecture: the stranger's stays unread
        assert not caplog.records
        shutil.move(graph_file, own)  # now it has none
        load_network(mine, "cpu", runtime="onnx")
        assert str(own) in caplog.text and mine.name in caplog.text and "trust" in caplog.text
        (loaded,) = caplog.messages
        caplog.clear()
        name_foreign_graph(mine, "onnx")  # for a driver, whose workers load it
        assert caplog.messages == [loaded]


class TestGraphFiles:
    @pytest.fixture
    def path(self, tmp_path: Path, stable: tuple) -> Path:
        path = tmp_path / "some.zip"
        write_graph(path, stable[0])
        return path

    def test_a_graph_survives(self, path, stable):
        assert read_graph(path) == stable[0]

    def test_the_same_graph_is_the_same_file(self, path, stable, tmp_path):
        write_graph(tmp_path / "again.zip", stable[0])
        assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()

    def test_cut_or_foreign(self, path):
        whole = path.read_bytes()
        flipped = whole[:2000] + bytes(255 - byte for byte in whole[2000:2100]) + whole[2100:]
        for content in (whole[:-100], b"", b"no archive", flipped):
            path.write_bytes(content)
            with pytest.raises(WeightsError, match=r"some\.zip: not a graph file"):
                read_graph(path)

    @pytest.mark.parametrize(
        "content",
        [{"format": "colorize-graph/9"}, {"format": "x" * 5000}, {}, [], {"format": "colorize-graph/1"}],
        ids=range(5),
    )
    def test_a_description_that_cannot_be_read(self, path, content):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("graph.json", json.dumps(content))
            for half in HALVES:
                archive.writestr(f"{half}.onnx", b"")
        with pytest.raises(WeightsError, match=r"some\.zip: not a graph file") as caught:
            read_graph(path)
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("eps", ["x", None, [], -5, float("nan"), 10**400])
    def test_a_batch_norm_that_adds_no_small_number(self, path, eps):
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        content = json.loads(entries["graph.json"])
        next(iter(content["norms"].values()))["eps"] = eps
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in (entries | {"graph.json": json.dumps(content)}).items():
                archive.writestr(name, data)
        with pytest.raises(WeightsError, match=r"some\.zip: not a graph file that can be read \(the batch norm"):
            read_graph(path)

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none\.zip"):
            read_graph(tmp_path / "none.zip")

    def test_the_power_of_the_hue_agreement_is_no_part_of_the_name(self):
        config = GeneratorConfig(head="classification", hue_agreement_power=1.0)
        assert graph_name(config) == graph_name(replace(config, hue_agreement_power=0.0))
        assert graph_name(config) != graph_name(replace(config, backbone="resnet18"))
        assert graph_name(config) != graph_name(replace(config, latent_dim=3))
