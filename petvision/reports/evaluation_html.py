"""``report.html``: an evaluation on one page; every number leads to its photos."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt

from petvision.evaluate.calibration import Bin, members
from petvision.evaluate.metrics import log_odds
from petvision.evaluate.results import Evaluation, Strange, near_certain
from petvision.events import Progress, Result
from petvision.figures.charts import file_of
from petvision.figures.evaluation import CHARTS, Material
from petvision.figures.style import DARK, LIGHT
from petvision.models.unknown import softmax
from petvision.places import bundled
from petvision.reports.thumbnails import jpeg, small_ones

THUMBNAILS = 480
THUMBNAIL_PX = 132
MATRIX_MOST = 20
"""More classes than this get the list of the commonest mistakes instead of a table."""
MISTAKES = 15


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What the page tells of."""

    material: Material
    strange: Mapping[str, Strange]

    @property
    def evaluation(self) -> Evaluation:
        """The answers."""
        return self.material.evaluation


def page(material: Material, strange: Mapping[str, Strange]) -> Iterator[Progress | Result[str]]:
    """The whole page as text, with thumbnails of the photos most worth seeing."""
    shown = Page(material, strange)
    rows = [*_rows(shown.evaluation), *_negative_rows(strange)]
    thumbs: list[str] = []
    worth = _worth_seeing(rows)
    files = [Path(str(rows[i]["path"])) for i in worth]
    for number, (i, image) in enumerate(zip(worth, small_ones(files, THUMBNAIL_PX), strict=True)):
        if image is not None:
            rows[i]["thumb"] = len(thumbs)
            thumbs.append(base64.b64encode(jpeg(image)).decode())
        yield Progress(number + 1, len(worth), "thumbnails")
    for row in rows:
        del row["path"]
    wrong = int((~shown.evaluation.right).sum())
    data = {
        "classes": shown.evaluation.classes,
        "rows": rows,
        "thumbs": thumbs,
        "first": "right=0" if wrong else "sort=unsure",
    }
    charts = []
    for number, name in enumerate(CHARTS):
        charts.append(_chart(material, name))
        yield Progress(number + 1, len(CHARTS), "charts of the report")
    yield Result(_text(shown, charts, data))


def _text(shown: Page, charts: Sequence[str], data: Mapping[str, object]) -> str:
    evaluation = shown.evaluation
    template = bundled("resources", "report", "evaluation.html").read_text("utf-8")
    body = (
        _seen_before(shown),
        _cards(shown),
        _advice(shown),
        f'<h2>Charts</h2><div class="charts">{"".join(charts)}</div>',
        _mistakes(shown),
        _classes(shown),
        _bins(shown),
        _unknown(shown),
        _unread(evaluation),
    )
    facts = f"{evaluation.data} · {evaluation.engine} · sha256 {evaluation.model.sha256[:16]}…"
    return Template(template).substitute(
        title=escape(f"Evaluation of {evaluation.model.name}"),
        subtitle=escape(facts),
        body="\n".join(body),
        data=json.dumps(data).replace("<", "\\u003c"),
    )


# The photos


def _rows(evaluation: Evaluation) -> list[dict[str, object]]:
    scores, answers = evaluation.scores, evaluation.answers
    odds = log_odds(evaluation.logits, evaluation.temperature)[:, min(1, scores.shape[1] - 1)]
    before = _places(softmax(evaluation.logits))
    after = _places(scores)
    files = evaluation.files or tuple(Path(p) for p in evaluation.paths)
    rows: list[dict[str, object]] = []
    for i, file in enumerate(files):
        chance = max(float(scores[i, evaluation.labels[i]]), 1e-300)
        rows.append(
            _row(file, int(answers[i]), float(scores[i].max()), bool(evaluation.refused[i]))
            | {
                "truth": int(evaluation.labels[i]),
                "learned": bool(evaluation.learned[i]) if len(evaluation.learned) else False,
                "loss": round(-math.log(chance), 6),
                "odds": round(float(odds[i]), 4),
                "strange": _finite(evaluation.unknown_scores[i]),
                "before": before[i],
                "after": after[i],
            }
        )
    return rows


def _negative_rows(strange: Mapping[str, Strange]) -> list[dict[str, object]]:
    rows = []
    for name, found in strange.items():
        photos = found.negatives
        for i, file in enumerate(photos.files):
            score = photos.unknown_scores[i]
            if math.isnan(score):
                score = photos.others[found.score][i]
            answer, sure = int(photos.answers[i]), float(photos.confidences[i])
            row = _row(file, answer, sure, bool(found.refused[i]))
            rows.append(row | {"source": name, "strange": _finite(score)})
    return rows


def _row(file: Path, answer: int, score: float, refused: bool) -> dict[str, object]:
    absolute = file.absolute()
    return {
        "path": str(absolute),
        "name": file.name.encode("utf-8", "replace").decode(),
        "file": absolute.as_uri(),
        "truth": -1,
        "learned": False,
        "answer": answer,
        "score": round(score, 6),
        "refused": refused,
        "source": "",
        "loss": 0.0,
        "odds": 0.0,
        "strange": 0.0,
        "before": -1,
        "after": -1,
        "thumb": -1,
    }


def _finite(value: float) -> float:
    return round(float(value), 6) if math.isfinite(value) else 0.0


def _places(scores: npt.NDArray[np.float64]) -> list[int]:
    """The reliability bin of each photo."""
    place = np.zeros(len(scores), int)
    for number, photos in enumerate(members(scores)):
        place[photos] = number
    return [int(number) for number in place]


def _worth_seeing(rows: Sequence[Mapping[str, object]]) -> list[int]:
    """Wrong, refused, of something else, the least sure, then a spread of the rest."""

    def rank(i: int) -> tuple[int, float]:
        row = rows[i]
        wrong = row["truth"] != row["answer"] and not row["source"]
        loss, score = float(str(row["loss"])), float(str(row["score"]))
        if wrong:
            return 0, -loss
        return (1 if row["refused"] or row["source"] else 2), score

    order = sorted(range(len(rows)), key=rank)
    if len(order) <= THUMBNAILS:
        return order
    first, rest = order[: THUMBNAILS * 3 // 4], order[THUMBNAILS * 3 // 4 :]
    step = len(rest) / (THUMBNAILS - len(first))
    return first + [rest[int(step * i)] for i in range(THUMBNAILS - len(first))]


# The words and tables


def _link(ask: str, words: str) -> str:
    return f'<a href="#{escape(ask)}">{words}</a>'


def _cards(shown: Page) -> str:
    figures = shown.material.figures
    wrong = int((~shown.evaluation.right).sum())
    refused = int(shown.evaluation.refused.sum())
    low, high = figures.accuracy_wilson
    cards = [
        ("right=1", f"{figures.accuracy:.2%}", f"right: 95 % interval {low:.2%} to {high:.2%}"),
        ("right=0", f"{wrong:,}", f"wrong of {figures.n:,} photos"),
        ("refused=1", f"{refused:,}", "refused as unknown (counted by their best class above)"),
        ("sort=odds", f"{figures.roc_auc:.5f}", "ROC-AUC: how well the scores rank"),
        ("sort=odds", f"{figures.average_precision:.5f}", "average precision"),
        ("sort=loss", f"{figures.log_loss:.4f}", f"log loss; {figures.loss:.4f} uncalibrated"),
        ("sort=loss", f"{figures.brier:.4f}", "Brier score, summed over classes"),
        ("sort=unsure", f"{figures.ece_after:.4f}", f"ECE; {figures.ece_before:.4f} uncalibrated"),
        ("sort=unsure", f"{figures.mce_after:.4f}", f"MCE; {figures.mce_before:.4f} uncalibrated"),
        ("sort=loss", f"{figures.f1_macro:.4f}", f"F1; {figures.f1_weighted:.4f} weighted"),
        ("certain=1", f"{figures.certain:.1%}", "of the answers score over 0.99"),
    ]  # fmt: skip
    if figures.accuracy_top5 is not None:
        words = "truth among the best five answers"
        cards.insert(1, ("sort=loss", f"{figures.accuracy_top5:.2%}", words))
    shapes = (
        f'<div class="card"><a href="#{ask}"><b>{number}</b><small>{words}</small></a></div>'
        for ask, number, words in cards
    )
    return f'<div class="cards">{"".join(shapes)}</div>'


def _seen_before(shown: Page) -> str:
    """That figures on photos it learned from flatter the model."""
    figures = shown.material.figures
    if not figures.learned:
        return ""
    count, rest = f"{figures.learned:,} of these {figures.n:,} photos", ""
    if figures.accuracy_others is not None:
        share = f"{figures.accuracy_others:.2%}"
        rest = f" On the others it is right for {_link('learned=0', share)}."
    return (
        f'<p class="note"><strong>{_link("learned=1", count)} are ones the model was trained or '
        f"chosen on</strong>: the figures flatter it.{rest}</p>"
    )


def _advice(shown: Page) -> str:
    if not near_certain(shown.material.figures):
        return ""
    share = f"{shown.material.figures.certain:.1%}"
    return (
        f'<p class="note"><strong>Nearly every answer is near-certain</strong> '
        f"({_link('certain=1', share)} score over 0.99). These photos are too much like those the "
        "model learned from to tell how it does elsewhere. Try photos from outside this data set: "
        "your own, other cameras, other places; and photos of none of the classes "
        "(<code>--unknown FOLDER</code>).</p>"
    )


def _chart(material: Material, name: str) -> str:
    """A chart in both themes, as a drawing unless the drawing would be large."""
    kind = "svg" if len(material.evaluation.classes) <= MATRIX_MOST else "png"
    mime = "image/svg+xml" if kind == "svg" else "image/png"
    sources = []
    for style in (LIGHT, DARK):
        content = file_of(CHARTS[name](material, style), kind, 110)  # type: ignore[arg-type]
        sources.append(f"data:{mime};base64,{base64.b64encode(content).decode()}")
    wide = " class=wide" if name == "confusion" and kind == "png" else ""
    alt = escape(name.replace("_", " "))
    return (
        f"<figure{wide}><picture>"
        f'<source media="(prefers-color-scheme: dark)" srcset="{sources[1]}">'
        f'<img src="{sources[0]}" alt="{alt}"></picture></figure>'
    )


def _named(name: str) -> str:
    return escape(name.replace("_", " "))


def _mistakes(shown: Page) -> str:
    table = shown.material.figures.confusion
    names = [_named(c.name) for c in shown.material.figures.classes]
    if len(names) > MATRIX_MOST:
        return _commonest(table, names)
    head = "".join(f"<th>{name}</th>" for name in names)
    lines = []
    for t, row in enumerate(table):
        cells = "".join(
            f'<td class="{"hit" if t == a else "miss" if count else ""}">'
            f"{_link(f'truth={t}&answer={a}', f'{count:,}')}</td>"
            for a, count in enumerate(row)
        )
        lines.append(f"<tr><th>{names[t]}</th>{cells}</tr>")
    return (
        "<h2>Confusion</h2><p class=quiet>Rows are the truth, columns the best known class.</p>"
        f'<div class="scroll"><table class="matrix"><tr><th></th>{head}</tr>'
        f"{''.join(lines)}</table></div>"
    )


def _commonest(table: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    cells = [
        (count, t, a)
        for t, row in enumerate(table)
        for a, count in enumerate(row)
        if t != a and count
    ]
    cells.sort(key=lambda cell: -cell[0])
    lines = (
        f"<tr><td>{names[t]}</td><td>{names[a]}</td>"
        f"<td>{_link(f'truth={t}&answer={a}', f'{count:,}')}</td></tr>"
        for count, t, a in cells[:MISTAKES]
    )
    return (
        "<h2>Commonest mistakes</h2><div class=scroll><table>"
        f"<tr><th>Truth</th><th>Answer</th><th>Photos</th></tr>{''.join(lines)}</table></div>"
    )


def _classes(shown: Page) -> str:
    lines = []
    for number, c in enumerate(shown.material.figures.classes):
        cells = (
            _link(f"answer={number}", f"{c.precision:.4f}"),
            _link(f"truth={number}", f"{c.recall:.4f}"),
            _link(f"either={number}", f"{c.f1:.4f}"),
            _link(f"truth={number}", f"{c.support:,}"),
        )
        inner = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f"<tr><td>{_named(c.name)}</td>{inner}</tr>")
    f = shown.material.figures
    for words, values in (
        ("mean", (f.precision_macro, f.recall_macro, f.f1_macro)),
        ("weighted mean", (f.precision_weighted, f.recall_weighted, f.f1_weighted)),
    ):
        inner = "".join(f"<td>{_link('sort=loss', f'{value:.4f}')}</td>" for value in values)
        lines.append(f"<tr><th>{words}</th>{inner}<td>{_link('sort=loss', f'{f.n:,}')}</td></tr>")
    head = "".join(f"<th>{w}</th>" for w in ("Class", "Precision", "Recall", "F1", "Photos"))
    return f"<h2>Classes</h2><div class=scroll><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def _bins(shown: Page) -> str:
    figures = shown.material.figures
    pairs = zip(figures.reliability_before, figures.reliability, strict=True)
    lines = (
        f"<tr><td>{number + 1}</td>{_bin(before, f'bin={number}&before=1')}"
        f"{_bin(after, f'bin={number}')}</tr>"
        for number, (before, after) in enumerate(pairs)
    )
    one = "<th>Photos</th><th>Confidence</th><th>Right</th>"
    temperature = f"{shown.evaluation.temperature:.4g}"
    return (
        "<h2>Reliability</h2><p class=quiet>Bins of equal mass over the best score, least sure "
        "first. A model is calibrated when confidence and share of right answers agree.</p>"
        "<div class=scroll><table><tr><th></th><th colspan=3>Before</th>"
        f"<th colspan=3>At temperature {temperature}</th></tr><tr><th>Bin</th>{one}{one}</tr>"
        f"{''.join(lines)}</table></div>"
    )


def _bin(found: Bin, ask: str) -> str:
    cells = (f"{found.count:,}", f"{found.confidence:.4f}", f"{found.accuracy:.4f}")
    return "".join(f"<td>{_link(ask, cell)}</td>" for cell in cells)


def _unknown(shown: Page) -> str:
    if not shown.strange:
        return ""
    lines = [line for name, found in shown.strange.items() for line in _strange_lines(name, found)]
    head = "".join(
        f"<th>{w}</th>" for w in ("Photos of", "Score of strangeness", "AUROC", "FPR95", "Refused")
    )
    known = _link("refused=1&sort=strange", f"{shown.material.figures.refused:.1%}")
    return (
        "<h2>Unknown</h2><p class=quiet>How photos of something else are told from the evaluated "
        f"ones, of which {known} are refused. FPR95: the share of the others that pass when 95 % "
        f"of these do.</p><div class=scroll><table><tr>{head}</tr>{''.join(lines)}</table></div>"
    )


def _strange_lines(name: str, found: Strange) -> Iterator[str]:
    """The score in use first, with what it refuses; then the others to compare."""
    ask = f"source={escape(name)}&sort=strange"
    verdict = found.verdict
    share = _link(f"{ask}&refused=1", f"{verdict.strange_refused:.1%}")
    scores = {found.score: (verdict.auroc, verdict.fpr95)}
    scores |= {n: (s.auroc, s.fpr95) for n, s in found.scores.items() if n != found.score}
    for score, (auroc, fpr95) in scores.items():
        chosen = score == found.score
        words = f"{score.replace('_', ' ')}{' (in use)' if chosen else ''}"
        yield (
            f"<tr><td>{_named(name) if chosen else ''}</td><td>{escape(words)}</td>"
            f"<td>{_link(ask, f'{auroc:.4f}')}</td><td>{_link(ask, f'{fpr95:.4f}')}</td>"
            f"<td>{share if chosen else ''}</td></tr>"
        )


def _unread(evaluation: Evaluation) -> str:
    if not evaluation.unread:
        return ""
    items = "".join(f"<li>{escape(why)}</li>" for _, why in evaluation.unread)
    return f"<h2>Not read</h2><ul>{items}</ul>"
