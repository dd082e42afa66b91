"""The first view of the tab: which photos, which recipe, what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import words
from petvision.app.session import Session
from petvision.app.theme import Theme
from petvision.app.train import plan
from petvision.app.train.check import CheckView
from petvision.app.train.form import SettingsForm
from petvision.app.train.gallery import Gallery
from petvision.app.train.plan import Photos, Plan, Recipe
from petvision.app.widgets.areas import see_through
from petvision.app.widgets.labels import heading, quiet
from petvision.errors import PetVisionError
from petvision.figures.style import GRID_PX, HEADING_PX, TEXT_PX

LEFT_PX = 380


class SetupView(QWidget):
    """``ask_photos`` wants a folder dialog; ``check`` and ``start`` ask for what they say."""

    ask_photos = Signal()
    ask_file = Signal()
    ask_evaluation = Signal()
    ask_runs = Signal()
    check = Signal()
    start = Signal()

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._schema: Mapping[str, Any] = {}
        self._photos: Photos | None = None
        self._recipes = plan.recipes()
        self._form: SettingsForm | None = None
        self._passed = False
        self._looked: tuple[str, ...] = ()  # the settings that the last check was of
        self.found = CheckView(theme, Gallery(session, theme))
        self.choose = QPushButton(self.tr("Choose a folder…"))
        self.choose.setProperty("primary", True)
        self.choose.clicked.connect(self.ask_photos)
        self._file = QPushButton(self.tr("A CSV file…"))
        self._file.clicked.connect(self.ask_file)
        self._chosen = quiet()
        self.recipe = QComboBox()
        self.recipe.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.recipe.currentIndexChanged.connect(self._recipe_chosen)
        self._about = quiet()
        self.name = QLineEdit()
        self.name.setAcceptDrops(False)
        self.name.editingFinished.connect(self._name_typed)
        self.more = QToolButton()
        self.more.setText(self.tr("More settings"))
        self.more.setProperty("link", True)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_form)
        self._form_place = QVBoxLayout()
        self.go = QPushButton(self.tr("Start training"))
        self.go.setProperty("primary", True)
        self.go.setEnabled(False)
        self.go.clicked.connect(self.start)
        self.runs = QToolButton()
        self.runs.setText(self.tr("Earlier runs…"))
        self.runs.setProperty("link", True)
        self.runs.clicked.connect(self.ask_runs)
        self._evaluate = QToolButton()
        self._evaluate.setText(self.tr("Measure the open model on labelled photos…"))
        self._evaluate.setProperty("link", True)
        self._evaluate.clicked.connect(self.ask_evaluation)
        self._lay_out()
        self._offer_recipes()

    def _lay_out(self) -> None:
        column = QWidget()
        layout = QVBoxLayout(column)
        margin = 3 * GRID_PX
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(GRID_PX)
        title = heading(None, HEADING_PX)
        title.setText(self.tr("Train a model on your photos"))
        sentence = quiet()
        sentence.setText(
            self.tr("It learns on this computer, in the background; the window stays usable.")
        )
        row = QHBoxLayout()
        row.addWidget(self.choose)
        row.addWidget(self._file)
        row.addStretch(1)
        layout.addWidget(title)
        layout.addWidget(sentence)
        for number, (text, widgets) in enumerate(
            (
                (self.tr("Photos"), (row, self._chosen)),
                (self.tr("Recipe"), (self.recipe, self._about)),
                (self.tr("Name of the model"), (self.name, self.more, self._form_place)),
            ),
            1,
        ):
            layout.addSpacing(GRID_PX)
            label = heading(None, TEXT_PX)
            label.setText(f"{number}  {text}")
            layout.addWidget(label)
            for widget in widgets:
                if isinstance(widget, QWidget):
                    layout.addWidget(widget)
                elif isinstance(widget, QBoxLayout):
                    layout.addLayout(widget)
        self.recipe.setAccessibleName(self.tr("Recipe"))
        self.name.setAccessibleName(self.tr("Name of the model"))
        layout.addSpacing(2 * GRID_PX)
        layout.addWidget(self.go)
        layout.addStretch(1)
        for link in (self.runs, self._evaluate):
            layout.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        scroll = QScrollArea()
        scroll.setWidget(column)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        see_through(scroll)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFixedWidth(LEFT_PX)
        around = QHBoxLayout(self)
        around.setContentsMargins(0, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        around.setSpacing(0)
        around.addWidget(scroll)
        around.addWidget(self.found, 1)

    # What is chosen

    @property
    def photos(self) -> Photos | None:
        """The chosen photos."""
        return self._photos

    @property
    def plan(self) -> Plan | None:
        """The run as it is chosen now; None while something is missing."""
        recipe = self.recipe.currentData()
        name = plan.fit_name(self.name.text())
        if self._photos is None or not isinstance(recipe, Recipe) or not name:
            return None
        settings = self._form.settings if self._form is not None else ()
        return Plan(self._photos, recipe, name, plan.out_for(name), settings)

    def take(self, place: Path) -> bool:
        """Take a folder or CSV file as the photos to learn from; says what is wrong with it."""
        try:
            photos = plan.recognise(place)
        except PetVisionError as error:
            self._photos = None
            self._passed = False
            self._chosen.setText(place.name)
            self.found.failed(words.error_sentence(error))
            self._refresh()
            return False
        self._photos = photos
        shown = ", ".join(name.replace("_", " ") for name in photos.classes[:8])
        more = " …" if len(photos.classes) > 8 else ""
        self._chosen.setText(f"{place.name}: {shown}{more}" if shown else place.name)
        self._chosen.setToolTip(str(place).encode(errors="replace").decode())
        self.name.setText(plan.name_for(photos))
        self._offer_recipes()
        self.ask_again()
        return True

    def ask_again(self) -> None:
        """The photos or their treatment changed: what was checked no longer counts."""
        self._passed = False
        self._refresh()
        if (chosen := self.plan) is not None:
            self._looked = chosen.split
            self.check.emit()

    def passed(self, found: Mapping[str, Any]) -> None:
        """The check came back."""
        assert self._photos is not None  # a check was of photos
        root = self._photos.root
        self.found.show_found(found, root.parent if self._photos.kind == "csv" else root)
        self._passed = True
        self._refresh()

    def refused(self, sentence: str) -> None:
        """The check found that it cannot be done."""
        self._passed = False
        self.found.failed(sentence)
        self._refresh()

    def know(self, schema: Mapping[str, Any]) -> None:
        """Take the keys of ``petvision train --schema``."""
        self._schema = schema
        self._make_form()

    # Recipes and settings

    def offer(self, recipe: Recipe) -> None:
        """Offer one more recipe, as the first."""
        self._recipes.insert(0, recipe)
        self._offer_recipes()

    def _offer_recipes(self) -> None:
        photos = self._photos
        ordered = plan.suited(self._recipes, photos) if photos else self._recipes
        self.recipe.blockSignals(True)
        self.recipe.clear()
        for recipe in ordered:
            self.recipe.addItem(recipe.name.replace("_", " "), recipe)
        self.recipe.blockSignals(False)
        self._describe()
        self._make_form()

    def _recipe_chosen(self, _: int) -> None:
        self._describe()
        self._make_form()
        self.ask_again()

    def _describe(self) -> None:
        recipe = self.recipe.currentData()
        self._about.setText(recipe.words if isinstance(recipe, Recipe) else "")

    def _make_form(self) -> None:
        if self._form is not None:
            self._form.deleteLater()
            self._form = None
        recipe = self.recipe.currentData()
        if not self.more.isChecked() or not self._schema or not isinstance(recipe, Recipe):
            return
        self._form = SettingsForm(self._schema, recipe.values)
        self._form.changed.connect(self._settings_changed)
        self._form_place.addWidget(self._form)

    def _show_form(self, shown: bool) -> None:
        if self._form is None:
            self._make_form()
        else:  # what was changed in it goes on to count
            self._form.setVisible(shown)

    def _settings_changed(self) -> None:
        chosen = self.plan
        if chosen is not None and chosen.split != self._looked:
            self.ask_again()

    def _name_typed(self) -> None:
        name = plan.fit_name(self.name.text())
        self.name.setText(plan.unused(name) if name else "")
        self._refresh()

    def _refresh(self) -> None:
        self.go.setEnabled(self._passed and self.plan is not None)
