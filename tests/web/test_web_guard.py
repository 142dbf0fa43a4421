"""The guard, asked as a server asks it: requests, websockets and others; no upload is read in vain."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from typing import Any

import pytest
from support.service import folders, post

from colorize.batch import Outcome
from colorize.web import WebSettings, multipart
from colorize.web.guard import Guard

AUTH = ("me", "sésame:1")
PASSWORD = "Basic " + base64.b64encode(":".join(AUTH).encode()).decode()
OWN = {"host": "localhost:7860"}
EXTENSIONS = {"websocket.http.response": {}}


class App:
    """Stands for page and service: keeps the kinds of connections that reach it, and accepts websockets."""

    def __init__(self) -> None:
        self.reached: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        self.reached.append(scope["type"])
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})


def connect(settings: WebSettings, scope: dict[str, Any], *messages: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """Serve one connection; return the kinds that reached the application, and all that was sent."""
    app, sent, left = App(), [], list(messages)

    async def receive():
        return left.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, settings)(scope, receive, send))
    return app.reached, sent


def websocket(settings: WebSettings, headers: dict[str, str], extensions: Any = None) -> tuple[list[str], list[Any]]:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "websocket", "path": "/queue", "headers": pairs, "extensions": extensions or {}}
    return connect(settings, scope, {"type": "websocket.connect"})


class TestWebsockets:
    @pytest.mark.parametrize(
        "headers",
        [OWN, {**OWN, "origin": "http://localhost:7860"}, {"host": "127.0.0.1", "origin": "http://127.0.0.1"}],
    )
    def test_of_our_own_pages_pass(self, headers):
        assert websocket(WebSettings(), headers) == (["websocket"], [{"type": "websocket.accept"}])

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 421),
            ({"host": "rebound.example"}, 421),
            ({**OWN, "origin": "https://evil.example"}, 403),
            ({**OWN, "origin": "null"}, 403),
            ({**OWN, "origin": "http://localhost.evil.example"}, 403),
        ],
    )
    def test_of_strangers_are_refused_before_they_are_opened(self, headers, status):
        reached, sent = websocket(WebSettings(), headers, EXTENSIONS)
        assert not reached
        assert [message["type"] for message in sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert sent[0]["status"] == status
        assert json.loads(sent[1]["body"])["detail"]
        reached, sent = websocket(WebSettings(), headers)  # of a server that knows no such answer
        assert not reached
        assert [message["type"] for message in sent] == ["websocket.close"]

    def test_need_the_password(self):
        settings = WebSettings(auth=AUTH)
        for value in (None, "Basic !!", PASSWORD[:-4]):
            reached, sent = websocket(settings, OWN | ({"authorization": value} if value else {}), EXTENSIONS)
            assert not reached and sent[0]["status"] == 401
            assert any(name == b"www-authenticate" for name, _ in sent[0]["headers"])
        reached, _ = websocket(settings, {**OWN, "authorization": PASSWORD})
        assert reached == ["websocket"]


def test_start_and_end_of_the_process_pass():
    assert connect(WebSettings(auth=AUTH), {"type": "lifespan"}) == (["lifespan"], [])


def test_other_kinds_of_connections_are_refused():
    with pytest.raises(ValueError, match="webtransport"):
        connect(WebSettings(), {"type": "webtransport", "headers": [(b"host", b"localhost")]})


class TestSize:
    def test_an_upload_that_is_announced_as_too_large_is_refused_unread(self):
        headers = [(b"host", b"localhost"), (b"content-length", b"3000001")]
        scope = {"type": "http", "path": "/v1/colorize", "headers": headers}
        reached, sent = connect(WebSettings(max_upload_mb=3), scope)  # reading anything would raise IndexError
        assert not reached and sent[0]["status"] == 413
        assert "3 MB" in json.loads(sent[1]["body"])["detail"]

    def test_an_upload_that_grows_too_large_is_cut_off(self, make_client):
        client = make_client(max_upload_mb=0.1)

        def endless():
            yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'
            for _ in range(300):
                yield b"x" * 1000

        kind = {"content-type": "multipart/form-data; boundary=x"}
        answer = client.post("/v1/colorize", content=endless(), headers=kind)
        assert answer.status_code == 413 and "0.1 MB" in answer.json()["detail"]
        assert folders(client) == [], "what had come of it is deleted"


class TestRoom:
    @pytest.fixture
    def full(self, make_client):
        """A client of a service whose queue is full until the test ends."""
        client, gate = make_client(max_queue=1), threading.Event()
        jobs = client.service.jobs
        films = [jobs.new("film"), jobs.new("film")]
        for film in films:
            while jobs.waiting:  # the one before is not at work yet
                time.sleep(0.005)
            jobs.submit(film, lambda job: Outcome(job.folder, "done", "" if gate.wait(20) else "late"))
        yield client
        gate.set()
        for film in films:
            film.future.result(20)
            jobs.forget(film)

    @pytest.mark.parametrize("path", ["/v1/colorize", "/v1/videos"])
    def test_a_full_queue_refuses_an_upload_before_it_is_read(self, full, path):
        headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
        answers: list[Any] = []

        async def receive():
            raise AssertionError("the body is read")

        async def send(message):
            answers.append(message)

        asyncio.run(full.app(scope | {"headers": headers, "http_version": "1.1"}, receive, send))
        assert answers[0]["status"] == 429
        names = dict(answers[0]["headers"])
        assert int(names[b"retry-after"]) > 0 and names[b"connection"] == b"close"
        assert "try again" in json.loads(answers[1]["body"])["detail"]

    def test_other_requests_are_answered_all_the_same(self, full):
        assert full.get("/healthz").json()["waiting"] == 1
        assert full.get("/v1/videos/none").status_code == 404


class TestUploadsUnderWay:
    PARTS = (
        b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\nno picture',
        b"\r\n--x--\r\n",
    )

    @staticmethod
    async def upload(client, receive):
        """Return the status of the answer to an upload whose body comes from ``receive``."""
        statuses = []

        async def send(message):
            statuses.append(message.get("status"))

        headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
        scope = {"type": "http", "method": "POST", "path": "/v1/colorize", "raw_path": b"/v1/colorize"}
        scope |= {"query_string": b"", "headers": headers, "http_version": "1.1"}
        await client.app(scope, receive, send)
        return statuses[0]

    def test_they_hold_places_of_the_queue_until_they_have_come(self, make_client):
        client = make_client(max_queue=1)

        async def receive_nothing():
            raise AssertionError("the body is read")

        async def run():
            begun, rest = asyncio.Event(), asyncio.Event()
            parts = [self.PARTS[0]]

            async def receive():
                if parts:
                    return {"type": "http.request", "body": parts.pop(), "more_body": True}
                begun.set()
                await rest.wait()
                return {"type": "http.request", "body": self.PARTS[1], "more_body": False}

            first = asyncio.create_task(self.upload(client, receive))
            await begun.wait()
            second = await self.upload(client, receive_nothing)
            rest.set()
            return await first, second

        assert asyncio.run(run()) == (422, 429)  # the first is no picture
        assert post(client, b"no picture").status_code == 422, "the place is free again"

    def test_one_that_stalls_is_given_up(self, make_client, monkeypatch):
        client = make_client(max_queue=1)
        monkeypatch.setattr(multipart, "STALL_SECONDS", 0.05)

        async def receive():
            await asyncio.Event().wait()

        assert asyncio.run(self.upload(client, receive)) == 408
        assert folders(client) == []
        assert post(client, b"no picture").status_code == 422


class TestStoredUploads:
    @pytest.mark.parametrize("times", [1000, 200_000])
    def test_an_upload_is_moved_into_its_job_and_gone_afterwards(self, make_client, monkeypatch, times):
        client = make_client()
        content = b"no picture" * times
        seen = {}
        submit = client.service.submit_photo

        def look(job, source, request):
            seen["content"] = source.read_bytes()
            seen["links"] = source.stat().st_nlink
            seen["files"] = [path for path in client.service.jobs.folder.rglob("*") if path.is_file()]
            seen["source"] = source
            return submit(job, source, request)

        monkeypatch.setattr(client.service, "submit_photo", look)
        assert post(client, content).status_code == 422
        assert (seen["content"], seen["links"], seen["files"]) == (content, 1, [seen["source"]])
        assert folders(client) == []

    @pytest.mark.parametrize("size", [0, 1, 1_000_000, 1 << 20, (1 << 20) + 1, 3_000_000])
    def test_what_comes_in_pieces_is_whole_in_memory_and_on_the_disk(self, tmp_path, size):
        content = bytes(range(251)) * (size // 251) + bytes(range(size % 251))
        kept, dropped = (multipart.UploadedFile(tmp_path) for _ in range(2))
        for file in (kept, dropped):
            for begin in range(0, size, 65_536):
                file.write(content[begin : begin + 65_536])
            assert file.tell() == size
            file.seek(0)
        is_large = size > 1 << 20
        assert len(list(tmp_path.iterdir())) == 2 * is_large, "a small one is written once, where it is kept"
        assert dropped.read() == content
        dropped.close()
        kept.move_to(tmp_path / "kept")
        kept.close()
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]
        assert (tmp_path / "kept").read_bytes() == content

    @pytest.mark.parametrize("fields", [{"strength": "7"}, {"weights": "nobody"}])
    @pytest.mark.parametrize("size", [1000, 2_000_000])
    def test_an_upload_with_wrong_fields_is_deleted(self, make_client, fields, size):
        client = make_client()
        assert post(client, b"x" * size, **fields).status_code == 422
        assert folders(client) == []

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("multipart/form-data", b"x"),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n"),
            ("multipart/form-data; boundary=x", b"nothing of the kind"),
            ("application/x-www-form-urlencoded", b"photo=x"),
            ("application/json", b"{}"),
        ],
    )
    def test_what_is_no_upload_is_an_error_of_the_client(self, make_client, kind, content):
        client = make_client()
        answer = client.post("/v1/colorize", content=content, headers={"content-type": kind})
        assert answer.status_code in (400, 422) and answer.json()["detail"]
        assert folders(client) == []
