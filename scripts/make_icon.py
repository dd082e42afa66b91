"""Write the program's icon, resources/icons/petvision.svg: a paw that glows like a heat map."""

from __future__ import annotations

import sys
from pathlib import Path

ICON = Path(__file__).resolve().parent.parent / "resources" / "icons" / "petvision.svg"
SIDE = 128
GROUND = ("#12897d", "#075a52")
PAW = "#ffffff"
HEAT = ((0, "#fff3b0"), (0.35, "#ffb13d"), (0.7, "#ee5d2b"), (1, "#ffffff"))
TOES = ((32, 55, 10, 13, -24), (51, 36, 11, 15, -8), (77, 36, 11, 15, 8), (96, 55, 10, 13, 24))
PAD = (
    "M64 57c13 0 21 10 27 19 6 8 5 22-6 25-8 2-13-3-21-3s-13 5-21 3c-11-3-12-17-6-25 "
    "6-9 14-19 27-19z"
)


def svg() -> str:
    """The icon as SVG text."""
    stops = "".join(f'<stop offset="{at}" stop-color="{colour}"/>' for at, colour in HEAT)
    toes = "".join(
        f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" transform="rotate({turn} {x} {y})"/>'
        for x, y, rx, ry, turn in TOES
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">
  <defs>
    <linearGradient id="ground" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="{GROUND[0]}"/><stop offset="1" stop-color="{GROUND[1]}"/>
    </linearGradient>
    <radialGradient id="heat" cx="0.5" cy="0.45" r="0.62">{stops}</radialGradient>
  </defs>
  <rect x="4" y="4" width="120" height="120" rx="28" fill="url(#ground)"/>
  <g fill="{PAW}">{toes}</g>
  <path d="{PAD}" fill="url(#heat)"/>
</svg>
"""


def main() -> int:
    ICON.write_text(svg(), encoding="utf-8")
    print(ICON)
    return 0


if __name__ == "__main__":
    sys.exit(main())
