"""The page in a real Chromium: photos coloured as they come, corrected, downloaded, pasted and coloured in batches."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.browser import ARGUMENTS, CHROMIUM, look, pixels, upload, upload_in_tab, wait_for, wait_until

from colorize.engine import parse_hints
from colorize.web.live_photos import LivePhotos
from colorize.web.photo_requests import color_photo
from colorize.web.previews import before_and_after, write_preview

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


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """A small photo of the same name and kind, for what does not hang on its size."""
    y, x = np.mgrid[:240, :320]
    path = tmp_path_factory.mktemp("photos") / "aunt.png"
    Image.fromarray(np.where(np.hypot(y - 120, x - 230) < 60, 170, 60).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def party(tmp_path_factory):
    """A photo that is in colour already."""
    path = tmp_path_factory.mktemp("photos") / "party.png"
    y, x = np.mgrid[:64, :64] * 4
    Image.fromarray(np.dstack([y, 255 - x, x]).astype(np.uint8)).save(path)
    return path


def color(page, photo: Path) -> np.ndarray:
    """Upload a photo, wait until it is coloured, and return the picture that the slider shows: (h, w, 3) int."""
    upload(page, "#photo", photo)
    return colored(page)


def colored(page) -> np.ndarray:
    """Wait until the photo is coloured, and return the picture that the slider shows: (h, w, 3) int."""
    wait_for(page, "Done")
    page.wait_for_function("(document.querySelector('#result img.fixed') || {}).naturalWidth > 0")
    return pixels(page, "#result img.fixed")


def open_easel(page, photo: Path) -> None:
    """Upload a photo and open the easel."""
    color(page, photo)
    page.get_by_role("tab", name="I know a colour").click()
    page.locator("#easel img[src*=file]").wait_for()
    page.wait_for_function("document.querySelector('#easel img').naturalWidth > 0")


def act(page, action) -> np.ndarray:
    """Do something at the easel, and return the picture that it shows then: (h, w, 3) int."""
    before = page.locator("#easel img").get_attribute("src")
    action()
    page.wait_for_function("b => document.querySelector('#easel img').getAttribute('src') !== b", arg=before)
    return pixels(page, "#easel img")


def touch(page, x: float, y: float) -> None:
    """Click on the easel's photo at shares of its width and height."""
    box = page.locator("#easel svg").bounding_box()
    page.locator("#easel svg").click(position={"x": x * box["width"], "y": y * box["height"]})


def redness(picture: np.ndarray, x: float, y: float) -> float:
    """Return by how much a place of a picture is redder than it is blue."""
    row, column = int(y * len(picture)), int(x * picture.shape[1])
    red, _, blue = picture[row - 4 : row + 5, column - 4 : column + 5].mean(axis=(0, 1))
    return red - blue


LOOKS = [(1200, 900, "light"), (1200, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_from_drop_to_download_in_three_actions(context, served, photo, width, height, scheme):
    page = context.new_page()  # whose scripts are there already
    look(page, width, height, scheme)
    page.goto(served[0])
    page.locator("#photo input[type=file]").first.wait_for(state="attached")
    actions = 1
    upload(page, "#photo", photo)
    wait_for(page, "Done")
    button = page.locator("#download-photo")
    playwright.expect(button).to_be_enabled()
    playwright.expect(button).to_be_in_viewport(ratio=1)  # nothing was scrolled
    with page.expect_download() as download:
        actions += 1
        button.click()
    assert actions <= 3 and download.value.suggested_filename == "aunt_colorized.png"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.locator("#versions").is_visible() and not page.locator("#color-anyway").is_visible()
    page.close()


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS[::3])
def test_from_drop_to_download_in_three_actions_by_the_keyboard_alone(context, served, photo, width, height, scheme):
    page = context.new_page()  # whose scripts are there already
    look(page, width, height, scheme)
    page.on("filechooser", lambda _: None)  # Chromium gives choosers out from now on, not from some time after the key
    page.goto(served[0])
    page.locator(".status[role=status]").first.wait_for(state="attached")  # the page's script listens to keys by then
    actions = 0

    def press(key: str) -> None:
        nonlocal actions
        actions += 1
        page.keyboard.press(key)

    tab_to(page, "#photo button")
    with page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files(str(photo))
    wait_for(page, "Done")
    playwright.expect(page.locator("#download-photo")).to_be_enabled()
    tab_to(page, "#download-photo")
    with page.expect_download() as download:
        press("Enter")
    assert actions <= 3 and download.value.suggested_filename == "aunt_colorized.png"
    page.close()


def tab_to(page, selector: str) -> None:
    """Press Tab until an element of a selector has the focus, and check that it is in sight."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            box = page.evaluate("(({ top, bottom }) => [top, bottom])(document.activeElement.getBoundingClientRect())")
            assert box[0] >= 0 and box[1] <= page.viewport_size["height"]
            return
    raise AssertionError(f"{selector}: the keyboard does not get there")


class TestPhoto:
    def test_slider_shows_colours_at_full_resolution(self, page, photo):
        picture = color(page, photo)
        assert picture.shape == (1300, 1900, 3)
        assert (picture.max(axis=-1) - picture.min(axis=-1)).mean() > 5
        grey = pixels(page, "#result img:not(.fixed)")
        assert grey.shape == picture.shape and np.ptp(grey, axis=-1).max() <= 2
        page.get_by_role("button", name="The same on the command line").first.click()
        command = page.get_by_role("textbox", name="The same on the command line").first
        assert "colorize aunt.png" in command.input_value()
        command.focus()  # the keyboard gets there
        assert command.evaluate("element => document.activeElement === element")

    def test_downloads_in_the_photos_own_format(self, page, photo):
        color(page, photo)
        with page.expect_download() as download:
            page.locator("#download-photo").click()
        with Image.open(download.value.path()) as image:
            assert image.format == "PNG" and image.size == (1900, 1300)

    def test_versions_to_choose_from(self, page, snapshot):
        color(page, snapshot)
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

    def test_slider_follows_the_keyboard(self, page, snapshot):
        color(page, snapshot)
        slider = page.get_by_role("slider", name="Where the photo in colour begins")
        slider.focus()
        page.keyboard.press("Home")
        assert slider.get_attribute("aria-valuenow") == "0"
        assert "0%" in page.locator("#result img.fixed").evaluate("image => image.style.clipPath")
        page.keyboard.press("ArrowRight")
        assert slider.get_attribute("aria-valuenow") == "5"

    def test_samples_are_offered(self, page):
        page.locator("#samples button").first.click()
        wait_for(page, "astronaut_colorized.jpg")

    def test_an_error_stands_in_place_and_another_photo_can_be_chosen(self, page, snapshot, tmp_path):
        broken = tmp_path / "<b>broken.png"
        broken.write_bytes(b"nothing")
        upload(page, "#photo", broken)
        wait_for(page, "not a picture")
        playwright.expect(page.locator("#download-photo")).not_to_be_visible()
        color(page, snapshot)
        page.locator("#another-photo").click()
        page.locator("#photo input[type=file]").first.wait_for(state="attached")
        playwright.expect(page.locator("#download-photo")).not_to_be_visible()

    def test_a_photo_that_is_not_kept_any_longer_is_no_endless_work(self, page, snapshot, served):
        color(page, snapshot)
        for path in served[1].jobs.folder.glob("page/*/aunt*"):
            path.unlink()
        page.get_by_role("button", name="Settings").first.click()
        page.locator("#color-photo").click()
        page.get_by_text("not kept any longer").first.wait_for()
        wait_for(page, "not done")

    def test_a_photo_in_colour_is_asked_about(self, page, party):
        upload(page, "#photo", party)
        wait_for(page, "in colour already")
        playwright.expect(page.locator("#download-photo")).to_be_disabled()
        page.locator("#color-anyway").click()
        assert colored(page).shape == (64, 64, 3)
        playwright.expect(page.locator("#color-anyway")).not_to_be_visible()

    def test_the_answers_come_over_one_stream_that_stays_open(self, page, snapshot, served):
        page.goto("about:blank")  # nothing of what the page has asked for so far counts
        opened, ended = [], []
        page.on("request", lambda request: opened.append(request.url) if "queue/data" in request.url else None)
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda request: ended.append(request.url) if "queue/data" in request.url else None)
        page.goto(served[0])
        page.locator("#photo input[type=file]").first.wait_for(state="attached")
        color(page, snapshot)
        page.wait_for_timeout(1000)  # in which it would end
        assert len(opened) == 1 and not ended

    def test_two_visitors_do_not_see_each_other(self, page, context, served, snapshot):
        color(page, snapshot)
        other = context.new_page()
        other.goto(served[0])
        other.locator("#photo input[type=file]").first.wait_for(state="attached")
        assert page.locator("#result img").count() == 2 and other.locator("#result img").count() == 0
        other.close()


class TestEasel:
    def test_dots_are_set_undone_moved_and_removed(self, page, photo):
        open_easel(page, photo)
        dots = page.locator("#easel .easel-hint")
        page.get_by_role("button", name="red", exact=True).click()
        assert redness(act(page, lambda: touch(page, 0.74, 0.5)), 0.74, 0.5) > 40
        page.get_by_role("button", name="blue", exact=True).click()
        picture = act(page, lambda: touch(page, 0.2, 0.2))
        assert redness(picture, 0.2, 0.2) < -20 and redness(picture, 0.74, 0.5) > 40
        act(page, lambda: page.get_by_role("button", name="Undo").click())
        assert dots.count() == 1
        act(page, lambda: page.keyboard.press("Control+y"))
        assert dots.count() == 2
        start, box = dots.nth(1).bounding_box(), page.locator("#easel svg").bounding_box()
        page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"], steps=3)
        assert redness(act(page, page.mouse.up), 0.3, 0.8) < -20
        dots.nth(1).click()
        page.get_by_role("button", name="wine red").click()  # the chosen dot becomes so
        playwright.expect(dots.nth(1)).to_have_attribute("aria-label", re.compile("wine red"))
        act(page, lambda: page.get_by_role("button", name="Remove this").click())
        assert dots.count() == 1
        playwright.expect(page.locator("#download-photo")).to_be_enabled()  # the file follows
        page.get_by_role("tab", name="Before and after").click()
        assert redness(colored(page), 0.74, 0.5) > 40

    def test_the_brush_colours_along_its_way(self, page, photo):
        open_easel(page, photo)
        page.get_by_role("radio", name="Brush").click()
        page.get_by_role("button", name="red", exact=True).click()
        box = page.locator("#easel svg").bounding_box()

        def paint() -> None:
            page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
            page.mouse.down()
            page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.2 * box["height"], steps=20)
            page.mouse.up()

        picture = act(page, paint)
        assert all(redness(picture, x, 0.2) > 20 for x in (0.12, 0.25, 0.38))
        assert page.locator("#easel .easel-hint").count() == 1  # a stroke is removed as one

    def test_all_of_it_by_the_keyboard(self, page, photo):
        open_easel(page, photo)
        stage = page.get_by_role("application")
        stage.focus()
        page.keyboard.press("ArrowRight")  # a cross in the middle
        act(page, lambda: page.keyboard.press("Enter"))
        dot = page.locator("#easel .easel-hint")
        assert dot.count() == 1
        dot.focus()
        act(page, lambda: page.keyboard.press("ArrowDown"))
        assert dot.evaluate("element => element === document.activeElement")
        act(page, lambda: page.keyboard.press("Delete"))
        assert dot.count() == 0
        act(page, lambda: page.keyboard.press("Control+z"))
        assert dot.count() == 1

    def test_dots_are_kept_for_another_day(self, page, snapshot, tmp_path):
        open_easel(page, snapshot)
        act(page, lambda: touch(page, 0.74, 0.5))
        with page.expect_download() as download:
            page.locator("#save-hints").click()
        assert download.value.suggested_filename == "aunt.hints.json"
        saved, later = tmp_path / "aunt.hints.json", tmp_path / "later.hints.json"
        download.value.save_as(saved)
        later.write_text(saved.read_text().replace('"version": 1', '"version": 9'))
        page.reload()
        open_easel(page, snapshot)

        def load(path: Path) -> None:
            with page.expect_file_chooser() as chooser:
                page.locator("#load-hints").click()
            chooser.value.set_files(str(path))

        act(page, lambda: load(saved))
        dots = page.locator("#easel .easel-hint")
        assert dots.count() == 1
        load(later)
        page.locator(".easel-help", has_text="later.hints.json").wait_for()
        assert dots.count() == 1  # nothing is lost


class TestReference:
    def test_bad_ones_are_named_in_place_and_nothing_is_lost(self, page, snapshot, party, tmp_path):
        grey, broken = tmp_path / "grey.png", tmp_path / "broken.png"
        Image.new("L", (64, 64), 90).save(grey)
        broken.write_bytes(b"nothing")
        color(page, snapshot)
        page.get_by_role("button", name="Make it like another photo").click()
        for reference, answer in (
            (grey, "grey.png: a reference without colours"),
            (broken, "broken.png"),
            (party, "Done"),
        ):
            upload(page, "#reference", reference)
            wait_for(page, answer)
            playwright.expect(page.locator("#download-photo")).to_be_enabled()
            playwright.expect(page.locator("#reference-strength")).to_be_visible()
            page.locator("#reference .icon-button-wrapper button").first.click()
            wait_for(page, "Done")
        playwright.expect(page.locator("#reference-strength")).not_to_be_visible()


class TestSlowAnswers:
    """What was asked for last is shown, however long the answer to something earlier takes."""

    @pytest.fixture
    def slow(self, monkeypatch):
        """What has become of the photo that is coloured next, which takes three seconds more: "asked", "answered"."""
        states: list[str] = []

        async def color_slowly(*arguments):
            is_first = not states
            states.append("asked")
            answer = await color_photo(*arguments)
            if is_first:
                await asyncio.sleep(3)
                states.append("answered")
            return answer

        for module in ("photo_tab", "photo_versions"):
            monkeypatch.setattr(f"colorize.web.{module}.color_photo", color_slowly)
        return states

    def wait_for_answer(self, page, slow) -> None:
        """Wait until the slow answer has come, and the page had time to show it."""
        wait_until(lambda: "answered" in slow)
        page.wait_for_timeout(1000)

    def test_to_a_reference(self, page, snapshot, party, tmp_path, request):
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"nothing")
        color(page, snapshot)
        slow = request.getfixturevalue("slow")
        page.get_by_role("button", name="Make it like another photo").click()
        upload(page, "#reference", party)
        playwright.expect(page.locator("#reference-strength")).to_be_visible()
        wait_until(lambda: slow)
        page.locator("#reference .icon-button-wrapper button").first.click()
        upload(page, "#reference", broken)
        wait_for(page, "broken.png")
        self.wait_for_answer(page, slow)
        wait_for(page, "broken.png")

    def test_to_a_sample_before(self, page, snapshot, monkeypatch):
        """The one that is touched last is shown, though the one before, or an upload before that, comes later."""
        opened: list[str] = []

        def open_slowly(service, source, *arguments):
            number = len(opened)
            opened.append(source.name)
            time.sleep(max(0, 3 - number))
            return write_preview(service, source, *arguments)

        monkeypatch.setattr("colorize.web.photo_tab.write_preview", open_slowly)
        upload(page, "#photo", snapshot)
        wait_until(lambda: len(opened) == 1)
        page.locator("#samples button").nth(1).click()
        wait_until(lambda: len(opened) == 2)
        page.locator("#samples button").nth(2).click()
        wait_until(lambda: len(opened) == 3)
        wait_for(page, f"Done: {Path(opened[2]).stem}_colorized.jpg")
        page.wait_for_timeout(2000)
        wait_for(page, f"Done: {Path(opened[2]).stem}_colorized.jpg")
        assert len({*opened}) == 3

    def test_to_a_photo_before(self, page, snapshot, slow):
        upload(page, "#photo", snapshot)
        wait_until(lambda: slow)
        page.locator("#another-photo").click()
        page.locator("#photo").wait_for()
        self.wait_for_answer(page, slow)
        assert "Done" not in page.locator("body").inner_text()
        assert not page.locator("#result").is_visible()

    def test_to_other_versions_of_a_photo_before(self, page, snapshot, request):
        color(page, snapshot)
        slow = request.getfixturevalue("slow")
        page.get_by_role("button", name="Other versions").click()
        page.locator("#make-versions").click()
        wait_until(lambda: slow)
        page.locator("#another-photo").click()
        upload(page, "#photo", snapshot)
        wait_for(page, "Done: aunt_colorized.png")
        self.wait_for_answer(page, slow)
        assert not page.locator("#versions").is_visible()

    @pytest.fixture
    def drawn(self, page, photo, monkeypatch):
        """The easel is open, and its next answer is slow: n where n dots are begun with, -n where they are drawn."""
        numbers: list[int] = []

        def draw_slowly(live, upload, request, hints):
            is_first = not numbers
            numbers.append(len(hints))
            time.sleep(3 if is_first else 0)
            answer = draw(live, upload, request, hints)
            numbers.append(-len(hints))
            return answer

        open_easel(page, photo)
        draw = LivePhotos.draw
        monkeypatch.setattr(LivePhotos, "draw", draw_slowly)
        return numbers

    def test_to_a_dot_on_a_photo_before(self, page, snapshot, drawn):
        touch(page, 0.25, 0.5)
        wait_until(lambda: drawn)
        page.locator("#another-photo").click()
        upload(page, "#photo", snapshot)
        wait_for(page, "Done: aunt_colorized.png")
        wait_until(lambda: -1 in drawn)
        page.wait_for_timeout(1000)
        playwright.expect(page.locator("#easel .easel-hint")).to_have_count(0)
        page.get_by_role("button", name="Settings").first.click()
        page.locator("#color-photo").click()
        page.get_by_role("button", name="The same on the command line").first.click()
        page.wait_for_timeout(3000)
        wait_for(page, "Done")
        assert "--hint" not in page.get_by_role("textbox", name="The same on the command line").first.input_value()

    def test_to_a_photo_that_is_coloured_anew(self, page, drawn):
        """A dot that is set meanwhile stays, and the answers to both do not take it away."""
        page.get_by_role("button", name="Settings").first.click()
        page.locator("#color-photo").click()
        wait_until(lambda: drawn)  # the easel is to show the photo anew
        touch(page, 0.25, 0.5)
        wait_until(lambda: 0 in drawn and -1 in drawn and len(drawn) == 4)
        page.wait_for_timeout(1000)
        playwright.expect(page.locator("#easel .easel-hint")).to_have_count(1)
        touch(page, 0.75, 0.5)
        wait_until(lambda: -2 in drawn)

    def test_to_the_dot_before(self, page, drawn, tmp_path):
        touch(page, 0.25, 0.5)
        wait_until(lambda: drawn)
        touch(page, 0.75, 0.5)
        wait_until(lambda: -1 in drawn and -2 in drawn)
        playwright.expect(page.locator("#download-photo")).to_be_enabled()
        with page.expect_download() as download:
            page.locator("#save-hints").click()
        download.value.save_as(tmp_path / "aunt.hints.json")
        assert len(parse_hints((tmp_path / "aunt.hints.json").read_bytes(), (1300, 1900), "aunt")) == 2

    def test_to_the_choice_of_another_version(self, page, snapshot, monkeypatch):
        chosen: list[Path] = []

        def show_slowly(service, store, photo, result):
            chosen.append(result)
            time.sleep(2 if len(chosen) == 1 else 0)
            return before_and_after(service, store, photo, result)

        color(page, snapshot)
        monkeypatch.setattr("colorize.web.photo_versions.before_and_after", show_slowly)
        page.get_by_role("button", name="Other versions").click()
        page.locator("#make-versions").click()
        page.wait_for_function("document.querySelectorAll('#versions img').length == 4")
        page.locator("#versions button").nth(1).click()
        wait_until(lambda: chosen)
        page.locator("#versions button").nth(2).click()
        wait_until(lambda: len(chosen) == 2)
        wait_for(page, chosen[1].name)
        assert chosen[0] != chosen[1]


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

    def test_a_photo_is_pasted(self, page, photo):
        self.copy(page, photo)
        page.get_by_role("button", name="Paste from clipboard").click()
        assert colored(page).shape == (1300, 1900, 3)

    def test_a_pasted_photo_outlives_a_slow_answer_to_what_went_before(self, page, snapshot):
        """The click on Paste empties the photo; on a slow machine that is answered after the photo has come."""
        self.copy(page, snapshot)
        held: list[bool] = []

        def hold_the_first(route) -> None:
            if not held and route.request.post_data_json["data"] == [None, None]:  # not what a page asks for at first
                held.append(True)
                page.wait_for_timeout(3000)
            route.continue_()

        page.route("**/queue/join*", hold_the_first)
        page.get_by_role("button", name="Paste from clipboard").click()
        assert colored(page).shape == (240, 320, 3)
        page.unroute_all(behavior="wait")
        assert held


class TestBatch:
    def test_one_broken_file_is_named_and_the_rest_are_in_the_zip(self, page, snapshot, tmp_path):
        broken, second = tmp_path / "broken.jpg", tmp_path / "uncle.png"
        broken.write_bytes(b"nothing")
        shutil.copy(snapshot, second)
        upload_in_tab(page, "Many photos", "#photos", snapshot, broken, second)
        page.locator("#color-all").click()
        wait_for(page, "2 of 3 photos coloured")
        wait_for(page, "broken.jpg: not a picture")
        page.wait_for_function("document.querySelectorAll('#gallery img').length == 2")
        with page.expect_download() as download:
            page.locator("#download-all").click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert archive.namelist() == ["aunt_colorized.png", "uncle_colorized.png"]
        page.locator("#gallery button").nth(1).click()  # opens it in the first tab
        wait_for(page, "Done: uncle_colorized.png")
        playwright.expect(page.locator("#download-photo")).to_be_visible()

    def test_a_photo_that_is_touched_opens_though_others_were_chosen_meanwhile(self, page, snapshot, tmp_path):
        second = tmp_path / "uncle.png"
        shutil.copy(snapshot, second)
        upload_in_tab(page, "Many photos", "#photos", snapshot, second)
        page.locator("#color-all").click()
        wait_for(page, "2 of 2 photos coloured")
        page.get_by_role("button", name="Remove this file").first.click()
        page.locator("#photos").get_by_text("aunt", exact=True).wait_for(state="detached")
        page.locator("#gallery button").nth(1).click()
        wait_for(page, "Done: uncle_colorized.png")

    def test_photos_in_colour_are_asked_about(self, page, snapshot, party):
        anyway = page.get_by_role("checkbox", name="Colour it anyway")
        upload_in_tab(page, "Many photos", "#photos", snapshot, party)
        assert not anyway.is_visible()
        page.locator("#color-all").click()
        wait_for(page, "1 of 2 photos coloured")
        anyway.check()
        page.locator("#color-all").click()
        wait_for(page, "2 of 2 photos coloured")
