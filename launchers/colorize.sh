#!/bin/sh
# Linux: what Colorize.desktop starts; files after it are coloured, without any the page opens.
folder=$(cd "$(dirname "$0")" && pwd)
for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    if "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' 2> /dev/null; then
        exec "$python" "$folder/launch.py" "$@"
    fi
done
echo "Python 3.10 to 3.14 is missing: https://www.python.org/downloads"
[ -t 0 ] && read -r _
exit 1
