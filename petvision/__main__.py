"""``python -m petvision`` is ``petvision``; the packaged program starts here, as both its names."""

import multiprocessing
import sys
from pathlib import Path


def start() -> int:
    """Be the window or the command line, as the executable is called."""
    multiprocessing.freeze_support()  # first: a child of multiprocessing ends in here
    from petvision.cli import gui_main, main

    called = Path(sys.argv[0]).stem  # a link, where the system does not tell windows apart
    return gui_main() if getattr(sys, "frozen", False) and called == "petvision-gui" else main()


if __name__ == "__main__":
    sys.exit(start())
