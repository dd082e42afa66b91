"""What a model of one's own remembers of its photos: ``NAME.photos`` beside ``NAME.safetensors``.

Small copies of some training photos beside what the network made of them answer "what is it like,
then?" of an unknown photo; the digests of all photos that had a say tell when the model is
measured on them. The model file itself carries no photo, and bundled models have no album: their
photos may not be passed on. The file is a numpy archive without pickles.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from petvision.errors import ModelError
from petvision.images.types import Floats
from petvision.models.files import write_atomically
from petvision.models.unknown import NEIGHBOURS

SUFFIX = ".photos"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A small copy of a training photo: the file's name, its class, a JPEG."""

    name: str
    label: str
    jpeg: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Album:
    """Training photos of one model.

    ``model`` is the sha256 of its file. ``features`` M×F are what the network makes of the
    ``snapshots`` M, of length 1. ``usual`` is the likeness (mean cosine to the five nearest of
    them) that half of the validation photos reach. ``learned`` are the sha256 of all photos that
    were trained or chosen on.
    """

    model: str
    features: Floats
    snapshots: tuple[Snapshot, ...]
    usual: float
    learned: frozenset[str]

    def nearest(self, features: Floats, count: int = NEIGHBOURS) -> list[tuple[Snapshot, float]]:
        """The snapshots most like a photo with ``features`` F, with the cosine, nearest first."""
        length = max(float(np.linalg.norm(features)), 1e-12)
        cosines = self.features @ (features / length)
        order = np.argsort(-cosines, kind="stable")[:count]
        return [(self.snapshots[i], float(cosines[i])) for i in order]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            OutputError: when the folder cannot be written.
        """
        facts = {
            "model": self.model,
            "usual": self.usual,
            "names": [s.name.encode(errors="replace").decode() for s in self.snapshots],
            "labels": [s.label for s in self.snapshots],
        }
        content = io.BytesIO()
        np.savez(
            content,
            facts=_bytes(json.dumps(facts).encode()),
            features=self.features.astype(np.float16),
            ends=np.cumsum([len(s.jpeg) for s in self.snapshots], dtype=np.int64),
            pictures=_bytes(b"".join(s.jpeg for s in self.snapshots)),
            learned=_bytes(b"".join(map(bytes.fromhex, sorted(self.learned)))),
        )
        write_atomically(path, content.getvalue())


def album_beside(model: Path, sha256: str) -> Album | None:
    """The album of a model file with that digest; None where it has none.

    Raises:
        ModelError: ``not_a_model`` when the album is damaged.
    """
    path = model.with_suffix(SUFFIX)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            facts = json.loads(archive["facts"].tobytes())
            pictures, ends = archive["pictures"].tobytes(), [0, *archive["ends"].tolist()]
            jpegs = [pictures[a:b] for a, b in pairwise(ends)]
            digests = archive["learned"].reshape(-1, 32)
            album = Album(
                str(facts["model"]),
                archive["features"].astype(np.float32),
                tuple(map(Snapshot, facts["names"], facts["labels"], jpegs)),
                float(facts["usual"]),
                frozenset(row.tobytes().hex() for row in digests),
            )
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason = "it is damaged; remove it, and the model answers without its photos"
        raise ModelError("not_a_model", path.name, reason=reason) from error
    if album.features.ndim != 2 or len(album.features) != len(album.snapshots):
        raise ModelError("not_a_model", path.name, reason="its pictures and features do not match")
    return album if album.model == sha256 else None


def _bytes(content: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(content, np.uint8)
