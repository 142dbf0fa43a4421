"""The command and the package are light to start: nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.command import in_new_process, said


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    done = in_new_process(
        f"""
        import sys
        from colorize.cli import main
        try:
            main([{argument!r}])
        except SystemExit as error:
            assert error.code == 0
        heavy = {{"torch", "numpy", "cv2", "av", "PIL", "tifffile", "tqdm", "safetensors"}} & set(sys.modules)
        assert not heavy, heavy
        """
    )
    assert done.returncode == 0, done.stderr
    assert "colorize" in done.stdout


@pytest.mark.parametrize(("said", "threads"), [(None, "1"), ("3", "3")])
@pytest.mark.parametrize("command", ["colorize.cli", "colorize.web"])
def test_the_commands_start_no_threads_for_products_of_matrices(said: str | None, threads: str, command: str) -> None:
    done = in_new_process(
        f"""
        import importlib, os
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.pop(name, None)
        if {said!r}:
            os.environ["OPENBLAS_NUM_THREADS"] = {said!r}
        try:
            importlib.import_module({command!r}).main(["--version"])
        except SystemExit:
            assert os.environ["OPENBLAS_NUM_THREADS"] == {threads!r}
        import numpy, cv2
        tasks = "/proc/self/task"  # of Linux
        running = len(os.listdir(tasks)) if os.path.isdir(tasks) else 1
        assert running == 1 or {said!r}, running
        """
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("has_page", [True, False])
def test_without_arguments_it_says_what_can_be_done(has_page: bool) -> None:
    done = in_new_process(
        f"""
        import importlib.util, sys
        from importlib.machinery import ModuleSpec
        found = importlib.util.find_spec
        page = ModuleSpec("gradio", None) if {has_page} else None
        importlib.util.find_spec = lambda name, *rest: page if name == "gradio" else found(name, *rest)
        from colorize.cli.command import run_process
        sys.argv = ["colorize"]
        run_process()
        """
    )
    assert (done.returncode, done.stdout) == (2, "")
    for command in ("colorize photo.jpg", "colorize film.mp4", "colorize-web"):
        assert f"\n  {command} " in done.stderr
    assert ("colorize-photos[web]" in done.stderr) == (not has_page)


def test_options_alone_are_a_usage_error_of_one_line() -> None:
    done = in_new_process("from colorize.cli import main; main(['--force'])")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "FILE" in done.stderr


def test_a_photo_is_coloured_without_what_only_training_or_films_need(weights_file: Path, grey_photo: Path) -> None:
    done = in_new_process(
        f"""
        import sys
        for name in ("fastai", "gradio", "torchvision", "skimage", "scipy", "tyro", "tensorboard", "training", "av"):
            sys.modules[name] = None  # makes its import fail
        from colorize.cli import main
        sys.exit(main([{str(grey_photo)!r}, "--weights", {str(weights_file)!r}]))
        """
    )
    assert (done.returncode, said(done.stderr)) == (0, "")
    assert grey_photo.with_name("photo_colorized.jpg").exists()


@pytest.mark.parametrize("options", [["-v"], ["-q"]])
def test_the_process_ends_with_the_status_and_all_that_was_said(
    weights_file: Path, grey_photo: Path, options: list[str]
) -> None:
    missing = grey_photo.with_name("missing.jpg")
    arguments = ["colorize", str(grey_photo), str(missing), "--weights", str(weights_file), *options]
    done = in_new_process(
        f"""
        import sys
        from colorize.cli.command import run_process
        sys.argv = {arguments!r}
        run_process()
        """
    )
    target = grey_photo.with_name("photo_colorized.jpg")
    assert done.returncode == 1
    assert str(missing) in done.stderr
    assert (str(target) in done.stdout) == ("-q" not in options)
    assert target.exists()


def test_nothing_warns_once_the_process_has_ended(weights_file: Path, grey_photo: Path) -> None:
    arguments = ["colorize", str(grey_photo), "--weights", str(weights_file)]
    done = in_new_process(
        f"""
        import multiprocessing, sys
        multiprocessing.set_start_method("spawn")  # as on macOS; from Python 3.14 on Linux has no fork either
        from colorize.cli.command import run_process
        sys.argv = {arguments!r}
        run_process()
        """
    )
    assert (done.returncode, said(done.stderr)) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_reader_that_goes_away_is_no_error_of_ours(weights_file: Path, grey_photo: Path) -> None:
    done = in_new_process(
        f"""
        import os, sys
        from colorize.cli.command import run_process
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
        sys.argv = ["colorize", {str(grey_photo)!r}, "--weights", {str(weights_file)!r}]
        run_process()
        """
    )
    assert (done.returncode, said(done.stderr)) == (1, "")
    assert grey_photo.with_name("photo_colorized.jpg").exists()
