"""Standard input, read without waiting for it: lists that grow, and orders to a run at work."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from queue import Empty, Queue, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petvision.batch.run import Order


def take_orders(orders: SimpleQueue[Order]) -> None:
    """Pass the orders on that come in; at the end of standard input the run goes on alone."""
    from petvision.batch.run import Order

    for line in raw_lines():
        try:
            order = json.loads(line)
            items = tuple(int(item) for item in order.get("items", ()))
            label = order.get("label")
            if order["do"] in ("pause", "go", "stop", "truth"):
                orders.put(Order(order["do"], items, label))
        except (ValueError, KeyError, TypeError, AttributeError):  # not an order: not ours to obey
            continue


def lines() -> Iterator[str | None]:
    """The lines as they come, None whenever there is none for a moment."""
    waiting: Queue[str | None] = Queue(1000)

    def read() -> None:
        for line in raw_lines():
            waiting.put(os.fsdecode(line))
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = waiting.get(timeout=0.2)
        except Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def raw_lines() -> Iterator[bytes]:
    """Lines of standard input, read beneath Python's own buffer.

    A thread that waits there would hold the buffer's lock when the program ends.
    """
    rest = b""
    while data := os.read(0, 1 << 16):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r")
    if rest:
        yield rest.rstrip(b"\r")
