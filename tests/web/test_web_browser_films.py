"""The page in a real Chromium: films, small screens, and no request to another machine."""

from __future__ import annotations

import time

import numpy as np
import pytest
from support.browser import TIMEOUT, pixels, upload_in_tab, wait_for
from support.videos import VideoRecipe, make_video

pytestmark = pytest.mark.browser

playwright = pytest.importorskip("playwright.sync_api", reason="the extra dev brings Playwright")


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("films") / "long.mp4", VideoRecipe(frames=2000, size=(240, 320)))


class TestFilm:
    def test_sheet_then_a_film_that_plays_with_sound(self, page, tmp_path):
        video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=45, size=(96, 128), sounds=["eng"]))
        upload_in_tab(page, "Film", "#film", video)
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
        upload_in_tab(page, "Film", "#film", long_film)
        page.locator("#color-film").click()
        wait_for(page, "left")
        playwright.expect(page.locator("#color-film")).to_be_disabled()
        assert page.locator("#film input[type=file]").count() == 0  # another film would be another run
        page.locator("#cancel-film").click()
        wait_for(page, "cancelled")
        wait_until_idle(served[1])
        page.wait_for_function("!document.querySelector('#color-film').disabled")
        page.locator("#film").get_by_text("long", exact=True).first.wait_for()  # the film is still chosen

    def test_closing_the_page_cancels_its_film(self, page, served, long_film):
        upload_in_tab(page, "Film", "#film", long_film)
        page.locator("#color-film").click()
        wait_for(page, "frames")
        page.close()
        wait_until_idle(served[1])


def wait_until_idle(service) -> None:
    """Wait until no job's folder is left."""
    end = time.monotonic() + TIMEOUT
    while [path for path in service.jobs.folder.iterdir() if path.name != "page"]:
        assert time.monotonic() < end, "a job goes on"
        time.sleep(0.1)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1200, "dark")])
def test_fits_telephones_and_takes_the_systems_colours(browser, served, requests, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.goto(served[0])
    page.locator("#photo").wait_for()
    for name in ("Photo", "Many photos", "Film"):
        page.get_by_role("tab", name=name, exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (sum(light) > 380) == (scheme == "light")
    assert page.evaluate("document.documentElement.lang") == "en"
    context.close()


def test_nothing_leaves_this_machine(page, requests, served):
    """Looks at the requests of all tests before; alone, at those of the page itself."""
    foreign = [url for url in requests if not url.startswith((served[0], "data:", "blob:"))]
    assert requests and not foreign
