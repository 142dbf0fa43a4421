"""Start the page and the HTTP service; the same as the command ``colorize-web``."""

import sys

from colorize.web import main

if __name__ == "__main__":
    sys.exit(main())
