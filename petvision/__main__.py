"""``python -m petvision`` is ``petvision``."""

import sys

from petvision.cli import main

if __name__ == "__main__":
    sys.exit(main())
