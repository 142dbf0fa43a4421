#!/usr/bin/env bash
# Ray prints of each machine that dies on the driver's standard output, though the driver wants no logs.
#
# With ray.init(log_to_driver=False, logging_level="ERROR") a thread of the driver still prints what raylets report: of a
# machine that dies some 25 lines, most of them the end of its raylet's log, on the standard output. A
# command whose output is read by another program, or whose promise is one line, has no argument against it.
# The guess before it was run: with log_to_driver=False nothing of the cluster's is printed, errors at most on the
# standard error.
# Seen with Ray 2.60.0.
#
# What we do: colorize/batch/ray_cluster.py sets RAY_DEDUP_LOGS_SKIP_REGEX, which is meant for lines that repeat, to
# what every line matches, before Ray is imported; the second run below shows that it helps.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check ray==2.60.0
cd "$work"
cat > driver.py <<'PYTHON'
import time

import ray
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
node = cluster.add_node(num_cpus=1)
ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")


@ray.remote(num_cpus=1)
class Worker:
    def answer(self):
        return 1


worker = Worker.remote()
assert ray.get(worker.answer.remote()) == 1
cluster.remove_node(node, allow_graceful=False)
time.sleep(8)  # in which Ray learns it
ray.shutdown()
cluster.shutdown()
PYTHON
export RAY_USAGE_STATS_ENABLED=0
"$work/venv/bin/python" driver.py > plain.txt 2> /dev/null
RAY_DEDUP_LOGS_SKIP_REGEX="(?s).*" "$work/venv/bin/python" driver.py > skipped.txt 2> /dev/null
plain=$(wc -l < plain.txt) skipped=$(wc -l < skipped.txt)
echo "Ray 2.60.0, a machine killed: $plain lines on the standard output; with everything to be skipped: $skipped"
if ((plain == 0 || skipped > 0)) || ! grep -q raylet plain.txt; then
    echo "the behaviour has changed: it prints nothing, or cannot be stopped by that" >&2
    exit 1
fi
echo "it prints of dead machines though log_to_driver is off"
