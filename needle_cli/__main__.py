"""`python -m needle_cli`."""

import sys

from needle_cli.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
