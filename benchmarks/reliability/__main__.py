"""The command: the first word chooses the part, and the others are its options."""

from __future__ import annotations

import argparse
import importlib

PARTS = {
    "photos": ("bad_files", "damaged photographs"),
    "films": ("bad_files", "damaged films"),
    "weights": ("bad_inputs", "damaged weights files"),
    "graphs": ("bad_inputs", "damaged ONNX graphs beside weights"),
    "profiles": ("bad_inputs", "damaged ICC profiles in photographs"),
    "segments": ("bad_inputs", "damaged segments of a stopped film"),
    "hints": ("bad_inputs", "damaged hint files"),
    "keyframes": ("bad_inputs", "damaged key frames"),
    "journals": ("bad_inputs", "damaged journals of lists"),
    "kills": ("kills", "commands that are killed: films, photos, ..."),
    "disk": ("full_disk", "a film on a disk that is full"),
    "memory": ("memory", "memory of a large photo, a long film and many names"),
    "load": ("load", "hours of load on the service"),
}
"""First word -> the module of this package whose ``main`` takes it with the other words, and what it is about."""


def main(words: list[str] | None = None) -> None:
    """Run the part that the first word names.

    Args:
        words: Of the command line; None: those of the process.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.reliability", description="Break the program on purpose.")
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    for name, (_, about) in PARTS.items():
        parts.add_parser(name, help=about, add_help=False)
    part, others = parser.parse_known_args(words)
    importlib.import_module(f"benchmarks.reliability.{PARTS[part.part][0]}").main([part.part, *others])


if __name__ == "__main__":
    main()
