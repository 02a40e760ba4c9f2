"""`python -m daimon` is the command `daimon`."""

import sys

from daimon.cli import main

sys.exit(main())
