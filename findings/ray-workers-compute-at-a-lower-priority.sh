#!/usr/bin/env bash
# Ray starts its workers 15 steps of niceness below the driver.
#
# On a machine where anything else computes, also the driver itself, a worker so gets a fraction of a processor (Linux
# gives niceness 15 a weight of 36 where 0 has 1,024): a run that one process does in a minute takes many with --ray, and
# nothing says why. It is set by the environment variable RAY_worker_niceness before Ray is started, not by an argument.
# The guess before it was run: a worker has its parent's niceness, as every process has that is started.
# Seen with Ray 2.60.0.
#
# What we do: Ray that we start ourselves has its workers at 0 (colorize/batch/ray_cluster.py); a cluster that we join
# keeps what its owner chose.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check ray==2.60.0
cd "$work"
RAY_USAGE_STATS_ENABLED=0 "$work/venv/bin/python" - <<'PYTHON'
import os
import sys

os.environ.pop("RAY_worker_niceness", None)
import ray

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")


@ray.remote
def niceness():
    return os.nice(0)


own, workers = os.nice(0), ray.get(niceness.remote())
ray.shutdown()
print(f"Ray {ray.__version__}: niceness of the driver {own}, of its worker {workers}")
if own > 4:
    sys.exit(2)  # 19 is the last step
if workers != own + 15:
    sys.exit("the behaviour has changed: workers have another niceness")
print("workers compute at a lower priority than the driver")
PYTHON
