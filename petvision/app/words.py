"""Figures and errors in words a person reads."""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication

from petvision.errors import PetVisionError
from petvision.images.types import Source


def tr(text: str) -> str:
    """Translate a word of this module."""
    return QCoreApplication.translate("words", text)


def percent(share: float) -> str:
    """A share of 1 as a percentage that never claims certainty: at most "over 99.9 %"."""
    if share > 0.999:
        return tr("over 99.9 %")
    if share < 0.001:
        return tr("under 0.1 %")
    return tr("{number} %").format(number=f"{100 * share:.1f}")


def short_percent(share: float) -> str:
    """The same for a narrow place: "> 99.9 %"."""
    if share > 0.999:
        return tr("> 99.9 %")
    if share < 0.001:
        return tr("< 0.1 %")
    return percent(share)


def figure(value: float, *, signed: bool = False) -> str:
    """A map's value with two or three digits: "0.43", "+1.20", "−0.004", "+2.1 × 10⁻⁵"."""
    sign = ("−" if value < 0 else "+" if signed and value > 0 else "") if value else ""
    size = abs(value)
    if size >= 0.0005 or size == 0:
        decimals = 1 if size >= 10 else 2 if size >= 0.1 or size == 0 else 3
        return f"{sign}{size:,.{decimals}f}"
    power = math.floor(math.log10(size))
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{sign}{size / 10**power:.1f} × 10{raised}"


def duration(seconds: float) -> str:
    """A rough time to go: "about 4 s", "about 3 min"."""
    if seconds < 90:
        return tr("about {number} s").format(number=max(1, round(seconds)))
    return tr("about {number} min").format(number=round(seconds / 60))


def milliseconds(ms: float) -> str:
    """A measured time: "62 ms", "1.4 s"."""
    if ms < 1000:
        return tr("{number} ms").format(number=max(1, round(ms)))
    return tr("{number} s").format(number=f"{ms / 1000:.1f}")


def named(label: str) -> str:
    """A class or file-format name at the head of a line: "cat" becomes "Cat"."""
    return label[:1].upper() + label[1:].replace("_", " ")


def error_sentence(error: PetVisionError) -> str:
    """The error's sentence in the window's language."""
    template = QCoreApplication.translate("errors", error.template)
    return template.format(source=error.source, **error.parameters)


def remedy(error: PetVisionError) -> str:
    """What to do about an error whose own sentence does not say it."""
    return {
        "unreadable": tr("Copy or download it again, or open it in another program and save it."),
        "too_large": tr("Make a smaller copy of it and open that one."),
    }.get(error.code, "")


def sample_name(sample: Source) -> str:
    """What a sample photo is called."""
    names = {
        "cat.jpg": tr("A cat"),
        "dog.jpg": tr("A dog"),
        "neither.jpg": tr("Neither"),
    }
    return names.get(sample.label, sample.label)


def photos(count: int) -> str:
    """A count of photos: "1 photo", "12 photos"."""
    return tr("1 photo") if count == 1 else tr("{count:,} photos").format(count=count)
