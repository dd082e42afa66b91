"""Where the files that travel with the program lie: icons, samples, model files."""

from __future__ import annotations

from pathlib import Path


def bundled(room: str, *parts: str) -> Path:
    """A path inside ``resources/`` or ``weights/``, whether installed, frozen or in a checkout.

    The wheel and the packaged program map both folders into the package; a checkout has them
    beside it. The path need not exist.
    """
    package = Path(__file__).resolve().parent
    home = package if (package / room).is_dir() else package.parent
    return home.joinpath(room, *parts)
