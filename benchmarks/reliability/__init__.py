"""What the program is broken by on purpose, and what became of it: damaged files, kills, hours of load, much to hold.

    python -m benchmarks.reliability --help
    python -m benchmarks.reliability photos --count 5000 --folder runs/photos

Each part is one command with a folder for its record, from which the same command goes on after a stop; ``--seconds``
ends a run early. The exit status is 1 where something was wrong. Figures: docs/reliability.md.
"""
