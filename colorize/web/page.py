"""The page as a Gradio application with three tabs, and the checks that Gradio itself does not make.

A mounted Gradio application would open any file whose path a client names, fetch any public address that a client names
in place of a file, and serve pages and routes that this page does not need.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from colorize.base import check_paths_of_mounted_page, let_page_rest, wrap_lifespan
from colorize.web.batch_tab import BatchTab
from colorize.web.controls import PRIVATE, page_error
from colorize.web.file_store import FileStore
from colorize.web.live_photos import LivePhotos
from colorize.web.photo_tab import PhotoTab
from colorize.web.service import ColorizeService
from colorize.web.settings import MEGABYTE
from colorize.web.style import CSS, SCRIPT, THEME
from colorize.web.uploads import UploadHandler
from colorize.web.video_tab import VideoTab

STAY_SECONDS = 20.0
REST_SECONDS = 0.02  # between two looks of the page's queue; nobody sees that an answer comes so much later
SWEEP_SECONDS = 60.0  # between two searches for files to delete
FILE_ROUTE = "/gradio_api/file="
ALLOWED_ROUTES = (
    "info",
    "startup-events",
    "heartbeat/",
    "upload",
    "upload_progress",
    "queue/join",
    "queue/data",
    "queue/status",
    "call/",
    "cancel",
    "reset",
    "login_check",
    "app_id",
    "theme.css",
)
"""Routes under /gradio_api/ that the page and ``gradio_client`` need; one that ends in / allows all below it."""
ENDLESS_STREAMS = ("/gradio_api/heartbeat/", "/gradio_api/queue/data")
CLOSED_PREFIXES = ("/monitoring", "/svelte", "/custom_component", "/pwa_icon", "/login", "/logout", "/gradio_api/")


class Page(gr.Blocks):
    """Gradio Blocks that accept from clients only files that were uploaded to this page."""

    def __init__(self, store: FileStore) -> None:
        super().__init__(title="colorize", analytics_enabled=False)
        self._store = store

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list:
        """Refuse paths that are not in the file store, before Gradio moves, fetches or opens anything."""
        for path in _paths(inputs):
            if not self._store.owns(path):
                raise page_error("a file that was not uploaded here, or is not kept any longer; choose it again")
        return await super().preprocess_data(block_fn, inputs, state, explicit_call)


class RouteAllowlist:
    """Middleware that closes the routes of Gradio that the page does not need, and serves only files of the store."""

    def __init__(self, app: ASGIApp, store: FileStore) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; a closed route is answered with status 404."""
        if scope["type"] == "http" and not self._allows(scope["path"]):
            await PlainTextResponse("there is nothing here", 404)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:  # the server ends while a page is open, and each has streams that never do
            if scope["type"] != "http" or not scope["path"].startswith(ENDLESS_STREAMS):
                raise

    def _allows(self, path: str) -> bool:
        if path.startswith(FILE_ROUTE):
            return self._store.owns(path.removeprefix(FILE_ROUTE))
        if not path.startswith(CLOSED_PREFIXES):
            return True
        name = path.removeprefix("/gradio_api/").rstrip("/")
        return path.startswith("/gradio_api/") and any(
            name == route or (route.endswith("/") and name.startswith(route)) for route in ALLOWED_ROUTES
        )


def mount_page(app: FastAPI, service: ColorizeService) -> FastAPI:
    """Return an application with the page added at ``/``.

    Gradio knows one folder per process, so there is one page per process at a time.
    """
    settings = service.settings
    store = FileStore(service.jobs.folder / "page", settings.keep_minutes * 60)
    os.environ["GRADIO_TEMP_DIR"] = os.environ["GRADIO_EXAMPLES_CACHE"] = str(store.folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    live = LivePhotos(service, store)
    page = _build_page(UploadHandler(service, store), live)
    app = gr.mount_gradio_app(
        app,
        page,
        path="/",
        root_path=settings.root_path or None,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        max_file_size=int(settings.max_upload_mb * MEGABYTE),
        theme=THEME,
        css=CSS,
        js=SCRIPT,
    )
    check_paths_of_mounted_page(page)
    let_page_rest(page, REST_SECONDS)
    store.keep_current_files()
    app.add_middleware(RouteAllowlist, store=store)
    _sweep_while_running(app, store, live)
    return app


def _build_page(uploads: UploadHandler, live: LivePhotos) -> Page:
    with Page(uploads.store) as page:
        gr.Markdown("# colorize\nColours for black-and-white photographs and films. They are plausible, not true.")
        with gr.Tabs() as tabs:
            with gr.Tab("Photo", id="photo"):
                photo_tab = PhotoTab(uploads, live)
            with gr.Tab("Many photos", id="photos"):
                BatchTab(uploads).open_in(photo_tab, tabs)
            with gr.Tab("Film", id="film"):
                VideoTab(uploads, live)
        page.load(_stay, api_visibility=PRIVATE, concurrency_limit=None, show_progress="hidden")
    page.queue(api_open=False, default_concurrency_limit=8)
    return page


async def _stay() -> AsyncIterator[None]:
    """Be an event of the page that lasts as long as it is open, so that the stream of its answers stays open too.

    Gradio's server closes that stream when the last event has its answer. Where the next event is sent before the page
    has heard that, the page waits for its answer on a stream that is closed (Gradio 6.31; seen on a busy machine).
    """
    while True:
        await asyncio.sleep(STAY_SECONDS)
        yield  # a page that was closed meanwhile is found out here


def _sweep_while_running(app: FastAPI, store: FileStore, live: LivePhotos) -> None:
    """Delete old files of the store, and what is kept of them, now and then for as long as the application runs."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await asyncio.to_thread(store.sweep)
            live.sweep()

    def wrap(inner: Callable[[FastAPI], AbstractAsyncContextManager[Any]]) -> Any:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
            async with inner(app) as state:
                task = asyncio.create_task(sweep())
                try:
                    yield state
                finally:
                    task.cancel()

        return lifespan

    wrap_lifespan(app, wrap)


def _paths(value: Any) -> Iterator[str]:
    """Yield every path of a file in the JSON that a client sent."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value["path"]
        for entry in value.values():
            yield from _paths(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _paths(entry)
