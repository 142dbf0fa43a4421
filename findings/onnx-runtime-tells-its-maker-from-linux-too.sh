#!/usr/bin/env bash
# ONNX Runtime's wheels for Linux collect what its maker is told, unless a variable forbids it before the import.
#
# `import onnxruntime` alone leaves a database of events and an identifier of the machine in ~/.cache and a file `.ses`
# in the temporary folder; what it collects goes to its maker's service over HTTPS (its file Privacy.md says so). A
# program that promises to keep photographs at home breaks its promise by an update of a dependency, and
# `disable_telemetry_events()` comes too late: it can be called only after the import. ORT_DISABLE_TELEMETRY=1 in the
# environment before it keeps everything away. With CI set nothing was seen either.
# The guess before it was run: as for years, only the wheels for Windows do that; importing a library writes no file.
# Seen with onnxruntime 1.32.0; 1.29.0 is said to be the first.
#
# What we do: the variable is set where it is imported (colorize/network/onnx_runtime.py).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check onnxruntime==1.32.0
cd "$work"
unset CI ORT_DISABLE_TELEMETRY XDG_CACHE_HOME
[ "$(uname -s)" = Linux ] || exit 2
mkdir told quiet
import="import onnxruntime; print('onnxruntime', onnxruntime.__version__)"
unshare -rn true 2>/dev/null && alone="unshare -rn" || alone="" # so that nothing is sent from here
HOME=$work/told TMPDIR=$work/told $alone "$work/venv/bin/python" -B -c "$import"
HOME=$work/quiet TMPDIR=$work/quiet ORT_DISABLE_TELEMETRY=1 $alone "$work/venv/bin/python" -B -c "$import"
echo "files after the import: $(cd told && find . -type f | sort | tr '\n' ' ')"
echo "files after the import with ORT_DISABLE_TELEMETRY=1: $(cd quiet && find . -type f | tr '\n' ' ')"
if [ -z "$(find told -type f)" ] || [ -n "$(find quiet -type f)" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
