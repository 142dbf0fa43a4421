"""The HTTP service with films, and with uploads that are too large for it."""

from __future__ import annotations

import asyncio
import io
import time

import numpy as np
import pytest
from PIL import Image
from support.service import folders, post
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.color import rgb_to_lab

TIMEOUT = 60  # seconds until a test gives up


@pytest.fixture(scope="module")
def client(make_client):
    return make_client(max_upload_mb=3)


def ended(client, location: str) -> dict:
    end = time.monotonic() + TIMEOUT
    while (job := client.get(location).json())["status"] in ("waiting", "working"):
        assert time.monotonic() < end, job
        time.sleep(0.05)
    return job


class TestBombs:
    def test_more_pixels_than_allowed(self, make_client):
        client = make_client(max_megapixels=0.001)
        file = io.BytesIO()
        Image.new("L", (100, 100)).save(file, "PNG")
        answer = post(client, file.getvalue(), "bomb.png")
        assert answer.status_code == 422 and "million pixels" in answer.json()["detail"]

    def test_announced_upload_is_refused_at_once(self, client):
        answer = post(client, b"x" * 3_100_000)
        assert answer.status_code == 413 and "3 MB" in answer.json()["detail"]

    def test_upload_that_does_not_say_its_length(self, client):
        def body():
            yield b'--b\r\ncontent-disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
            for _ in range(40):
                yield b"x" * 100_000
            yield b"\r\n--b--\r\n"

        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = client.post("/v1/colorize", content=body(), headers=headers)
        assert answer.status_code == 413
        assert folders(client) == []

    def test_frames_larger_than_allowed(self, make_client, tmp_path):
        client = make_client(max_megapixels=0.001)
        path = tmp_path / "film.mp4"
        make_video(path, VideoRecipe(frames=2))
        answer = client.post("/v1/videos", files={"video": ("film.mp4", path.read_bytes())})
        job = ended(client, answer.headers["location"])
        assert job["status"] == "failed" and "megapixels" in job["message"]


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> bytes:
    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", VideoRecipe(frames=8)).read_bytes()


class TestFilms:
    def begin(self, client, video, name="film.mp4", **fields):
        return client.post("/v1/videos", files={"video": (name, video)}, data=fields)

    def test_from_begin_to_result(self, client, video, tmp_path):
        answer = self.begin(client, video)
        assert answer.status_code == 202
        location = answer.headers["location"]
        assert location == f"/v1/videos/{answer.json()['id']}"
        job = ended(client, location)
        assert (job["status"], job["done"], job["total"]) == ("done", 8, 8)
        result = client.get(job["result"])
        assert result.status_code == 200 and result.headers["content-type"] == "video/mp4"
        assert result.content[4:8] == b"ftyp"
        assert client.get(location).status_code == 404, "it is deleted once it was fetched"
        assert folders(client) == []

    def test_it_stays_until_it_was_sent_whole(self, client, video):
        """A part of it is fetched, and a client is cut off, before the whole film is."""
        location = self.begin(client, video).headers["location"]
        result = ended(client, location)["result"]
        part = client.get(result, headers={"range": "bytes=4-7"})
        assert part.status_code == 206 and part.content == b"ftyp"
        assert client.get(result, headers={"range": "bytes=99999999-"}).status_code == 416
        asyncio.run(self.cut_off(client.app, result))
        whole = client.get(result)
        assert whole.status_code == 200 and whole.content[4:8] == b"ftyp"
        assert client.get(location).status_code == 404

    async def cut_off(self, app, path: str) -> None:
        """Ask for a path, and be gone when the first bytes come."""
        begun, sent = asyncio.Event(), []

        async def receive():
            if not sent:
                sent.append("request")
                return {"type": "http.request", "body": b"", "more_body": False}
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message["type"])
            if message["type"] == "http.response.body":
                begun.set()
                await asyncio.sleep(60)  # nobody reads; what waits here is cancelled

        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
        scope |= {"headers": [(b"host", b"localhost")], "asgi": {"version": "3.0", "spec_version": "2.3"}}
        scope |= {"http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "root_path": ""}
        await app(scope, receive, send)
        assert "http.response.body" in sent

    def test_container_and_span(self, client, video):
        job = ended(client, self.begin(client, video, format="mkv", end="0.2").headers["location"])
        result = client.get(job["result"])
        assert result.headers["content-type"] == "video/x-matroska" and job["done"] < 8

    def test_a_film_under_any_name(self, client, video):
        job = ended(client, self.begin(client, video, "film").headers["location"])
        assert job["status"] == "done", job

    def test_not_a_film(self, client):
        job = ended(client, self.begin(client, b"hello", "notes.txt").headers["location"])
        assert job["status"] == "failed" and job["message"].startswith("notes.txt: not a film")
        assert not any(client.service.jobs.find(job["id"]).folder.rglob("*.*")), "the upload is deleted"
        assert client.get(f"/v1/videos/{job['id']}/result").status_code == 409

    def test_cancel(self, client, video):
        location = self.begin(client, video).headers["location"]
        folder = client.service.jobs.find(location.rpartition("/")[2]).folder
        assert client.delete(location).status_code == 204
        assert client.get(location).status_code == 404
        end = time.monotonic() + TIMEOUT
        while folder.exists():
            assert time.monotonic() < end
            time.sleep(0.05)

    @pytest.mark.parametrize("path", ["", "/result"])
    def test_unknown(self, client, path):
        assert client.get(f"/v1/videos/nobody{path}").status_code == 404

    @pytest.mark.parametrize(
        "fields",
        [
            {"codec": "mpeg1"},
            {"start": "5", "end": "4"},
            {"temporal": "often"},
            {"format": "avi"},
            {"hint": "1,2,#ff0000"},
        ],
    )
    def test_bad_fields(self, client, video, fields):
        answer = self.begin(client, video, **fields)
        assert answer.status_code == 422 and "\n" not in answer.json()["detail"]

    def test_times_are_those_of_the_command_line(self, client, video):
        job = ended(client, self.begin(client, video, start="0:00.1", end="0:00:00.20").headers["location"])
        same = ended(client, self.begin(client, video, start="0.1", end="0.2").headers["location"])
        assert job["status"] == same["status"] == "done" and 0 < job["total"] == same["total"] < 8
        for end, said in {"1h": "'1h' is not a time; write seconds, ", "1e9": "'1e9' is", "99999999": "end "}.items():
            answer = self.begin(client, video, end=end)
            assert answer.status_code == 422 and answer.json()["detail"].startswith(said)

    def test_codec_that_the_container_does_not_hold(self, client, video):
        job = ended(client, self.begin(client, video, codec="ffv1").headers["location"])
        assert job["status"] == "failed" and "does not hold ffv1" in job["message"]

    def test_key_frames_hints_and_references_colour_a_film(self, client, video, tmp_path):
        """A red key frame, which the film follows; a hint or a red reference alone changes the film less."""
        red = painted((200, 40, 40))
        files = [("video", ("film.mp4", video)), ("keyframes", ("000002.png", red))]
        referring = [("video", ("film.mp4", video)), ("reference", ("look.png", red))]
        plain, keyed, hinted, referred = (
            self.mean_ab(client, answer, tmp_path)
            for answer in (
                self.begin(client, video, format="mkv"),
                client.post("/v1/videos", files=files, data={"format": "mkv"}),
                self.begin(client, video, format="mkv", hint="2f:32,24,#c82828"),
                client.post("/v1/videos", files=referring, data={"format": "mkv"}),
            )
        )
        assert keyed[0] > plain[0] + 10
        assert not np.array_equal(hinted, plain)
        assert plain[0] + 1 < referred[0] < keyed[0]

    def mean_ab(self, client, answer, tmp_path) -> np.ndarray:
        assert answer.status_code == 202, answer.text
        job = ended(client, answer.headers["location"])
        assert job["status"] == "done", job
        path = tmp_path / "result.mkv"
        path.write_bytes(client.get(job["result"]).content)
        return rgb_to_lab(read_frames(path, format="rgb24")[1][4])[..., 1:].mean(axis=(0, 1))

    @pytest.mark.parametrize(
        ("names", "words", "status"),
        [
            (["coat.txt"], ["coat.txt", "picture"], 422),
            (["3.png", "3.png"], ["3.png", "two"], 422),
            (["coat.png"], ["coat.png", "number or time"], 202),
            (["99.png"], ["99.png", "beyond"], 202),
        ],
    )
    def test_bad_key_frames_are_named(self, client, video, names, words, status):
        files = [("video", ("film.mp4", video)), *(("keyframes", (name, painted((200, 40, 40)))) for name in names)]
        answer = client.post("/v1/videos", files=files)
        assert answer.status_code == status
        message = answer.json()["detail"] if status == 422 else ended(client, answer.headers["location"])["message"]
        assert all(word in message for word in words) and "\n" not in message
        assert str(client.service.jobs.folder) not in message

    def test_a_bad_reference_is_named(self, client, video):
        files = [("video", ("film.mp4", video)), ("reference", ("look.png", b"Dear aunt,"))]
        message = ended(client, client.post("/v1/videos", files=files).headers["location"])["message"]
        assert "look.png" in message and "\n" not in message
        assert str(client.service.jobs.folder) not in message


def painted(color: tuple[int, int, int]) -> bytes:
    """Return a PNG in one colour, of a film's size."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(file, "PNG")
    return file.getvalue()
