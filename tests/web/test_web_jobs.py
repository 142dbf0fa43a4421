"""The job queue of the web process: order, limits, cancelling, deletion of folders; safe file names, allowed hosts."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorize.batch import Outcome
from colorize.film import Progress
from colorize.web import WebSettings
from colorize.web.jobs import CancelledJobError, JobQueue, QueueFullError, safe_name
from colorize.web.uploads import wait_for_end

TIMEOUT = 20  # seconds until a test gives up


@pytest.fixture
def jobs():
    jobs = JobQueue(max_queue=2, keep_seconds=3600)
    yield jobs
    jobs.close()


def done(job) -> Outcome:
    return Outcome(job.folder, "done", "done")


def until(condition) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.01)


class TestQueue:
    def test_a_job_is_done_in_its_own_private_folder(self, jobs):
        job = jobs.new("photo")
        assert job.folder.parent == jobs.folder
        assert jobs.folder.stat().st_mode & 0o077 == 0 and job.folder.stat().st_mode & 0o077 == 0
        jobs.submit(job, done)
        assert job.future.result(TIMEOUT).status == "done"
        until(lambda: job.status == "done")
        assert jobs.find(job.id) is job

    def test_full_queue_is_refused_before_anything_is_uploaded(self, jobs):
        gate = threading.Event()
        try:
            at_work = [jobs.new("film") for _ in range(1)]
            for job in at_work:
                jobs.submit(job, lambda job: (gate.wait(TIMEOUT), done(job))[1])
            until(lambda: jobs.waiting == 0)
            waiting = [jobs.new("film") for _ in range(2)]
            for job in waiting:
                jobs.submit(job, done)
            with pytest.raises(QueueFullError, match="2 photos and films are waiting"):
                jobs.new("photo")
        finally:
            gate.set()
        for job in waiting:
            job.future.result(TIMEOUT)
        jobs.forget(jobs.new("photo"))  # there is room again

    def test_a_film_waits_while_a_photo_is_coloured(self, jobs):
        gate, frames = threading.Event(), []

        def video(job):
            for number in range(3):
                frames.append(number)
                jobs.yield_to_photos(job)
            return done(job)

        photo = jobs.new("photo")
        jobs.submit(photo, lambda job: (gate.wait(TIMEOUT), done(job))[1])
        until(lambda: photo.status == "working")
        job = jobs.new("film")
        jobs.submit(job, video)
        until(lambda: frames == [0])
        time.sleep(0.2)
        assert frames == [0]
        gate.set()
        job.future.result(TIMEOUT)
        assert frames == [0, 1, 2]

    def test_photos_are_not_stuck_behind_a_film(self, jobs):
        gate = threading.Event()
        video, photo = jobs.new("film"), jobs.new("photo")
        jobs.submit(video, lambda job: (gate.wait(TIMEOUT), done(job))[1])
        jobs.submit(photo, done)
        try:
            until(lambda: video.status == "working")
            assert photo.future.result(TIMEOUT).status == "done"
            assert video.status == "working"
        finally:
            gate.set()

    def test_a_cancelled_job_never_begins(self, jobs):
        gate, ran = threading.Event(), []
        first, second = jobs.new("film"), jobs.new("film")
        jobs.submit(first, lambda job: (gate.wait(TIMEOUT), done(job))[1])
        jobs.submit(second, lambda job: (ran.append(job), done(job))[1])
        second.cancel.set()
        gate.set()
        with pytest.raises(CancelledJobError):
            second.future.result(TIMEOUT)
        assert not ran and second.status == "cancelled"

    def test_what_waits_ends_at_once_when_it_is_cancelled_and_leaves_its_place(self, jobs):
        gate = threading.Event()
        first, second, third = (jobs.new("film") for _ in range(3))
        try:
            jobs.submit(first, lambda job: (gate.wait(TIMEOUT), done(job))[1])
            until(lambda: jobs.waiting == 0)
            for job in (second, third):
                jobs.submit(job, done)
                job.cancel.set()
            asyncio.run(asyncio.wait_for(wait_for_end(second), TIMEOUT))
            jobs.forget(second)
            assert jobs.waiting == 1 and not second.folder.exists()
            jobs.forget(third)
            assert jobs.waiting == 0 and first.status == "working"
        finally:
            gate.set()
        asyncio.run(asyncio.wait_for(wait_for_end(first), TIMEOUT))
        assert first.status == "done" and jobs.waiting == 0

    def test_a_cancelled_future_does_not_end_the_worker(self, jobs):
        gate = threading.Event()
        first, second, third = (jobs.new("film") for _ in range(3))
        jobs.submit(first, lambda job: (gate.wait(TIMEOUT), done(job))[1])
        until(lambda: first.status == "working")
        assert not first.future.cancel(), "it is at work"
        jobs.submit(second, done)
        assert second.future.cancel()
        gate.set()
        assert first.future.result(TIMEOUT).status == "done"
        jobs.submit(third, done)
        assert third.future.result(TIMEOUT).status == "done"
        assert second.status == "cancelled"

    def test_an_unexpected_error_does_not_end_the_worker(self, jobs):
        job = jobs.new("film")
        jobs.submit(job, lambda job: 1 // 0)
        outcome = job.future.result(TIMEOUT)
        assert outcome.status == "failed" and isinstance(outcome.error, ZeroDivisionError)
        assert "unexpected" in outcome.message and "log" in outcome.message
        assert job.status == "failed"
        after = jobs.new("film")
        jobs.submit(after, done)
        assert after.future.result(TIMEOUT).status == "done"

    def test_time_left(self, jobs):
        job = jobs.new("film")
        assert job.seconds_left is None
        job.started_at, job.progress = time.monotonic() - 10, Progress(25, 100)
        assert job.seconds_left == pytest.approx(30, abs=1)


class TestFolders:
    def test_forgotten_while_at_work_its_folder_goes_at_the_end(self, jobs):
        gate = threading.Event()
        job = jobs.new("film")
        jobs.submit(job, lambda job: (gate.wait(TIMEOUT), done(job))[1])
        until(lambda: job.status == "working")
        jobs.forget(job)
        assert job.cancel.is_set() and jobs.find(job.id) is None
        assert job.folder.exists(), "somebody is at work there"
        gate.set()
        until(lambda: not job.folder.exists())

    def test_a_folder_that_cannot_be_deleted_yet_is_deleted_later(self, monkeypatch):
        remove = shutil.rmtree
        jobs = JobQueue(keep_seconds=0.1)
        try:
            job = jobs.new("photo")
            monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # its result is being sent, on Windows
            jobs.submit(job, done)
            until(lambda: jobs.find(job.id) is None)
            assert job.folder.exists()
            monkeypatch.setattr(shutil, "rmtree", remove)
            until(lambda: not job.folder.exists())
        finally:
            jobs.close()

    def test_old_results_are_swept(self):
        jobs = JobQueue(keep_seconds=0.1)
        try:
            job = jobs.new("photo")
            jobs.submit(job, done)
            until(lambda: jobs.find(job.id) is None and not job.folder.exists())
        finally:
            jobs.close()

    def test_uploads_that_were_never_finished_are_swept(self):
        jobs = JobQueue(keep_seconds=0.1)
        try:
            job = jobs.new("photo")
            until(lambda: jobs.find(job.id) is None and not job.folder.exists())
        finally:
            jobs.close()

    def test_close_leaves_no_folder(self):
        jobs = JobQueue()
        job = jobs.new("photo")
        job.upload_path("a.jpg").write_bytes(b"x")
        jobs.close()
        assert not jobs.folder.exists()


class TestNames:
    @pytest.mark.parametrize(
        ("given_name", "kept"),
        [
            ("aunt.jpg", "aunt.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\aunt.jpg", "aunt.jpg"),
            ("Tante Käthe.tif", "Tante Käthe.tif"),
            (".htaccess", "htaccess"),
            ("", "file"),
            ("..", "file"),
            ("a\nb\0.png", "a_b_.png"),
            ("nul.tar.png", "_nul.tar.png"),
            ("COM1 .jpg", "_COM1 .jpg"),
            ("aux", "_aux"),
            ("console.jpg", "console.jpg"),
            ("a.jpg     b", "a.jpg"),
        ],
    )
    def test_safe_name(self, given_name, kept):
        assert safe_name(given_name) == kept

    @given(st.text(max_size=400))
    def test_any_name_stays_in_its_folder(self, name):
        kept = safe_name(name)
        assert kept and kept not in (".", "..") and not set(kept) & set('/\\\0<>:"|?*')
        assert len(kept.encode()) < 200


class TestHosts:
    settings = WebSettings(host="photos.example", allowed_hosts=("Album.Example",))

    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "localhost:7860",
            "127.0.0.1:7860",
            "[::1]:7860",
            "192.0.2.7",
            "photos.example",
            "album.example:80",
        ],
    )
    def test_own_names_and_numbers(self, host):
        assert self.settings.allows_host(host)

    @pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1"])
    def test_strangers(self, host):
        assert not self.settings.allows_host(host)

    def test_a_password_is_not_printed(self):
        assert "secret" not in repr(WebSettings(auth=("me", "secret")))
