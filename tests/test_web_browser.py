"""The page in a real Chromium: what a person does, and that nothing leaves this machine."""

from __future__ import annotations

import base64
import io
import re
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from made_films import FilmRecipe, make_film
from made_page import serve_page
from PIL import Image

pytestmark = pytest.mark.browser

playwright = pytest.importorskip("playwright.sync_api", reason="the extra dev brings Playwright")

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
def served(small_generator):
    with serve_page(small_generator) as page:
        yield page


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "these tests need Chromium: apt-get install chromium"
    playwright.expect.set_options(timeout=PATIENCE * 1000)
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def requests():
    """Every address that a page of these tests asked for."""
    return []


@pytest.fixture(scope="module")
def context(browser):
    """One for all tests, which loads the page's scripts once."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context, served, requests):
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(served[0])
    page.locator("#photo input[type=file]").first.wait_for(state="attached")
    yield page
    page.close()
    assert not faults


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A grey photo, larger than the page: a bright disc on a dark ground."""
    y, x = np.mgrid[:1300, :1900]
    disc = np.hypot(y - 650, x - 1400) < 350
    path = tmp_path_factory.mktemp("photos") / "aunt.png"
    Image.fromarray(np.where(disc, 170, 60).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("films") / "long.mp4", FilmRecipe(frames=2000, size=(240, 320)))


def give(page, where: str, *paths: Path) -> None:
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


def color(page, photo: Path) -> np.ndarray:
    """Upload a photo, colour it, and return the picture that the slider shows: (H, W, 3) int."""
    give(page, "#photo", photo)
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

    def test_a_click_marks_a_place_which_takes_the_colour(self, page, photo):
        color(page, photo)
        picture = page.locator("#photo img").first
        unmarked = picture.get_attribute("src") or ""
        page.get_by_role("textbox", name="Marks").fill("200,200,#10c030")  # the keyboard's way
        page.get_by_role("textbox", name="Marks").blur()
        # A click while the browser puts the marked picture in the place of the other one may be lost.
        playwright.expect(picture).not_to_have_attribute("src", unmarked)
        box = picture.bounding_box()
        scale = min(box["width"] / 1900, box["height"] / 1300)  # the picture lies in the middle of its box
        left, top = (box["width"] - 1900 * scale) / 2, (box["height"] - 1300 * scale) / 2
        picture.click(position={"x": left + 1400 * scale, "y": top + 650 * scale})
        marks = page.get_by_role("textbox", name="Marks")
        playwright.expect(marks).to_have_value(re.compile("^200,200,#10c030\n.+"))
        line = marks.input_value().splitlines()[1]
        x, y, ink = line.split(",")
        assert abs(int(x) - 1400) < 6 and abs(int(y) - 650) < 6 and ink == "#b03030"
        result = color_again(page)
        red, green, blue = result[640:660, 1390:1410].mean(axis=(0, 1))
        assert red > green + 40 and red > blue + 40
        red, green, blue = result[190:210, 190:210].mean(axis=(0, 1))
        assert green > red + 20
        page.get_by_role("button", name="Undo mark").click()
        playwright.expect(marks).to_have_value("200,200,#10c030")
        page.get_by_role("button", name="Clear marks").click()
        playwright.expect(marks).to_have_value("")

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

    def test_slider_obeys_the_keyboard(self, page, photo):
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

    def test_an_error_is_said(self, page, tmp_path):
        broken = tmp_path / "<b>broken.png"
        broken.write_bytes(b"nothing")
        give(page, "#photo", broken)
        wait_for(page, "not a picture")
        playwright.expect(page.locator("#color-photo")).to_be_disabled()

    def test_two_visitors_do_not_see_each_other(self, page, context, served, photo):
        give(page, "#photo", photo)
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
        """Let the browser take the photo into its clipboard and give it back; our page has no part in that."""
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
        give_files(page, "Many photos", "#photos", photo, broken, second)
        page.locator("#color-all").click()
        wait_for(page, "2 of 3 photos coloured")
        wait_for(page, "broken.jpg: not a picture")
        page.wait_for_function("document.querySelectorAll('#gallery img').length == 2")
        with page.expect_download() as download:
            page.locator("#download-all").click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert archive.namelist() == ["aunt_colorized.png", "uncle_colorized.png"]


class TestFilm:
    def test_sheet_then_a_film_that_plays_with_sound(self, page, tmp_path):
        film = make_film(tmp_path / "film.mp4", FilmRecipe(frames=45, size=(96, 128), sounds=["eng"]))
        give_files(page, "Film", "#film", film)
        page.locator("#preview-film").click()
        page.locator("#preview img").first.wait_for()
        wait_for(page, "A few frames")
        assert np.ptp(pixels(page, "#preview img"), axis=-1).mean() > 2
        page.locator("#color-film").click()
        wait_for(page, "film_colorized.mp4")
        page.locator("#video video").wait_for()
        played = page.evaluate("""async () => {
            const video = document.querySelector("#video video");
            await video.play();
            await new Promise((done) => { video.onended = done; });
            return [video.readyState, video.duration, video.videoWidth, video.webkitAudioDecodedByteCount];
        }""")
        assert played[0] >= 2 and played[1] == pytest.approx(1.5, abs=0.15)
        assert played[2] == 128 and played[3] > 0
        with page.expect_download() as download:
            page.locator("#download-film").click()
        assert download.value.suggested_filename == "film_colorized.mp4"

    def test_a_long_film_can_be_cancelled(self, page, served, long_film):
        give_files(page, "Film", "#film", long_film)
        page.locator("#color-film").click()
        wait_for(page, "left")
        playwright.expect(page.locator("#color-film")).to_be_disabled()
        assert page.locator("#film input[type=file]").count() == 0  # another film would be another run
        page.locator("#cancel-film").click()
        wait_for(page, "cancelled")
        wait_until_idle(served[1])
        page.wait_for_function("!document.querySelector('#color-film').disabled")
        page.locator("#film").get_by_text("long", exact=True).first.wait_for()  # the film is still chosen

    def test_a_page_that_is_closed_takes_its_film_back(self, page, served, long_film):
        give_files(page, "Film", "#film", long_film)
        page.locator("#color-film").click()
        wait_for(page, "frames")
        page.close()
        wait_until_idle(served[1])


def wait_until_idle(studio) -> None:
    """Wait until no job's folder is left."""
    end = time.monotonic() + PATIENCE
    while [path for path in studio.jobs.folder.iterdir() if path.name != "page"]:
        assert time.monotonic() < end, "a job goes on"
        time.sleep(0.1)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1200, "dark")])
def test_fits_telephones_and_takes_the_systems_colours(browser, served, requests, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.goto(served[0])
    page.locator("#color-photo").wait_for()
    for name in ("Photo", "Many photos", "Film"):
        page.get_by_role("tab", name=name, exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (sum(light) > 380) == (scheme == "light")
    assert page.evaluate("document.documentElement.lang") == "en"
    context.close()


def test_nothing_leaves_this_machine(page, requests, served):
    """Of all that the tests before did; alone, of the page itself."""
    foreign = [url for url in requests if not url.startswith((served[0], "data:", "blob:"))]
    assert requests and not foreign
