"""How usable the batch run's HTML page is with ten thousand photos, in headless Chromium.

    python -m tests.benchmarks.batch_page FOLDER [--make] [--photos 10000] [--shots]

``--make`` first writes made-up photos, a run and its page into FOLDER. Without it, the page is
opened, and printed is how long that takes, and how long a search, a click on a filter, a new order
and a step of scrolling take until the next frame.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from tests.end_to_end.browser import Browser, browser
from tests.end_to_end.test_batch_page import report

FRAME = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


def timed(tab: Browser, action: str, rounds: int = 9) -> str:
    """Milliseconds from an action to the frame after it."""
    script = f"""(async () => {{ const took = [];
        for (let k = 0; k < {rounds}; k++) {{ const start = performance.now();
            {action}; await {FRAME}; took.push(performance.now() - start); }}
        return took; }})()"""
    took = tab.value(script)
    return f"median {median(took):.0f}, worst {max(took):.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--shots", action="store_true", help="leave screenshots in FOLDER, too")
    options = parser.parse_args()
    if options.make:
        options.folder.mkdir(parents=True)
        start = time.perf_counter()
        page = report(options.folder, options.photos)
        print(f"written in {time.perf_counter() - start:.1f} s, {page.stat().st_size / 1e6:.1f} MB")
        return
    page = options.folder / "report.html"
    with browser() as tab:
        measure(tab, page)
    for scheme in ("light", "dark") if options.shots else ():
        with browser(dark=scheme == "dark") as tab:
            tab.open(page)
            tab.value(FRAME)
            tab.screenshot(options.folder / f"page-{scheme}.png")


def measure(tab: Browser, page: Path) -> None:
    """Open the page and do each thing some times."""
    start = time.perf_counter()
    tab.open(page)
    tab.value(FRAME)
    print(f"opened in {time.perf_counter() - start:.2f} s, {page.stat().st_size / 1e6:.1f} MB")
    find = "const t = document.getElementById('text')"
    press = "document.querySelector('#labels button[data-value=\"{}\"]').click()"
    order = "const o = document.getElementById('order')"
    steps = {
        "search": f"{find}; t.value = '00' + k; t.oninput()",
        "search cleared": f"{find}; t.value = ''; t.oninput()",
        "label": f"k % 2 ? {press.format('')} : {press.format('dog')}",
        "order": f"{order}; o.value = k % 2 ? 'name' : 'sure'; o.onchange()",
        "scroll a page": "scrollBy(0, innerHeight)",
        "scroll far": "scrollTo(0, document.body.scrollHeight * (k * 37 % 10) / 10)",
    }
    for name, action in steps.items():
        print(f"{name}: {timed(tab, action)}")
    used = tab.call("Runtime.getHeapUsage")["usedSize"]
    print(f"script memory {used / 1e6:.0f} MB; script errors: {len(tab.faults)}")


if __name__ == "__main__":
    main()
