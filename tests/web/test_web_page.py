"""What the page refuses: foreign paths, addresses and closed routes; and its file store, which deletes old files."""

from __future__ import annotations

import os
import time

import httpx
import pytest
from PIL import Image
from support.quick import only_quick

from colorize.web.file_store import FileStore

META = {"_type": "gradio.FileData"}


def call(url: str, name: str, data: list) -> str:
    """Return the answer of Gradio's own HTTP interface to a call."""
    event = httpx.post(f"{url}gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    return httpx.get(f"{url}gradio_api/call/{name}/{event}", timeout=60).text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "v1/colorize", "POST"),
        ("PUT", "v1/videos", "POST"),
        ("POST", "v1/videos/1", "DELETE, GET"),
        ("HEAD", "v1/videos/1/result", "GET"),
        ("DELETE", "healthz", "GET"),
    ],
)
def test_a_method_that_a_path_has_not_is_named_though_the_page_is_there_too(served, method, path, allowed):
    answer = httpx.request(method, served[0] + path)
    assert answer.status_code == 405 and answer.headers["allow"] == allowed
    if method != "HEAD":
        assert answer.json()["detail"] == f"{method} is not for /{path}; send {allowed.replace(', ', ' or ')}"
    assert httpx.get(served[0] + "v1/nothing").status_code == 404


class TestRouteAllowlist:
    """Only files that were uploaded here are opened, fetched or served."""

    @pytest.mark.parametrize(
        "path", only_quick(["STORE/../../SECRET", "STORE/link"], ["/etc/passwd", "SECRET", "STORE"])
    )
    def test_paths_of_clients_are_not_opened(self, served, tmp_path, path):
        url, service = served
        secret = tmp_path / "secret.jpg"
        Image.new("L", (64, 64), 90).save(secret)
        store = service.jobs.folder / "page"
        link = store / "link"
        link.unlink(missing_ok=True)
        link.symlink_to(secret)
        up = os.path.relpath(secret, store)
        path = path.replace("STORE/../../SECRET", f"{store}/{up}").replace("STORE", str(store))
        path = path.replace("SECRET", str(secret))
        file = {"path": path, "orig_name": "x.jpg", "meta": META}
        answers = [
            call(url, "colorize_versions", [file, "", 0, None, 1, "small", 1, 1, 0, False]),
            call(url, "colorize", [None, "", file, 1, "small", 1, 1, 0, False]),
            call(url, "colorize", [file, "", None, 1, "small", 1, 1, 0, False]),
            call(url, "colorize_many", [[file], "small", 1, 1, 0, False]),
            call(url, "preview_video", [file, None, 1, "small", 1, 1, 0, "", "", False]),
            call(url, "colorize_video", [file, None, 1, "small", 1, 1, 0, "", "", False, "fast"]),
        ]
        link.unlink()
        for answer in answers:
            assert answer.startswith("event: error") and "not uploaded here" in answer

    def test_addresses_are_not_fetched(self, served):
        url, _ = served
        refused = []
        for address in (f"{url}healthz", "https://example.com/x.jpg", "data:image/png;base64,AAAA"):
            for file in ({"path": address, "meta": META}, {"path": "", "url": address, "meta": META}):
                answer = call(url, "colorize", [file, "", None, 1, "small", 1, 1, 0, False])
                refused.append(answer.startswith("event: error") and "not uploaded here" in answer)
        assert all(refused)

    @pytest.mark.parametrize(
        "route",
        [
            "gradio_api/file=/etc/passwd",
            "gradio_api/file=https://example.com/",
            "gradio_api/file%3Dhttps%3A//example.com/",
            "gradio_api/file//etc/passwd",
            "gradio_api/proxy=https://example.com/",
            "gradio_api/runs",
            "gradio_api/vibe-code",
            "gradio_api/openapi.json",
            "monitoring",
            "svelte/x",
            "login",
        ],
    )
    def test_other_routes_are_closed(self, served, route):
        assert httpx.get(served[0] + route).status_code == 404

    def test_functions_cannot_be_called_beside_the_queue(self, served):
        for route in ("run/colorize", "api/colorize", "component_server", "process_recording", "run-history/connect"):
            assert httpx.post(f"{served[0]}gradio_api/{route}", json={"data": []}).status_code == 404

    def test_the_api_holds_these_functions_alone(self, client):
        endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        videos = {"/preview_video", "/colorize_video"}
        assert set(endpoints) == {"/colorize", "/colorize_versions", "/colorize_many"} | videos

    def test_nothing_of_other_machines_is_loaded(self, served):
        config = httpx.get(f"{served[0]}config").json()
        for component in config["components"]:
            component.pop("example_inputs", None)  # words for programmers, which no browser loads
        found = [value for value in strings(config) if value.startswith(("http:", "https:", "//"))]
        assert [value for value in found if not value.startswith(served[0].rstrip("/"))] == []
        assert config["analytics_enabled"] is False
        assert "fonts.g" not in httpx.get(f"{served[0]}theme.css").text
        assert "url(http" not in httpx.get(f"{served[0]}theme.css").text


def strings(value: object):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


class TestFileStore:
    def test_deletes_what_is_old_but_not_the_pages_own(self, tmp_path):
        store = FileStore(tmp_path / "store", keep_seconds=0.2)
        own = store.new_path("own.jpg")
        own.touch()
        store.keep_current_files()
        guest = store.new_path("guest.jpg")
        guest.touch()
        store.sweep()
        assert guest.exists()
        time.sleep(0.3)
        store.sweep()  # files
        time.sleep(0.3)
        store.sweep()  # folders that became empty
        assert own.exists() and not guest.parent.exists()

    def test_owns_no_links_and_no_other_folders(self, tmp_path):
        store = FileStore(tmp_path / "store", 60)
        inside, outside = store.new_path("a.jpg"), tmp_path / "b.jpg"
        inside.touch()
        outside.touch()
        link = store.folder / "link.jpg"
        link.symlink_to(outside)
        assert store.owns(str(inside))
        for path in (outside, link, store.folder, store.folder / "none.jpg", store.folder / ".." / "b.jpg", "\0"):
            assert not store.owns(str(path))
