"""A look into a HEIC's boxes before its decoder sees them."""

from __future__ import annotations

from collections.abc import Iterator


def items_are_named_in_text(data: bytes) -> bool:
    """Whether the item entries of a HEIC hold text where text belongs.

    pi-heif 1.4 ends the whole process with a segmentation fault where they do not. An entry
    ("infe", ISO/IEC 14496-12) is version (1 byte), flags (3), item id (2, or 4 in version 3),
    protection (2), then the type of the item and its names: text to the end.
    """
    for meta_start, meta_end in _boxes(data, b"meta", 0, len(data)):
        for start, end in _boxes(data, b"iinf", meta_start + 4, meta_end):
            first = start + (6 if data[start] == 0 else 8)
            for entry, stop in _boxes(data, b"infe", first, end):
                text = entry + (10 if data[entry] == 3 else 8)
                try:
                    data[text:stop].decode()
                except UnicodeDecodeError:
                    return False
    return True


def _boxes(data: bytes, kind: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes of a kind begin and end, between two offsets."""
    while start + 8 < end:
        size, header = int.from_bytes(data[start : start + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        stop = end if size == 0 else min(start + size, end)
        if stop <= start + header:
            return
        if data[start + 4 : start + 8] == kind:
            yield start + header, stop
        start = stop
