"""Colours, sizes and type of the window, light and dark, from one place.

Qt's Fusion style with one palette each; an 8-pixel grid; corners of 6; one accent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol
from weakref import ReferenceType, ref

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from petvision.app.icons import tinted
from petvision.figures.style import CORNER_PX, DARK, LIGHT, TEXT_PX, Style
from petvision.places import bundled

LEFT_WIDTH = 240
RIGHT_WIDTH = 300
SMALL_PX = 12
ICON_PX = 18

Choice = Literal["system", "light", "dark"]
CHOICES: tuple[Choice, ...] = ("system", "light", "dark")


class Tintable(Protocol):
    """Anything with an icon: an action, a button."""

    def setIcon(self, icon: QIcon, /) -> None:
        """Show the icon."""


class Theme(QObject):
    """The scheme in use: the system's, or the person's choice over it.

    ``changed`` comes after palette and style sheet are in place.
    """

    changed = Signal()

    def __init__(self, application: QApplication, choice: Choice = "system") -> None:
        super().__init__(application)
        self._application = application
        self._icons: list[tuple[ReferenceType[Tintable], str]] = []
        self.choice: Choice = choice
        self.style = LIGHT
        application.setStyle("Fusion")
        application.setFont(base_font(application.font()))
        self._hints = application.styleHints()
        self._hints.colorSchemeChanged.connect(self._apply)
        self.choose(choice)

    def choose(self, choice: Choice) -> None:
        """Follow the system, or be light or dark whatever it says."""
        self.choice = choice
        scheme = {
            "system": Qt.ColorScheme.Unknown,
            "light": Qt.ColorScheme.Light,
            "dark": Qt.ColorScheme.Dark,
        }[choice]
        self._hints.setColorScheme(scheme)
        self._apply()

    def set_icon(self, target: Tintable, name: str) -> None:
        """Give ``target`` the named icon in the scheme's colours, now and after each change."""
        self._icons = [(one, its) for one, its in self._icons if one() not in (None, target)]
        self._icons.append((ref(target), name))
        target.setIcon(tinted(name, self.style.text, self.style.muted))

    def _apply(self) -> None:
        dark = self._hints.colorScheme() == Qt.ColorScheme.Dark
        if self.choice != "system":  # a platform without schemes (offscreen) ignores the hint
            dark = self.choice == "dark"
        self.style = DARK if dark else LIGHT
        self._application.setPalette(palette(self.style))
        self._application.setStyleSheet(style_sheet(self.style))
        self._icons = [(target, name) for target, name in self._icons if target() is not None]
        for target, name in self._icons:
            if (alive := target()) is not None:
                alive.setIcon(tinted(name, self.style.text, self.style.muted))
        self.changed.emit()

    def follow(self, repaint: Callable[[], None]) -> None:
        """Call ``repaint`` now and after each change (a bound method of a QObject)."""
        self.changed.connect(repaint)
        repaint()


def base_font(system: QFont) -> QFont:
    """13 px text, or the system's where the person has chosen larger; tabular figures."""
    font = QFont(system)
    font.setPixelSize(max(TEXT_PX, QFontInfo(system).pixelSize()))
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def scaled_font(font: QFont, pixels: int, *, bold: bool = False) -> QFont:
    """The font at ``pixels`` relative to the 13 px base, so that enlarged text stays enlarged."""
    larger = QFont(font)
    larger.setPixelSize(round(font.pixelSize() * pixels / TEXT_PX))
    if bold:
        larger.setWeight(QFont.Weight.DemiBold)
    return larger


def palette(style: Style) -> QPalette:
    """Fusion's palette of a scheme."""
    role = QPalette.ColorRole
    made = QPalette()
    for one, colour in {
        role.Window: style.background,
        role.WindowText: style.text,
        role.Base: style.surface,
        role.AlternateBase: style.background,
        role.Text: style.text,
        role.Button: style.surface,
        role.ButtonText: style.text,
        role.ToolTipBase: style.raised,
        role.ToolTipText: style.text,
        role.PlaceholderText: style.muted,
        role.Highlight: style.accent,
        role.HighlightedText: style.on_accent,
        role.Link: style.accent,
        role.LinkVisited: style.accent,
        role.Accent: style.accent,
        role.BrightText: style.bad,
        role.Light: style.raised,
        role.Midlight: style.raised,
        role.Mid: style.line,
        role.Dark: style.line,
        role.Shadow: style.line,
    }.items():
        made.setColor(one, QColor(colour))
    for one in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, one, QColor(style.muted))
    return made


def style_sheet(style: Style) -> str:
    """What the palette cannot say: cards, quiet text, flat buttons and fields."""
    arrows = bundled("resources", "icons", "arrows")
    down, up, check = (
        (arrows / f"{name}-{style.name}.svg").as_posix() for name in ("down", "up", "check")
    )
    return f"""
QFrame[card="true"] {{
    background: {style.surface}; border: 1px solid {style.line}; border-radius: {CORNER_PX}px;
}}
QFrame[card="true"][chosen="true"] {{ border-color: {style.accent}; }}
QFrame[column="true"] {{ background: {style.surface}; border: none; }}
QLabel[quiet="true"] {{ color: {style.muted}; }}
QLabel[error="true"] {{ color: {style.bad}; }}
QScrollArea, QListView {{ background: transparent; border: none; }}
QToolButton[link="true"] {{ color: {style.accent}; }}
QComboBox, QSpinBox, QDoubleSpinBox, QLineEdit {{
    background: {style.surface}; border: 1px solid {style.line}; border-radius: {CORNER_PX}px;
    padding: 4px 8px; min-height: 18px; selection-background-color: {style.accent};
    selection-color: {style.on_accent};
}}
QComboBox:hover, QSpinBox:hover, QDoubleSpinBox:hover, QLineEdit:hover {{
    border-color: {style.muted};
}}
QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QLineEdit:focus {{
    border-color: {style.accent};
}}
QComboBox::drop-down, QSpinBox::up-button, QSpinBox::down-button,
QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{
    subcontrol-origin: border; border: none; width: 24px; background: transparent;
}}
QComboBox::down-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{
    image: url("{down}"); width: 14px; height: 14px;
}}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{
    image: url("{up}"); width: 14px; height: 14px;
}}
QSpinBox, QDoubleSpinBox {{ max-height: 18px; }}
QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{
    background: transparent; border: none; padding: 0 6px; min-height: 0;
}}
QCheckBox {{ spacing: 8px; }}
QCheckBox::indicator {{
    width: 14px; height: 14px; background: {style.surface}; border: 1px solid {style.muted};
    border-radius: 4px;
}}
QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {style.accent}; }}
QCheckBox::indicator:checked {{
    background: {style.accent}; border-color: {style.accent}; image: url("{check}");
}}
QCheckBox::indicator:disabled {{ background: {style.raised}; border-color: {style.line}; }}
QTextBrowser, QPlainTextEdit {{
    background: {style.surface}; border: 1px solid {style.line}; border-radius: {CORNER_PX}px;
    padding: 4px;
}}
QListWidget[contents="true"] {{ outline: none; }}
QListWidget[contents="true"]::item {{ padding: 6px 8px; border-radius: 4px; }}
QListWidget[contents="true"]::item:hover {{ background: {style.raised}; }}
QListWidget[contents="true"]::item:selected {{
    background: {style.accent}; color: {style.on_accent};
}}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QComboBox QAbstractItemView {{
    background: {style.surface}; border: 1px solid {style.line}; outline: none; padding: 4px;
    selection-background-color: {style.raised}; selection-color: {style.text};
}}
QMenu {{
    background: {style.surface}; border: 1px solid {style.line}; padding: 4px;
}}
QMenu::item {{ padding: 6px 24px 6px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {style.raised}; color: {style.text}; }}
QMenu::item:disabled {{ color: {style.muted}; }}
QMenu::separator {{ height: 1px; background: {style.line}; margin: 4px 8px; }}
QMenu::indicator {{ width: 14px; height: 14px; left: 8px; }}
QTableView {{
    background: {style.surface}; alternate-background-color: {style.surface}; border: none;
    selection-background-color: {style.raised}; selection-color: {style.text};
}}
QHeaderView {{ background: {style.surface}; }}
QHeaderView::section {{
    background: {style.surface}; color: {style.muted}; border: none;
    border-bottom: 1px solid {style.line}; padding: 6px 4px;
}}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar::handle:vertical {{
    background: {style.line}; border-radius: 4px; min-height: 32px; margin: 2px;
}}
QScrollBar::handle:vertical:hover {{ background: {style.muted}; }}
QScrollBar::add-line:vertical, QScrollBar::sub-line:vertical {{ height: 0; }}
QScrollBar::add-page:vertical, QScrollBar::sub-page:vertical {{ background: transparent; }}
QToolButton {{ background: transparent; border: none; border-radius: 4px; padding: 4px; }}
QToolButton:hover, QToolButton:open {{ background: {style.raised}; }}
QToolButton[choice="true"] {{ border: 1px solid {style.line}; padding: 4px 8px; }}
QToolButton[choice="true"]:checked {{
    border-color: {style.accent}; background: {style.raised}; color: {style.text};
}}
QToolButton:focus {{ border: 1px solid {style.accent}; padding: 3px; }}
QToolButton::menu-indicator {{ image: none; }}
QTreeView {{
    background: {style.surface}; border: 1px solid {style.line}; border-radius: {CORNER_PX}px;
}}
QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {style.line}; }}
QSlider::sub-page:horizontal {{ border-radius: 2px; background: {style.accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {style.muted}; }}
QSlider::handle:horizontal {{
    width: 12px; height: 12px; margin: -5px 0; border-radius: 7px;
    background: {style.surface}; border: 1px solid {style.muted};
}}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{
    border-color: {style.accent};
}}
QTabBar {{ qproperty-drawBase: 0; background: transparent; }}
QTabBar::tab {{
    background: transparent; color: {style.muted}; border: none;
    border-bottom: 2px solid transparent; padding: 6px 14px;
}}
QTabBar::tab:hover {{ color: {style.text}; }}
QTabBar::tab:selected {{ color: {style.text}; border-bottom-color: {style.accent}; }}
QTabBar::tab:selected:focus {{ color: {style.accent}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {style.line}; }}
QPushButton {{
    background: {style.surface}; border: 1px solid {style.line};
    border-radius: {CORNER_PX}px; padding: 7px 15px;
}}
QPushButton:hover {{ background: {style.raised}; }}
QPushButton:focus {{ border-color: {style.accent}; }}
QPushButton:disabled {{ color: {style.muted}; }}
QPushButton[primary="true"] {{
    background: {style.accent}; color: {style.on_accent}; border-color: {style.accent};
}}
QPushButton[primary="true"]:disabled {{
    background: {style.raised}; color: {style.muted}; border-color: {style.line};
}}
QMenuBar {{ background: {style.background}; border: none; padding: 2px 4px; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected {{ background: {style.raised}; }}
QStatusBar {{ background: {style.background}; }}
QStatusBar::item {{ border: none; }}
QSplitter::handle {{ background: {style.line}; }}
QToolTip {{
    color: {style.text}; background: {style.raised}; border: 1px solid {style.line};
    padding: 4px;
}}
"""
