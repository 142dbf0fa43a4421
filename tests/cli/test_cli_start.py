"""The command and the package are light to start: nothing heavy is imported before it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import in_new_process


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


def test_a_photo_is_coloured_without_what_only_training_needs(weights_file: Path, grey_photo: Path) -> None:
    done = in_new_process(
        f"""
        import sys
        for name in ("fastai", "gradio", "torchvision", "skimage", "scipy", "tyro", "tensorboard", "training"):
            sys.modules[name] = None  # makes its import fail
        from colorize.cli import main
        sys.exit(main([{str(grey_photo)!r}, "--weights", {str(weights_file)!r}]))
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert grey_photo.with_name("photo_colorized.jpg").exists()
