"""Chromium for tests of the page: how it is started, and what a person does in it."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

PATIENCE = 180  # seconds until a test gives up, on a busy machine too
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
PIXELS = """async (selector) => {
    const picture = document.querySelector(selector);
    await picture.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


def give(page, where: str, *paths: Path) -> None:
    """Upload files where a selector says."""
    page.locator(f"{where} input[type=file]").first.set_input_files([str(path) for path in paths])


def pixels(page, selector: str) -> np.ndarray:
    """Return the picture that the browser shows, at its full size: (H, W, 3) int."""
    with Image.open(io.BytesIO(base64.b64decode(page.evaluate(PIXELS, selector)))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def give_files(page, tab: str, where: str, *paths: Path) -> None:
    """Open a tab, upload, and wait until the last file is there; then its name stands without its suffix."""
    page.get_by_role("tab", name=tab).click()
    give(page, where, *paths)
    page.locator(where).get_by_text(paths[-1].stem, exact=True).first.wait_for()


def wait_for(page, words: str) -> None:
    """Wait until a status line says something."""
    page.locator(".status", has_text=words).first.wait_for()
