"""The one table of colours and sizes, for figures and for the window.

Plain values only (no matplotlib, no Qt), so that the window can take them before anything heavy
is imported. Colours are ``#rrggbb``; pairs that carry text keep a contrast of 4.5 or more.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """One theme.

    ``background`` lies behind everything, ``surface`` under panels and cards, ``raised`` under
    what can be pressed; ``text`` and ``muted`` are read on all three; ``line`` parts areas.
    ``accent`` (with ``on_accent`` on it) marks what is chosen and the bars of scores. ``good``,
    ``unknown`` and ``bad`` are verdicts, never told by colour alone. ``veil`` and ``hatch`` cover
    the part of a photo that the network did not see.
    """

    name: str
    background: str
    surface: str
    raised: str
    text: str
    muted: str
    line: str
    accent: str
    on_accent: str
    good: str
    unknown: str
    bad: str
    veil: str
    hatch: str


LIGHT = Style(
    name="light",
    background="#f3f4f6",
    surface="#ffffff",
    raised="#e9ebef",
    text="#1a1d21",
    muted="#5a626d",
    line="#d5d9df",
    accent="#0b756b",
    on_accent="#ffffff",
    good="#1a7336",
    unknown="#96510a",
    bad="#b3261e",
    veil="#ffffff",
    hatch="#5a626d",
)

DARK = Style(
    name="dark",
    background="#16181b",
    surface="#1f2226",
    raised="#2c3036",
    text="#eceef1",
    muted="#a4abb5",
    line="#3b4048",
    accent="#3cc9b8",
    on_accent="#06211e",
    good="#63cf86",
    unknown="#f0b254",
    bad="#ff8a80",
    veil="#1f2226",
    hatch="#a4abb5",
)

PRINT = Style(
    name="print",
    background="#ffffff",
    surface="#ffffff",
    raised="#f2f2f2",
    text="#000000",
    muted="#444444",
    line="#bbbbbb",
    accent="#0b756b",
    on_accent="#ffffff",
    good="#1a7336",
    unknown="#96510a",
    bad="#b3261e",
    veil="#ffffff",
    hatch="#666666",
)

STYLES = {style.name: style for style in (LIGHT, DARK, PRINT)}

GRID_PX = 8
CORNER_PX = 6
TEXT_PX = 13
HEADING_PX = 20

# Signed heat, from "against the target" to "for the target": blue to orange-red keeps its meaning
# for the colour-blind. The middle is transparent, so that no evidence shows as the plain photo.
AGAINST = ("#0d2b8c", "#1f5fe0", "#7fb0ff")
FOR = ("#ffb066", "#f4671f", "#a81c07")
