"""What one request may cost, and how many may wait."""

from __future__ import annotations

from dataclasses import dataclass

from petvision.images.types import Limits


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Limits of the local API, all judged before anything large is read, decoded or computed.

    ``body_bytes`` of a whole request; ``arrive_seconds`` for its head and again for its body;
    ``fetch_seconds`` for a picture by address; ``compute_seconds`` for its panels (those that are
    done by then are answered). ``waiting`` requests may wait for the one that computes,
    ``arriving`` may send their bodies at once, ``fetching`` pictures are fetched at once; beyond
    that the answer is 429. ``models`` stay open.
    """

    body_bytes: int = 32 * 1024 * 1024
    pixels: int = 150_000_000
    arrive_seconds: float = 30.0
    fetch_seconds: float = 15.0
    compute_seconds: float = 120.0
    waiting: int = 16
    arriving: int = 32
    fetching: int = 4
    models: int = 2

    @property
    def picture(self) -> Limits:
        """The same for the door of pictures, which then fetches from public addresses only."""
        return Limits(self.body_bytes, self.pixels, self.fetch_seconds, public_only=True)
