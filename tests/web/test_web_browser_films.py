"""The page in a real Chromium: films, small screens, and no request to another machine."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image
from support.browser import TIMEOUT, look, pixels, upload_in_tab, wait_for, wait_until
from support.videos import VideoRecipe, make_video

from colorize.web.live_photos import LivePhotos

pytestmark = pytest.mark.browser

playwright = pytest.importorskip("playwright.sync_api", reason="the extra dev brings Playwright")


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return make_video(
        tmp_path_factory.mktemp("films") / "long.mp4",
        VideoRecipe(frames=2000, size=(240, 320), options={"preset": "ultrafast"}),
    )


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

    def test_what_is_no_film_is_no_endless_work(self, page, tmp_path):
        path = tmp_path / "letter.mp4"
        path.write_bytes(b"Dear aunt,")
        upload_in_tab(page, "Film", "#film", path)
        for button in ("#preview-film", "#color-film"):
            page.locator(button).click()
            page.get_by_text("letter.mp4: not a film").first.wait_for()
            wait_for(page, "not done")  # of the second button this may still be the first one's
            playwright.expect(page.locator(".status progress")).to_have_count(0)
            playwright.expect(page.locator(button)).to_be_enabled()

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


class TestScenes:
    @pytest.fixture
    def scenes(self, page, tmp_path):
        """The page with a film of two scenes, whose pictures are shown."""
        video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=90, size=(96, 128), scene_cut=45))
        upload_in_tab(page, "Film", "#film", video)
        page.get_by_role("button", name="I know a scene's colours").click()
        page.locator("#show-scenes").click()
        wait_for(page, "2 scenes")
        page.locator("#scenes button").nth(1).click()
        page.locator("#scene-easel img[src*=file]").wait_for()
        return page

    def test_a_dot_on_a_scenes_picture_spreads_over_two_seconds_then_the_film(self, scenes):
        page = scenes
        before = page.locator("#scene-easel img").get_attribute("src")
        page.locator("#scene-easel").get_by_role("button", name="blue", exact=True).click()
        box = page.locator("#scene-easel svg").bounding_box()
        page.locator("#scene-easel svg").click(position={"x": 0.3 * box["width"], "y": 0.5 * box["height"]})
        page.wait_for_function("b => document.querySelector('#scene-easel img').getAttribute('src') !== b", arg=before)
        page.locator("#scenes", has_text="your colours").wait_for()
        page.locator("#try-scene").click()
        wait_for(page, "how it spreads")
        assert redness(page, "#scene-preview video", 1.0) < -20
        page.locator("#color-film").click()
        wait_for(page, "film_colorized.mp4")
        assert redness(page, "#video video", 2.0) < -20 < redness(page, "#video video", 0.5)
        page.get_by_role("button", name="The same on the command line").last.click()
        assert "--keyframes" in page.get_by_role("textbox", name="The same on the command line").last.input_value()

    def test_no_dot_is_lost_while_an_answer_is_slow(self, scenes, monkeypatch):
        """Neither while one before it is drawn, nor while another scene is chosen, nor while a preview is made."""
        page, dots = scenes, scenes.locator("#scene-easel .easel-hint")
        drawn: list[int] = []

        def draw_slowly(live, upload, request, hints):
            drawn.append(len(hints))
            time.sleep(2 if len(drawn) == 1 else 0)
            return draw(live, upload, request, hints)

        def touch(x: float) -> None:
            box, before = page.locator("#scene-easel svg").bounding_box(), len(drawn)
            page.locator("#scene-easel svg").click(position={"x": x * box["width"], "y": 0.5 * box["height"]})
            wait_until(lambda: len(drawn) > before)

        def choose(number: int, count: int) -> None:
            picture = page.locator("#scene-easel img").get_attribute("src")
            page.locator("#scenes button").nth(number).click()
            page.wait_for_function(
                "b => document.querySelector('#scene-easel img').getAttribute('src') !== b", arg=picture
            )
            playwright.expect(dots).to_have_count(count)

        draw = LivePhotos.draw
        monkeypatch.setattr(LivePhotos, "draw", draw_slowly)
        touch(0.3)
        touch(0.6)
        choose(0, 0)
        choose(1, 2)
        page.locator("#try-scene").click()
        wait_for(page, "Colouring two seconds")
        touch(0.8)
        wait_for(page, "how it spreads")
        choose(0, 0)
        choose(1, 3)

    def test_scenes_of_a_film_before_are_not_shown(self, page, tmp_path, served, monkeypatch):
        first = make_video(tmp_path / "first.mp4", VideoRecipe(frames=90, size=(96, 128), scene_cut=45))
        second = make_video(tmp_path / "second.mp4", VideoRecipe(frames=20, size=(96, 128)))
        submit, asked = served[1].submit_video, []

        def submit_slowly(job, source, request):
            asked.append(source.name)
            time.sleep(4 if len(asked) == 1 else 0)
            submit(job, source, request)

        monkeypatch.setattr(served[1], "submit_video", submit_slowly)
        upload_in_tab(page, "Film", "#film", first)
        page.get_by_role("button", name="I know a scene's colours").click()
        page.locator("#show-scenes").click()
        wait_until(lambda: asked == ["first.mp4"])
        page.locator("#film").get_by_role("button", name="Clear").click()
        playwright.expect(page.locator("#show-scenes")).to_be_disabled()
        upload_in_tab(page, "Film", "#film", second)
        page.locator("#show-scenes").click()
        wait_until(lambda: asked == ["first.mp4", "second.mp4"])
        wait_for(page, "1 scene:")
        page.wait_for_timeout(5000)
        wait_for(page, "1 scene:")
        playwright.expect(page.locator("#stop-scenes")).not_to_be_visible()

    def test_a_wrong_setting_is_told_by_the_easel(self, scenes):
        page = scenes
        page.get_by_role("button", name="Settings").filter(visible=True).click()
        page.get_by_label("Colour from here").filter(visible=True).fill("soon")
        page.locator("#scene-easel svg").click()
        page.locator("#scene-easel .easel-help", has_text="not a time").wait_for()
        assert page.locator("#scene-easel .easel-canvas[aria-busy]").count() == 0

    def test_scenes_that_are_shown_anew_are_to_be_chosen_anew(self, scenes):
        page = scenes
        page.locator("#show-scenes").click()
        playwright.expect(page.locator("#scene-work")).not_to_be_visible()
        wait_for(page, "2 scenes")
        page.locator("#scenes button").nth(1).click()
        before = page.locator("#scene-easel img").get_attribute("src")
        page.locator("#scene-easel svg").click()
        page.wait_for_function("b => document.querySelector('#scene-easel img').getAttribute('src') !== b", arg=before)
        page.locator("#scenes", has_text="your colours").wait_for()

    def test_a_picture_painted_elsewhere_counts_and_a_grey_one_is_refused_in_place(self, scenes, tmp_path):
        page = scenes
        grey, blue = tmp_path / "grey.png", tmp_path / "blue.png"
        Image.new("RGB", (128, 96), (90, 90, 90)).save(grey)
        Image.new("RGB", (128, 96), (40, 60, 180)).save(blue)
        for picture, answer in ((grey, "grey"), (blue, "how it spreads")):
            with page.expect_file_chooser() as chooser:
                page.locator("#load-scene").click()
            chooser.value.set_files(str(picture))
            wait_for(page, answer)
            assert page.locator("#scenes", has_text="your colours").count() == (picture == blue)
        assert redness(page, "#scene-preview video", 1.0) < -20
        page.locator("#drop-scene").click()
        playwright.expect(page.locator("#scenes")).not_to_contain_text("your colours")


def redness(page, selector: str, seconds: float) -> float:
    """Return by how much a film's frame is redder than it is blue, about the point at 0.3 of its width and 0.5."""
    page.locator(selector).wait_for()
    return page.evaluate(
        """async ([selector, seconds]) => {
            const video = document.querySelector(selector), canvas = document.createElement("canvas");
            video.pause();
            await new Promise((done) => { video.onseeked = done; video.currentTime = seconds; });
            [canvas.width, canvas.height] = [8, 8];
            const context = canvas.getContext("2d");
            context.drawImage(video, 4 - .3 * video.videoWidth, 4 - .5 * video.videoHeight);
            const data = context.getImageData(0, 0, 8, 8).data;
            let sum = 0;
            for (let i = 0; i < data.length; i += 4) sum += data[i] - data[i + 2];
            return sum / 64;
        }""",
        [selector, seconds],
    )


def wait_until_idle(service) -> None:
    """Wait until no job's folder is left."""
    end = time.monotonic() + TIMEOUT
    while [path for path in service.jobs.folder.iterdir() if path.name != "page"]:
        assert time.monotonic() < end, "a job goes on"
        time.sleep(0.1)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1200, "dark")])
def test_fits_telephones_and_takes_the_systems_colours(context, served, requests, width, scheme):
    page = context.new_page()
    look(page, width, 800, scheme)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(served[0])
    page.locator("#photo").wait_for()
    for name in ("Photo", "Many photos", "Film"):
        page.get_by_role("tab", name=name, exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (sum(light) > 380) == (scheme == "light")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.close()


def test_nothing_leaves_this_machine(page, requests, served):
    """Looks at the requests of all tests before; alone, at those of the page itself."""
    foreign = [url for url in requests if not url.startswith((served[0], "data:", "blob:"))]
    assert requests and not foreign
