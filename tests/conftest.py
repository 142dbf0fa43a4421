"""Fixtures of several wings: small random weights, made photos, the page with a browser for it, training runs."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image
from support.browser import ARGUMENTS, CHROMIUM, TIMEOUT
from support.narrow import narrow_encoders

from colorize.engine import Colorizer
from colorize.network import Generator, GeneratorConfig, Network, WeightsInfo, save_generator, torch_network

settings.register_profile("project", deadline=None)  # a busy machine is no failure
settings.load_profile("project")
torch.set_num_threads(1)  # small networks gain nothing from more, and lose much on a busy machine


def vivid_generator() -> Generator:
    """Return a random generator that gives vivid colours, its decoder narrow."""
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig("resnet18", (16, 16, 16, 16, 8)))
    torch.nn.init.normal_(generator.head.weight, std=0.1)
    return generator.eval()


@pytest.fixture(scope="session")
def small_generator() -> Generator:
    """A random generator that gives vivid colours, small all over; it cannot be loaded from a file."""
    with narrow_encoders("resnet18"):
        return vivid_generator()


@pytest.fixture(scope="session")
def small_network(small_generator: Generator) -> Network:
    """``small_generator``, ready to run on the processor."""
    return torch_network(small_generator, "cpu")


@pytest.fixture(scope="session")
def colorizer(small_network: Network) -> Colorizer:
    """``small_network`` at a small render size."""
    return Colorizer(small_network, render_size=32)


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file that any process can load: the encoder has its width; it asks for a small render size."""
    path, generator = tmp_path_factory.mktemp("weights") / "small.safetensors", vivid_generator()
    save_generator(generator, path, WeightsInfo(generator.config, render_size=64))
    return path


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
    monkeypatch.setattr("colorize.film.video_colorizer.SEGMENT_SECONDS", (1 / 3, 1 / 3))


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
    with narrow_encoders("resnet18"):
        yield


@pytest.fixture(scope="module")
def sources(request, tmp_path_factory):
    """The files that a module's training runs start from, by its SOURCES; meanwhile encoders are narrow."""
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
