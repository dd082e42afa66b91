"""Run the README's commands as written: what a person copies has to work.

Every line of its shell blocks is run in a scratch folder, but for those that install, train or
fetch, open a window or serve. Words in capitals that stand for something of the reader's (INPUT…,
DIR, MODEL) become the sample photos, a folder of made-up class folders, the bundled model.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERBS = ("predict", "explain", "models list", "models info", "export", "neurons", "batch")
SECONDS = 600
_BLOCK = re.compile(r"```(?:sh|bash|console)?\n(.*?)```", re.DOTALL)
_WORD = re.compile(r"\b[A-Z]{3,}\b…?")


def commands(readme: str) -> list[str]:
    """The lines of its shell blocks that start with a verb to be run; continued ones whole."""
    found = []
    for block in _BLOCK.findall(readme):
        for line in block.replace("\\\n", " ").splitlines():
            text = line.partition("  #")[0].strip().removeprefix(".venv/bin/")
            words = text.removeprefix("petvision ")
            if text.startswith("petvision ") and words.startswith(VERBS):
                found.append(text)
    return list(dict.fromkeys(found))


def filled(command: str, folder: Path, number: int) -> str:
    """The command with the reader's own words in place of the capitals."""
    samples = folder / "photos"
    # One batch run goes on from command to command; all else has a folder of its own.
    out = folder / ("out-batch" if command.startswith("petvision batch") else f"out-{number}")
    text = re.sub(r"--out (DIR|OUT|RUN|FILE)\b", f"--out {out}", command)
    text = text.replace("INPUT…", str(samples)).replace("FOLDER", str(samples))
    text = re.sub(r"\bMODEL\b", "catdog-resnet101", text)
    text = re.sub(r"\bFILE\b", str(folder / f"file-{number}"), text)
    return re.sub(r"(?<![\w/.-])(tom|photo)\.jpg", str(samples / "cat.jpg"), text)


def main() -> int:
    """Run them all; 1 when one fails."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="petvision-readme-") as place:
        folder = Path(place)
        (folder / "photos").mkdir()
        for photo in sorted((ROOT / "resources" / "samples").glob("*.jpg"))[:2]:
            shutil.copy(photo, folder / "photos" / photo.name)
        for number, command in enumerate(commands((ROOT / "README.md").read_text("utf-8"))):
            text = filled(command, folder, number)
            if left := [word for word in _WORD.findall(text) if not Path(word).exists()]:
                print(f"not run ({', '.join(left)} is the reader's): {command}")
                continue
            line = [sys.executable, "-m", *shlex.split(text)]
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                line, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS
            )
            print(f"{'ok' if done.returncode == 0 else 'FAILED'}: {command}")
            if done.returncode != 0:
                failed.append(command)
                print(done.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
