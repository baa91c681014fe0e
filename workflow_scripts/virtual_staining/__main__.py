"""``python -m virtual_staining``: see :mod:`virtual_staining.cli`."""

import sys

from virtual_staining.cli import main

if __name__ == "__main__":
    sys.exit(main())
