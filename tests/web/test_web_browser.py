"""The page in a real Chromium: photos coloured, hinted, downloaded, pasted and coloured in batches."""

from __future__ import annotations

import base64
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.browser import ARGUMENTS, CHROMIUM, pixels, upload, upload_in_tab, wait_for

pytestmark = pytest.mark.browser

playwright = pytest.importorskip("playwright.sync_api", reason="the extra dev brings Playwright")

COPY = """(data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const item = new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) });
    window.copied = false;
    navigator.clipboard.write([item])
        .then(() => navigator.clipboard.read())
        .then((items) => items[0].getType("image/png"))
        .then(() => { window.copied = true; });
}"""


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A grey photo, larger than the page: a bright disc on a dark ground."""
    y, x = np.mgrid[:1300, :1900]
    disc = np.hypot(y - 650, x - 1400) < 350
    path = tmp_path_factory.mktemp("photos") / "aunt.png"
    Image.fromarray(np.where(disc, 170, 60).astype(np.uint8)).save(path)
    return path


def color(page, photo: Path) -> np.ndarray:
    """Upload a photo, colour it, and return the picture that the slider shows: (h, w, 3) int."""
    upload(page, "#photo", photo)
    wait_for(page, "pixels")
    return color_again(page)


def color_again(page) -> np.ndarray:
    before = page.locator("#result img.fixed").get_attribute("src") if page.locator("#result img.fixed").count() else ""
    page.locator("#color-photo").click()
    page.wait_for_function(
        "before => { const i = document.querySelector('#result img.fixed');"
        " return i && i.src !== before && i.complete && i.naturalWidth; }",
        arg=before,
    )
    return pixels(page, "#result img.fixed")


class TestPhoto:
    def test_slider_shows_colours_at_full_resolution(self, page, photo):
        picture = color(page, photo)
        assert picture.shape == (1300, 1900, 3)
        assert (picture.max(axis=-1) - picture.min(axis=-1)).mean() > 5
        grey = pixels(page, "#result img:not(.fixed)")
        assert grey.shape == picture.shape and np.ptp(grey, axis=-1).max() <= 2
        command = page.get_by_role("textbox", name="The same on the command line").first
        assert "colorize aunt.png" in command.input_value()
        command.focus()  # the keyboard gets there
        assert command.evaluate("element => document.activeElement === element")

    def test_downloads_in_the_photos_own_format(self, page, photo):
        color(page, photo)
        with page.expect_download() as download:
            page.locator("#download-photo").click()
        assert download.value.suggested_filename == "aunt_colorized.png"
        with Image.open(download.value.path()) as image:
            assert image.format == "PNG" and image.size == (1900, 1300)

    def test_a_click_sets_a_hint_which_colours_its_place(self, page, photo):
        color(page, photo)
        picture = page.locator("#photo img").first
        without_hints = picture.get_attribute("src") or ""
        page.get_by_role("textbox", name="Hints").fill("200,200,#10c030")  # the keyboard's way
        page.get_by_role("textbox", name="Hints").blur()
        # A click while the browser puts the picture with the hint in the place of the other one may be lost.
        playwright.expect(picture).not_to_have_attribute("src", without_hints)
        box = picture.bounding_box()
        scale = min(box["width"] / 1900, box["height"] / 1300)  # the picture lies in the middle of its box
        left, top = (box["width"] - 1900 * scale) / 2, (box["height"] - 1300 * scale) / 2
        picture.click(position={"x": left + 1400 * scale, "y": top + 650 * scale})
        hints = page.get_by_role("textbox", name="Hints")
        playwright.expect(hints).to_have_value(re.compile("^200,200,#10c030\n.+"))
        line = hints.input_value().splitlines()[1]
        x, y, hint_color = line.split(",")
        assert abs(int(x) - 1400) < 6 and abs(int(y) - 650) < 6 and hint_color == "#b03030"
        result = color_again(page)
        red, green, blue = result[640:660, 1390:1410].mean(axis=(0, 1))
        assert red > green + 40 and red > blue + 40
        red, green, blue = result[190:210, 190:210].mean(axis=(0, 1))
        assert green > red + 20
        page.get_by_role("button", name="Undo hint").click()
        playwright.expect(hints).to_have_value("200,200,#10c030")
        page.get_by_role("button", name="Clear hints").click()
        playwright.expect(hints).to_have_value("")

    def test_versions_to_choose_from(self, page, photo):
        color(page, photo)
        before = page.locator("#result img.fixed").get_attribute("src")
        page.get_by_role("button", name="Other versions").click()
        page.locator("#make-versions").click()
        page.wait_for_function("document.querySelectorAll('#versions img').length == 4")
        page.locator("#versions button").nth(1).click()
        wait_for(page, "aunt_colorized_2.png")
        page.wait_for_function("before => document.querySelector('#result img.fixed').src !== before", arg=before)
        with page.expect_download() as download:
            page.locator("#download-photo").click()
        assert download.value.suggested_filename == "aunt_colorized_2.png"

    def test_slider_follows_the_keyboard(self, page, photo):
        color(page, photo)
        slider = page.get_by_role("slider", name="Where the photo in colour begins")
        slider.focus()
        page.keyboard.press("Home")
        assert slider.get_attribute("aria-valuenow") == "0"
        assert "0%" in page.locator("#result img.fixed").evaluate("image => image.style.clipPath")
        page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuenow") == "5"

    def test_samples_are_offered(self, page):
        page.locator("#samples button").first.click()
        wait_for(page, "astronaut.jpg: 512 x 512 pixels")

    def test_an_error_is_shown(self, page, tmp_path):
        broken = tmp_path / "<b>broken.png"
        broken.write_bytes(b"nothing")
        upload(page, "#photo", broken)
        wait_for(page, "not a picture")
        playwright.expect(page.locator("#color-photo")).to_be_disabled()

    def test_two_visitors_do_not_see_each_other(self, page, context, served, photo):
        upload(page, "#photo", photo)
        wait_for(page, "pixels")
        other = context.new_page()
        other.goto(served[0])
        playwright.expect(page.locator("#color-photo")).to_be_enabled()
        playwright.expect(other.locator("#color-photo")).to_be_disabled()
        assert other.locator("#photo img").count() == 0
        other.close()


class TestClipboard:
    @pytest.fixture
    def context(self, browser):
        """A Chromium with a clipboard of its own."""
        own = browser.browser_type.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        permissions = ["clipboard-read", "clipboard-write"]
        yield own.new_context(viewport={"width": 1200, "height": 900}, permissions=permissions)
        own.close()

    def copy(self, page, photo) -> None:
        """Let the browser copy the photo to its clipboard and read it back; our page has no part in that."""
        page.bring_to_front()
        page.evaluate(COPY, base64.b64encode(photo.read_bytes()).decode())
        page.wait_for_function("window.copied", polling=100)  # unlike evaluate, this ends in time

    def test_a_photo_is_pasted_and_the_button_waits_until_it_is_whole(self, page, photo):
        self.copy(page, photo)
        page.get_by_role("button", name="Paste from clipboard").click()
        assert color_again(page).shape == (1300, 1900, 3)

    def test_a_pasted_photo_outlives_a_slow_answer_to_what_went_before(self, page, photo):
        """The click on Paste empties the photo; on a slow machine that is answered after the photo has come."""
        self.copy(page, photo)
        held: list[bool] = []

        def hold_the_first(route) -> None:
            if not held:
                held.append(True)
                page.wait_for_timeout(3000)
            route.continue_()

        page.route("**/queue/join*", hold_the_first)
        page.get_by_role("button", name="Paste from clipboard").click()
        assert color_again(page).shape == (1300, 1900, 3)
        assert held


class TestBatch:
    def test_one_broken_file_is_named_and_the_rest_are_in_the_zip(self, page, photo, tmp_path):
        broken, second = tmp_path / "broken.jpg", tmp_path / "uncle.png"
        broken.write_bytes(b"nothing")
        shutil.copy(photo, second)
        upload_in_tab(page, "Many photos", "#photos", photo, broken, second)
        page.locator("#color-all").click()
        wait_for(page, "2 of 3 photos coloured")
        wait_for(page, "broken.jpg: not a picture")
        page.wait_for_function("document.querySelectorAll('#gallery img').length == 2")
        with page.expect_download() as download:
            page.locator("#download-all").click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert archive.namelist() == ["aunt_colorized.png", "uncle_colorized.png"]
