#!/bin/sh
# macOS: a double click opens the page. The first start also makes Colorize.app, on which photographs can be dropped.
exec /bin/sh "$(dirname "$0")/colorize.sh" "$@"
