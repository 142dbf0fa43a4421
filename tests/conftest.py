"""Fixtures of several wings: small random weights, made photos, the page with a browser for it, training runs.

Small networks run in both runtimes, see ``pytest_generate_tests``. Tests that need torch are marked; where it is not
installed they are skipped, and modules that are all about it are not collected.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image
from support.browser import ARGUMENTS, CHROMIUM, TIMEOUT
from support.small_networks import LATENT, load_small, write_small_weights

from colorize.engine import Colorizer
from colorize.network import Network

TESTS = Path(__file__).parent
RUNTIMES = ("onnx", "torch")
HAS_TORCH = importlib.util.find_spec("torch") is not None
ABOUT_TORCH = [
    "test_docs.py",  # documents name parts of the training too
    "test_golden.py",
    "training",
    "network/test_bins.py",
    "network/test_checkpoints.py",
    "network/test_deoldify.py",
    "network/test_deoldify_conversion.py",
    "network/test_deoldify_weights.py",
    "network/test_generator.py",
    "network/test_graph_export.py",
    "network/test_hue_agreement.py",
    "network/test_published_network.py",
    "network/test_semantic.py",
]
"""Folders and modules of which every test needs torch."""
IN_TORCH = {"small_generator", "tiny_states", "narrow_resnet18", "sources", "full_width_weights"}
"""Fixtures that need it."""
IN_BOTH_RUNTIMES = ("engine", "motion", "network")
"""Folders whose tests are cheap enough to run in both runtimes each time."""
SLOW_IN_TORCH = (
    "film",
    "batch/test_files.py",
    "batch/test_format_table.py",
    "cli/test_cli.py",
    "cli/test_cli_films.py",
)
"""Folders and modules whose quick tests run in torch too among the slow ones."""

collect_ignore = [] if HAS_TORCH else ABOUT_TORCH

settings.register_profile("project", deadline=None)  # a busy machine is no failure
settings.load_profile("project")
os.environ.setdefault("SVT_LOG", "1")  # read once in a process, perhaps where a test alone opens SVT-AV1
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's: small networks lose much by more on a busy machine
if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers have it from here
    os.environ["COLORIZE_HOME"] = tempfile.mkdtemp(prefix="colorize-tests-")
    atexit.register(shutil.rmtree, os.environ["COLORIZE_HOME"], ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runtime", choices=RUNTIMES, help="what computes the small networks; else onnx, or both")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a small network in the runtime that was asked for, else in ONNX Runtime, some in both."""
    if "runtime" not in metafunc.fixturenames:
        return
    asked = metafunc.config.getoption("--runtime")
    path = metafunc.definition.path.relative_to(TESTS)
    runtimes: list[Any] = [asked] if asked else list(RUNTIMES[:1])
    if not asked and path.parts[0] in IN_BOTH_RUNTIMES:
        runtimes = list(RUNTIMES)
    elif not asked and {path.parts[0], path.as_posix()} & set(SLOW_IN_TORCH):
        runtimes.append(pytest.param("torch", marks=[pytest.mark.slow, pytest.mark.once_more]))
    metafunc.parametrize("runtime", runtimes, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs torch and what a runtime computes; skip the former where torch is not installed.

    What is slow in ONNX Runtime already is not run in torch once more.
    """
    items[:] = [
        item for item in items if not item.get_closest_marker("once_more") or len(list(item.iter_markers("slow"))) == 1
    ]
    for item in items:
        fixtures, parameters = getattr(item, "fixturenames", ()), getattr(getattr(item, "callspec", None), "params", {})
        if "runtime" in fixtures:
            item.add_marker("runtime")
        path = item.path.relative_to(TESTS)
        about_torch = {str(path), path.parts[0]} & set(ABOUT_TORCH)
        if about_torch or IN_TORCH & set(fixtures) or parameters.get("runtime") == "torch":
            item.add_marker("torch")
        if item.get_closest_marker("torch") and not HAS_TORCH:
            item.add_marker(pytest.mark.skip("needs torch"))


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported, which stays: torch and Gradio are a million objects."""
    gc.freeze()


@pytest.fixture(scope="session")
def runtime(request: pytest.FixtureRequest) -> str:
    """What computes the small networks, ``onnx`` or ``torch``; see ``pytest_generate_tests``."""
    return request.param


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights file of a small random network that gives vivid colours, with its graph beside it."""
    return write_small_weights(tmp_path_factory.mktemp("small") / "small.safetensors")


@pytest.fixture(scope="session")
def small_network(small_weights: Path, runtime: str) -> Network:
    """The network of ``small_weights``, ready to run on the processor."""
    return load_small(small_weights, runtime)


@pytest.fixture(scope="session")
def latent_network(tmp_path_factory: pytest.TempPathFactory, runtime: str) -> Network:
    """A small random network with a latent vector."""
    return load_small(write_small_weights(tmp_path_factory.mktemp("latent") / "latent.safetensors", LATENT), runtime)


@pytest.fixture(scope="session")
def small_generator(small_weights: Path):
    """The network of ``small_weights`` as a generator in torch; not to be changed."""
    from support.narrow import load_narrow

    return load_narrow(small_weights)


@pytest.fixture(scope="session")
def colorizer(small_network: Network) -> Colorizer:
    """``small_network`` at a small render size."""
    return Colorizer(small_network, render_size=32)


@pytest.fixture(scope="session")
def full_width_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file without a graph, whose encoder has its width, so that torch computes it in any process."""
    from support.narrow import write_full_width

    return write_full_width(tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.fixture(scope="session")
def weights_file(request: pytest.FixtureRequest, runtime: str) -> Path:
    """A weights file that any process computes in ``runtime``; it asks for a small render size."""
    return request.getfixturevalue("small_weights" if runtime == "onnx" else "full_width_weights")


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """A grey picture (90, 120) uint8 with all 256 levels, soft and hard edges, and grain."""
    y, x = np.mgrid[:90, :120]
    light = x * 2.1 + 40 * np.sin(y / 9) + np.where((x // 20 + y // 15) % 2, 15, 0)
    light += np.random.default_rng(0).normal(0, 6, light.shape)
    light[:5, :] = np.linspace(0, 255, 120)
    return np.clip(light, 0, 255).round().astype(np.uint8)


@pytest.fixture
def grey_photo(tmp_path: Path, scene: np.ndarray) -> Path:
    """``scene`` as a JPEG named photo.jpg in a folder of its own."""
    path = tmp_path / "photo.jpg"
    Image.fromarray(scene).save(path, quality=95)
    return path


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of ten frames at 30 frames a second."""
    monkeypatch.setattr("colorize.film.division.SEGMENT_SECONDS", (1 / 3, 1 / 3))


@pytest.fixture
def own_process_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the command sets for its process."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setattr(signal, "signal", lambda *_arguments: None)


@pytest.fixture(scope="session")
def served(small_network: Network):
    """A page on a free port: its address and its service."""
    from support.page import serve_page  # Gradio is slow to import

    with serve_page(small_network) as page:
        yield page


@pytest.fixture(scope="module")
def make_client(small_network: Network):
    """Start HTTP services; all are closed at the end."""
    from support.service import serve_clients

    with serve_clients(small_network) as make:
        yield make


@pytest.fixture(scope="module")  # Playwright keeps this thread's event loop to itself
def browser():
    """Chromium without a window."""
    assert CHROMIUM, "these tests need Chromium: apt-get install chromium"
    from playwright import sync_api as playwright

    playwright.expect.set_options(timeout=TIMEOUT * 1000)
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def requests() -> list[str]:
    """The address of every request of the pages in the browser."""
    return []


@pytest.fixture(scope="module")
def context(browser):
    """A browser context for all tests of a module, so that the page's scripts are loaded once."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context, served, requests):
    """The page in a browser; a JavaScript error in it fails the test."""
    page = context.new_page()
    page.set_default_timeout(TIMEOUT * 1000)
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(served[0])
    page.locator("#photo input[type=file]").first.wait_for(state="attached")
    yield page
    page.close()
    assert not errors


@pytest.fixture(scope="module")  # to close one takes a second
def client(served, tmp_path_factory):
    """A gradio_client of the page."""
    from support.page import visit  # Gradio is slow to import

    yield from visit(served[0], tmp_path_factory.mktemp("downloads"))


@pytest.fixture
def narrow_resnet18():
    """Every ResNet-18 is an eighth as wide: for tests of what does not hang on its width."""
    from support.narrow import narrow_encoders

    with narrow_encoders("resnet18"):
        yield


@pytest.fixture(scope="module")
def sources(request, tmp_path_factory):
    """The files that a module's training runs start from, by its SOURCES; meanwhile encoders are narrow."""
    from support.narrow import narrow_encoders
    from support.runs import write_sources  # with fastai, which is slow to import

    with narrow_encoders():
        yield write_sources(tmp_path_factory.mktemp("sources"), **request.module.SOURCES)


@pytest.fixture
def run(request, sources, tmp_path):
    """A small training run on ``sources``, by the module's RUN."""
    from support.runs import stage_run

    return stage_run(sources, tmp_path / "run", **request.module.RUN)


@pytest.fixture
def small_critic(monkeypatch):
    """Let training build small critics."""
    from support.adversarial import use_small_critics

    use_small_critics(monkeypatch)


@pytest.fixture(scope="session")
def tiny_states():
    """Weights of DeOldify's networks made tiny, by kind; not to be changed."""
    from support.deoldify import TINY, tiny_state

    return {kind: tiny_state(kind) for kind in TINY}
