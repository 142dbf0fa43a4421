"""The command ``colorize-weights``: list, download, verify and convert weights."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from colorize import __version__
from colorize.base import error_line
from colorize.cli.arguments import Parser, file_name
from colorize.cli.command import FAILED, INTERRUPTED, OK
from colorize.cli.progress_bar import progress_bar

MEGABYTE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Without the program's name; None: those of the process.

    Returns:
        The exit status: 0 done, 1 failed or damaged, 130 interrupted. Usage errors exit with 2.
    """
    options = build_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("colorize-weights: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError, MemoryError) as error:  # WeightsError and DownloadError among them
        print(f"colorize-weights: {error_line(error) or 'not enough memory'}", file=sys.stderr)
        return FAILED


def build_parser() -> Parser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="colorize-weights",
        description="The networks that colorize runs: those that come with it, and published ones.",
        epilog="exit status: 0 done, 1 failed or damaged, 2 wrong usage, 130 interrupted. "
        "Downloads lie in COLORIZE_HOME, else in XDG_CACHE_HOME/colorize, else in ~/.cache/colorize.",
    )
    parser.add_argument("--version", action="version", version=f"colorize {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    listing = commands.add_parser("list", help="name, size, licence, and whether they are here")
    listing.set_defaults(run=_list)
    getting = commands.add_parser("get", help="download weights into the user's cache, and check them")
    getting.add_argument("names", nargs="+", type=file_name, metavar="NAME", help="as 'list' shows them, or 'all'")
    getting.add_argument("--offline", action="store_true", help="no connection: only say whether they are here")
    getting.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    getting.set_defaults(run=_get)
    verifying = commands.add_parser("verify", help="read every file that is here, compare its SHA-256, try its graph")
    verifying.add_argument(
        "names", nargs="*", type=file_name, metavar="NAME|FILE", help="only these (default: all that are here)"
    )
    verifying.set_defaults(run=_verify)
    converting = commands.add_parser(
        "convert", help="a DeOldify .pth: write folded safetensors; weights of ours: the graph that ONNX Runtime needs"
    )
    converting.add_argument("weights", type=file_name, metavar="NAME|FILE")
    converting.add_argument(
        "-o",
        "--output",
        type=file_name,
        metavar="FILE",
        help="of a DeOldify .pth (default: the same name, .safetensors)",
    )
    converting.add_argument(
        "--float32", action="store_true", help="of a DeOldify .pth: twice as large, nothing rounded"
    )
    converting.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    converting.set_defaults(run=_convert)
    return parser


def _list(_options: argparse.Namespace) -> int:
    """Print a table of the weights in the manifest."""
    from colorize.network import read_manifest, weights_path

    rows = [("name", "MB", "render size", "licence", "here?")]
    for name, entry in read_manifest().items():
        here = "yes" if weights_path(entry).is_file() else "no: colorize-weights get " + name
        rows.append((name, _megabytes(entry), str(entry.get("render_size", "")), _license(entry), here))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return OK


def _get(options: argparse.Namespace) -> int:
    """Download the named weights that are not on this machine yet."""
    from colorize.base import WeightsError
    from colorize.network import read_manifest

    manifest = read_manifest()
    names = list(manifest) if options.names == ["all"] else options.names
    for name in names:
        if name not in manifest:
            raise WeightsError(f"{name}: no such weights; there are: {', '.join(manifest) or 'none'}")
    for name in names:
        _get_one(name, manifest[name], options)
    return OK


def _get_one(name: str, entry: Mapping[str, Any], options: argparse.Namespace) -> None:
    """Download the weights of one entry of the manifest, unless they are here and whole.

    Raises:
        WeightsError: The weights are released with the program, but missing or damaged.
        DownloadError: The download failed, or ``--offline`` forbids it.
    """
    from colorize.base import DownloadError, WeightsError
    from colorize.network import Source, check_file, fetch, weights_path

    path = weights_path(entry)
    try:
        if path.is_file() and check_file(path):
            print(f"{name}: {path} is here and whole")
            return
    except WeightsError as error:
        if "url" not in entry or options.offline:
            raise
        print(f"colorize-weights: {error}", file=sys.stderr)
    if "url" not in entry:
        raise WeightsError(f"{path}: the released weights {name!r} are missing; install again")
    if options.offline:
        raise DownloadError(f"{name}: not on this machine, and --offline allows no connection")
    print(f"{name}: {_megabytes(entry)} MB from {entry['url']}\nlicence: {_license(entry)}", file=sys.stderr)
    source = Source(entry["url"], entry["bytes"], entry["sha256"])
    hidden = options.quiet or not sys.stderr.isatty()
    with progress_bar(desc=name, unit="B", unit_scale=True, leave=False, disable=hidden, file=sys.stderr) as bar:

        def show_progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        fetch(source, path, show_progress)
    print(f"{name}: {path}")


def _verify(options: argparse.Namespace) -> int:
    """Check the named weights, or all that are on this machine, and their graphs; print a line for each."""
    from colorize.network import read_manifest, weights_path

    manifest = read_manifest()
    status = OK
    for name in options.names or manifest:
        entry = manifest.get(name)
        if entry and "url" in entry and not weights_path(entry).is_file() and not options.names:
            print(f"{name}: not downloaded")
            continue
        try:
            print(f"{name}: {_verify_one(name)}")
        except (ValueError, OSError) as error:
            print(f"colorize-weights: {error_line(error)}", file=sys.stderr)
            status = FAILED
    return status


def _verify_one(name: str) -> str:
    """Return a line about weights that are whole.

    Raises:
        ValueError: There are no such weights, they are damaged, or the graph of ours is missing or does not fit.
        OSError: The file cannot be read.
    """
    from colorize.base import sha256
    from colorize.network import check_file, check_graph, find_weights, is_deoldify, load_network

    path = find_weights(name)
    has_known_hash = check_file(path)
    how = "SHA-256 as expected" if has_known_hash else f"loads; SHA-256 {sha256(path)} is known nowhere"
    if has_known_hash and not is_deoldify(path):
        return f"whole, {how} ({path}); its graph fits ({check_graph(path)})"
    if not has_known_hash:
        load_network(path)  # no hash to compare with: it must load, and hold finite numbers
    return f"whole, {how} ({path})"


def _convert(options: argparse.Namespace) -> int:
    """Write DeOldify weights as folded safetensors; for weights of ours, the graph of their architecture."""
    from colorize.base import TORCH_REMEDY, WeightsError
    from colorize.network import check_deoldify_start, check_file, find_weights, is_deoldify

    path = find_weights(options.weights)
    check_file(path)
    if is_deoldify(path):
        check_deoldify_start(path)
    try:
        return _convert_deoldify(path, options) if is_deoldify(path) else _write_graph(path, options)
    except ImportError as error:
        raise WeightsError(f"{path}: converting needs {error.name}; {TORCH_REMEDY}") from error


def _convert_deoldify(path: Path, options: argparse.Namespace) -> int:
    import torch

    from colorize.network import load_deoldify, read_manifest, save_deoldify

    output = Path(options.output or path.with_suffix(".safetensors"))
    _check_new(output, path, options.overwrite)
    generator = load_deoldify(path)
    entry = read_manifest().get(options.weights, {})
    generator.render_size = int(entry.get("render_size") or generator.render_size)
    save_deoldify(generator, output, torch.float32 if options.float32 else torch.float16)
    sizes = [f"{file.stat().st_size / MEGABYTE:.0f} MB" for file in (path, output)]
    print(f"{path} ({sizes[0]}) -> {output} ({sizes[1]})")
    return OK


def _write_graph(path: Path, options: argparse.Namespace) -> int:
    from colorize.base import WeightsError
    from colorize.network import export_graph, graph_path, load_generator, write_graph

    if options.output or options.float32:
        option = "--output" if options.output else "--float32"
        raise WeightsError(
            f"{path}: {option} is for DeOldify's weights; the graph of these lies in a folder beside them"
        )
    generator = load_generator(path)
    output = graph_path(generator.config, path.parent)
    _check_new(output, path, options.overwrite)
    output.parent.mkdir(exist_ok=True)
    write_graph(output, export_graph(generator))
    print(f"{path} -> {output}, with which it runs without PyTorch")
    return OK


def _check_new(output: Path, path: Path, overwrite: bool) -> None:
    """Raise a FileExistsError where a file exists that is not to be replaced."""
    if output.exists() and (not overwrite or output.resolve() == path.resolve()):
        remedy = "--overwrite replaces it" if output.resolve() != path.resolve() else "choose another name with -o"
        raise FileExistsError(f"{output}: exists; {remedy}")


def _megabytes(entry: Mapping[str, Any]) -> str:
    return f"{entry['bytes'] / MEGABYTE:.0f}"


def _license(entry: Mapping[str, Any]) -> str:
    return entry.get("license", "unknown")


if __name__ == "__main__":
    sys.exit(main())
