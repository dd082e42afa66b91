"""What was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

PIECES = """
from petvision.memory import give_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

blocks = [bytearray(b"x" * 60_000) for _ in range(4000)]  # 240 MB in pieces, below what is mapped
kept = blocks[::40]
full = resident()
del blocks
before = resident()
give_back()
print(full - before, before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another C library")
def test_freed_pieces_between_others_are_given_back():
    told = subprocess.run(
        [sys.executable, "-c", PIECES], capture_output=True, text=True, check=True
    )
    by_itself, given_back = map(int, told.stdout.split())
    assert by_itself + given_back > 150_000_000
    assert given_back > by_itself
