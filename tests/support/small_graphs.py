"""Make the graphs of the small networks of tests anew: ``PYTHONPATH=.:tests python -m support.small_graphs``."""

from __future__ import annotations

from colorize.network import Generator, export_graph, graph_path, write_graph
from support.narrow import narrow_encoders
from support.small_networks import DATA, LATENT, SMALL


def main() -> None:
    """Write a graph file for each small network; needs torch, onnx and onnxscript."""
    with narrow_encoders():
        for config in (SMALL, LATENT):
            path = graph_path(config, DATA)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_graph(path, export_graph(Generator(config)))
            print(path)


if __name__ == "__main__":
    main()
