"""Help: a guide that needs no network, and everybody's licence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QKeySequence, QTextTable
from PySide6.QtWidgets import QPushButton

from petvision.app import help as helping
from petvision.app.dialogs import model_card
from petvision.app.help import METHODS, Guide, Licences, about, chapters
from petvision.app.widgets.prose import Prose
from petvision.app.window import Window
from petvision.explain import registry
from petvision.places import bundled

GUIDE = bundled("resources", "guide.md").read_text("utf-8")


@pytest.fixture
def window(make_window: Callable[[], Window]) -> Window:
    return make_window()


def test_the_guide_shows_every_chapter_and_every_method(qtbot: Any, window: Window) -> None:
    guide = Guide(window.session, window)
    guide.show()
    titles = [guide.contents.item(row).text() for row in range(guide.contents.count())]
    assert titles == [chapter.title for chapter in chapters(GUIDE)]
    qtbot.waitUntil(lambda: not window.session.opening, timeout=60_000)
    guide.contents.setCurrentRow(titles.index(METHODS))
    shown = guide.text.toPlainText()
    for method in registry.METHODS.values():
        assert method.card.title in shown
        assert method.card.cannot in shown
    guide.close()


def test_words_looked_for_narrow_the_contents_and_are_found(window: Window) -> None:
    guide = Guide(window.session, window)
    guide.search.setText("stride")
    left = [
        guide.contents.item(row).text()
        for row in range(guide.contents.count())
        if not guide.contents.item(row).isHidden()
    ]
    assert left == ["Words"]
    assert guide.contents.currentItem().text() == "Words"
    assert guide.text.textCursor().selectedText() == "stride"
    guide.search.setText("no such word")
    assert all(guide.contents.item(row).isHidden() for row in range(guide.contents.count()))
    guide.search.clear()
    assert not any(guide.contents.item(row).isHidden() for row in range(guide.contents.count()))
    guide.close()


def test_the_menu_entries_and_keys_that_the_guide_names_exist(window: Window) -> None:
    actions = window.menus.actions
    keys = {action.shortcut().toString() for action in actions}
    for named in re.findall(r"\b(?:Ctrl|Shift|Alt)\+[\w.+]+[\w+]|Ctrl\+\.", GUIDE):
        assert QKeySequence(named).toString() in keys, named
    words = {action.text().replace("&", "") for action in actions}
    menus = {action.text().replace("&", "") for action in window.menuBar().actions()}
    for menu, entry in re.findall(r"\*(\w+) → ([^*]+)\*", GUIDE):
        assert menu in menus
        assert any(text.rstrip("…").startswith(entry.rstrip("…")) for text in words), entry


def test_the_licences_are_the_programs_the_models_and_the_pictures(window: Window) -> None:
    book = Licences(window)
    told = {chapter.title: chapter.text for chapter in book.chapters}
    assert told["PetVision"].startswith("MIT License")
    assert "CC BY-NC 4.0" in told["The model files"]
    assert "public domain" in told["The sample photos"].lower()
    assert "ISC License" in told["The icons (Lucide)"]
    assert "MIT License" in book.text.toPlainText()
    book.close()


def test_the_packaged_program_shows_the_notices_that_lie_beside_it(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "petvision").mkdir()
    (tmp_path / "LICENSE").write_text("MIT License")
    (tmp_path / "THIRD-PARTY-NOTICES.txt").write_text("Qt, LGPL 3")
    place = tmp_path / "petvision" / "__init__.py"
    monkeypatch.setattr(helping.petvision, "__file__", str(place))
    told = {chapter.title: chapter.text for chapter in helping.licences()}
    assert told["The works of others"] == "Qt, LGPL 3"


def test_about_leads_to_the_licences(window: Window) -> None:
    page = about(window)
    page.open()
    (button,) = (one for one in page.findChildren(QPushButton) if one.text() == "Licences…")
    button.click()
    (book,) = page.findChildren(Licences)
    assert book.isVisible()
    page.close()


def test_a_card_is_told_in_the_windows_type(window: Window) -> None:
    page = model_card("# A model\n\nIt tells cats.", "tiny", window)
    text = page.findChildren(helping.Prose)[0]
    assert text.toPlainText() == "A model\nIt tells cats."
    page.close()


def test_a_table_whose_head_says_nothing_shows_none(qtbot: Any) -> None:
    prose = Prose()
    qtbot.addWidget(prose)
    prose.tell(
        "|  |  |\n| --- | --- |\n| made | today |\n\nNext\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )
    tables = [t for t in prose.document().rootFrame().childFrames() if isinstance(t, QTextTable)]
    assert [table.rows() for table in tables] == [1, 2]
    assert prose.toPlainText().split() == ["made", "today", "Next", "a", "b", "1", "2"]
