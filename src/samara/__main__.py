# SPDX-License-Identifier: MIT
"""`python -m samara`: the `samara` command."""

import sys

from samara.cli import main

if __name__ == "__main__":
    sys.exit(main())
