"""Pictures from other stores (``s3://``, ``gs://``, ``sftp://``, …), read through fsspec.

Only where fsspec and the store's own package are installed, and only for a person at this machine:
a request from elsewhere (``Limits.public_only``) never comes here. Who may read what is the
store's own business: its package finds the keys where it always does.
"""

from __future__ import annotations

import importlib.util

from petvision.errors import InputError
from petvision.images import fetch, files
from petvision.images.types import Limits


def is_store(address: str) -> bool:
    """Whether an address leads to a store, not to the web."""
    return not address.lower().startswith(("http://", "https://"))


def read(address: str, label: str, limits: Limits) -> bytes:
    """The bytes of a picture in a store.

    ``limits.seconds`` does not count: how long a store may take is its package's own business.

    Raises:
        InputError: ``refused`` (offline, no such kind of store here, no permission),
            ``not_found``, ``too_large``, ``network``.
    """
    fetch.refuse_offline(label)
    scheme = address.partition("://")[0]
    if importlib.util.find_spec("fsspec") is None:
        remedy = "Install it with: pip install petvision[cluster]"
        raise InputError("refused", label, reason=f"{scheme}:// needs fsspec", remedy=remedy)
    import fsspec

    try:
        with fsspec.open(address, "rb") as file:
            data = bytes(file.read(limits.max_bytes + 1))
    except FileNotFoundError as error:
        raise InputError("not_found", label, remedy="Check the address.") from error
    except PermissionError as error:
        reason, remedy = "you have no permission", "Check the store's keys on this machine."
        raise InputError("refused", label, reason=reason, remedy=remedy) from error
    except (ImportError, ValueError) as error:  # its package is missing; nobody knows the scheme
        remedy = "Save the picture and open its file."
        raise InputError("refused", label, reason=_sentence(error), remedy=remedy) from error
    except Exception as error:  # every store's package has errors of its own
        remedy = "Check the address and your connection, then try again."
        raise InputError("network", label, reason=_sentence(error), remedy=remedy) from error
    files.check_size(len(data), label, limits)
    return data


def _sentence(error: Exception) -> str:
    """What a package says, in one line without its full stop."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
