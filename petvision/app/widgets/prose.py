"""Text to be read: Markdown in the window's type."""

from __future__ import annotations

from PySide6.QtGui import QTextBlockFormat, QTextCharFormat, QTextCursor, QTextTable
from PySide6.QtWidgets import QTextBrowser, QWidget

from petvision.app.theme import scaled_font
from petvision.figures.style import GRID_PX, HEADING_PX, TEXT_PX

LINE_PERCENT = 135
HEADINGS_PX = {1: HEADING_PX, 2: TEXT_PX + 2}


class Prose(QTextBrowser):
    """Lines with air between them, headings that do not shout; links open outside."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenExternalLinks(True)

    def tell(self, markdown: str) -> None:
        """Show a text."""
        self.setMarkdown(markdown)
        self._drop_empty_heads()
        self.document().setDocumentMargin(2 * GRID_PX)
        spaced = QTextBlockFormat()
        spaced.setLineHeight(
            LINE_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
        )
        spaced.setBottomMargin(GRID_PX)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spaced)
        block = self.document().begin()
        while block.isValid():
            if level := block.blockFormat().headingLevel():
                self._head(QTextCursor(block), level)
            block = block.next()

    def _drop_empty_heads(self) -> None:
        """Markdown has no table without a head; one with nothing in it is not shown."""
        for frame in self.document().rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                cells = (frame.cellAt(0, column) for column in range(frame.columns()))
                if all(cell.firstPosition() == cell.lastPosition() for cell in cells):
                    frame.removeRows(0, 1)

    def _head(self, cursor: QTextCursor, level: int) -> None:
        above = QTextBlockFormat()
        above.setTopMargin(0 if cursor.atStart() else 2 * GRID_PX)
        look = QTextCharFormat()
        look.setFont(scaled_font(self.font(), HEADINGS_PX.get(level, TEXT_PX), bold=True))
        cursor.mergeBlockFormat(above)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(look)
