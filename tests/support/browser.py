"""Chromium for tests of the page: how it is started, and actions of a person in it."""

from __future__ import annotations

import base64
import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

TIMEOUT = 180  # seconds until a test gives up, on a busy machine too
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
READ_PIXELS = """async (selector) => {
    const picture = document.querySelector(selector);
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


def look(page, width: int, height: int, scheme: str) -> None:
    """Give a page a size in pixels, and the scheme of colours that its system asks for."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)


def upload(page, where: str, *paths: Path) -> None:
    """Upload files through the file input inside the element of a selector."""
    page.locator(f"{where} input[type=file]").first.set_input_files([str(path) for path in paths])


def pixels(page, selector: str) -> np.ndarray:
    """Return the picture of an ``img`` element at its full size: (h, w, 3) int."""
    with Image.open(io.BytesIO(base64.b64decode(page.evaluate(READ_PIXELS, selector)))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def upload_in_tab(page, tab: str, where: str, *paths: Path) -> None:
    """Open a tab, upload files, and wait until the last is there: then its name without suffix is shown."""
    page.get_by_role("tab", name=tab).click()
    upload(page, where, *paths)
    page.locator(where).get_by_text(paths[-1].stem, exact=True).first.wait_for()


def wait_for(page, text: str) -> None:
    """Wait until a status line contains a text; a failure tells what they say instead."""
    from playwright.sync_api import TimeoutError as GivenUp  # this module is imported where Playwright is missing too

    try:
        page.locator(".status", has_text=text).first.wait_for()
    except GivenUp as error:
        raise AssertionError(f"no status says {text!r}, but: {page.locator('.status').all_inner_texts()}") from error


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait until something holds in this process, which serves the page."""
    end = time.monotonic() + TIMEOUT
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)
