"""Say what is on photos, with an exported ONNX file alone: ``FILE.onnx PHOTO…``."""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["petvision"])
rule, unknown = about["preprocessing"], about["unknown"] or {"threshold": float("inf")}
for path in sys.argv[2:]:
    image = Image.open(path)
    original = np.array(image.size)
    scales = rule["draft_scales"] if image.format in ("JPEG", "MPO") else ()
    k = next((k for k in scales if original.min() >= 2 * rule["resize"] * k), 1)
    image.draft(None, tuple(original // k))
    upright = ImageOps.exif_transpose(image).convert("RGB")
    original = original[::-1] if image.getexif().get(274, 1) >= 5 else original
    side = original.min() * rule["size"] / rule["resize"]
    box = np.minimum(np.r_[original - side, original + side] / 2 / k, [*upright.size * 2])
    kernel = Image.Resampling[rule["interpolation"].upper()]
    square = upright.resize((rule["size"],) * 2, kernel, tuple(box))
    _, (scores,), (strange,) = session.run(None, {"pixels": np.asarray(square)[None]})
    best = about["classes"][scores.argmax()]
    print(path, "unknown" if strange > unknown["threshold"] else best, scores.max(), sep="\t")
