"""What pyproject.toml cannot say: the wings are found by themselves, and the weights travel inside the wheel."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["colorize", "colorize.*"]), "colorize.released"],
    package_dir={"colorize.released": "weights"},  # in a checkout they are found in weights/
)
