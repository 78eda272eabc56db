"""`python -m cornu` is the command `cornu`."""

import sys

from cornu.lab import main

sys.exit(main())
