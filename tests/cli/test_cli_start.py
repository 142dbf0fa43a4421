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


def test_a_jpeg_is_coloured_without_what_other_files_and_several_of_them_need(
    small_weights: Path, grey_photo: Path
) -> None:
    arguments = [str(grey_photo), "--weights", str(small_weights)]
    done = in_new_process(
        f"""
        import sys
        import numpy
        before = set(sys.modules)
        from colorize.cli import main
        assert main({arguments!r}) == 0
        others = ["jpeg2000", "jpeg_xl", "jpeg_xr", "sixteen_bit", "tiff_writer"]
        needless = {{f"colorize.photo.{{name}}" for name in others}} | {{"tifffile", "imagecodecs"}}
        needless |= {{"colorize.batch.isolation", "colorize.base.worker_process", "tqdm", "numpy.ma"}}
        needless &= set(sys.modules) - before
        assert not needless, needless
        """
    )
    assert (done.returncode, said(done.stderr)) == (0, "")


def test_numpy_is_imported_below_no_other_import(small_weights: Path, grey_photo: Path) -> None:
    arguments = [str(grey_photo), "--weights", str(small_weights)]
    done = in_new_process(
        f"""
        import sys
        importing = []
        class Finder:
            def find_spec(self, name, path=None, target=None):
                frame = sys._getframe(1)
                while name == "numpy" and frame is not None:
                    if frame.f_code.co_name == "<module>":
                        importing.append(frame.f_globals["__name__"])
                    frame = frame.f_back
        sys.meta_path.insert(0, Finder())
        from colorize.cli import main
        assert main({arguments!r}) == 0
        assert importing == ["__main__"], importing
        """
    )
    assert (done.returncode, said(done.stderr)) == (0, "")


@pytest.mark.parametrize("count", [1, 2])
def test_garbage_is_collected_once_the_network_is_loaded(small_weights: Path, grey_photo: Path, count: int) -> None:
    photos = [grey_photo, grey_photo.with_name("other.jpg")][:count]
    photos[-1].write_bytes(grey_photo.read_bytes())
    arguments = ["colorize", *map(str, photos), "--weights", str(small_weights), "-q"]
    done = in_new_process(
        f"""
        import gc, sys
        from colorize.cli import command
        begun = []
        class Reporter(command.Reporter):
            def __init__(self, *arguments):
                assert not begun, begun
                super().__init__(*arguments)
            def report(self, outcome):
                assert gc.isenabled()
        command.Reporter = Reporter
        sys.argv = {arguments!r}
        gc.collect()
        gc.callbacks.append(lambda phase, info: begun.append(phase))
        command.run_process()
        """
    )
    assert (done.returncode, said(done.stderr)) == (0, "")


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
