"""What we change in Gradio and Starlette, or reach into: it is still there, and still needed.

That no path which a client names is opened, ``test_web_page.py`` shows with requests.
"""

from __future__ import annotations

import inspect
import platform
import time
from contextlib import asynccontextmanager

import gradio
from fastapi import FastAPI
from gradio import queueing
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colorize.base import check_paths_of_mounted_page, let_page_rest, wrap_lifespan
from colorize.web.page import REST_SECONDS


def test_gradio_does_not_check_paths_of_a_mounted_page_by_itself() -> None:
    with gradio.Blocks(analytics_enabled=False) as blocks:
        gradio.File()
    gradio.mount_gradio_app(FastAPI(), blocks, path="/", ssr_mode=False)
    assert blocks.has_launched is False, "mounting does it now"
    check_paths_of_mounted_page(blocks)
    assert blocks.has_launched is True


def test_a_page_that_does_nothing_rests(monkeypatch) -> None:
    with gradio.Blocks(analytics_enabled=False) as blocks:
        gradio.Button().click(lambda: None)
    app = gradio.mount_gradio_app(FastAPI(), blocks, path="/", ssr_mode=False)
    own = blocks._queue.sleep_when_free
    assert own < REST_SECONDS or platform.system() == "Windows", "it is not needed any more"
    let_page_rest(blocks, REST_SECONDS)
    looks = []
    length = queueing.Queue.__len__
    monkeypatch.setattr(queueing.Queue, "__len__", lambda self: (looks.append(id(self)), length(self))[1])
    with TestClient(app):
        begin = time.monotonic()
        looks.clear()
        time.sleep(0.5)
        count, seconds = looks.count(id(blocks._queue)), time.monotonic() - begin
    assert 1 <= count <= seconds / REST_SECONDS + 1


def test_gradio_still_calls_what_the_page_overrides() -> None:
    names = list(inspect.signature(gradio.Blocks.preprocess_data).parameters)
    assert names == ["self", "block_fn", "inputs", "state", "explicit_call"]
    assert "self.preprocess_data(" in inspect.getsource(gradio.Blocks.process_api)


def test_a_lifespan_is_wrapped() -> None:
    seen = []

    def wrap(inner):
        @asynccontextmanager
        async def lifespan(app):
            async with inner(app) as state:
                seen.append("begin")
                yield state
            seen.append("end")

        return lifespan

    app = Starlette()
    wrap_lifespan(app, wrap)
    with TestClient(app):
        assert seen == ["begin"]
    assert seen == ["begin", "end"]
