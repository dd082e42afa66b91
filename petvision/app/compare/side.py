"""One side of the Compare tab: which photo, class, method, parameters and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from petvision.app import tasks, words
from petvision.app.explain.form import ParameterForm
from petvision.app.lane import Crashed, Failed, Job
from petvision.app.session import Session
from petvision.app.theme import Theme
from petvision.app.widgets.labels import Elided
from petvision.app.widgets.progress import ThinBar
from petvision.errors import InputError, PetVisionError
from petvision.events import Partial, Progress, Result
from petvision.explain.results import Attribution
from petvision.figures.style import GRID_PX
from petvision.images.types import Source

if TYPE_CHECKING:
    from petvision.explain.base import Method
    from petvision.models.handle import ModelHandle

COMPARE = 18
OPEN = 0

_Chosen = tuple[Source | None, str, tuple[str, ...]]
"""A photo and a model: its weights and what it calls its classes."""


class Side(QFrame):
    """Runs one explanation; ``changed`` when there is another map (or none)."""

    changed = Signal()

    def __init__(
        self, name: str, session: Session, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.name = name
        self._session = session
        self.attribution: Attribution | None = None
        self.image: QImage | None = None
        self._handle: ModelHandle | None = None
        self._layers: tuple[str, ...] = ()
        self._methods: Mapping[str, Method[Any]] = {}
        self._canvas: tasks.Canvas | None = None
        self._read_for: _Chosen | None = None
        self._form: ParameterForm | None = None
        self._values: dict[str, Any] = {}
        self._ticket = self._reading = self._opening = 0
        self.photo, self.target = QComboBox(), QComboBox()
        self.method, self.model = QComboBox(), QComboBox()
        self._more = QToolButton()
        self._progress = ThinBar(theme)
        self._told = Elided(2)
        self._lay_out()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(2 * GRID_PX)
        form.setVerticalSpacing(GRID_PX // 2)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, box, chosen in (
            (self.tr("Photo"), self.photo, self._photo_chosen),
            (self.tr("Method"), self.method, self._method_chosen),
            (self.tr("Class"), self.target, self.run),
            (self.tr("Model"), self.model, self._model_chosen),
        ):
            box.setAccessibleName(f"{self.name}: {title}")
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(10)
            box.activated.connect(chosen)
            form.addRow(title, box)
        self._more.setText(self.tr("Parameters"))
        self._more.setProperty("link", True)
        self._more.setCheckable(True)
        self._more.toggled.connect(self._show_form)
        self._place = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID_PX, GRID_PX, 2 * GRID_PX, GRID_PX)
        layout.setSpacing(GRID_PX // 2)
        layout.addLayout(form)
        layout.addWidget(self._more)
        layout.addLayout(self._place)
        layout.addStretch(1)
        layout.addWidget(self._progress)
        layout.addWidget(self._told)

    # What can be chosen

    def offer(self, methods: Sequence[Method[Any]]) -> None:
        """Take the open model, the open photos and the methods; the choice stays where it can.

        Where another photo or model has come into its place, that is explained.
        """
        if not self.model.count():
            self.model.addItem(self.tr("The open model"), None)
            self.model.addItem(self.tr("Another…"), "")
        maps = [method for method in methods if method.kind is Attribution]
        if [method.id for method in maps] != list(self._methods):
            self._methods = {method.id: method for method in maps}
            self.method.clear()
            for method in maps:
                self.method.addItem(words.tr(method.card.title), method.id)
        self._offer_photos()
        if self.model.currentIndex() <= 0:
            self._take_open_model()
        if self._read_for not in (None, self._chosen()):
            self.run()

    def _offer_photos(self) -> None:
        chosen = self.photo.currentData()
        self.photo.clear()
        model = self._session.photos
        for row in range(min(model.rowCount(), 500)):
            photo = model.photo(row)
            if photo is not None:
                self.photo.addItem(photo.source.label, photo.source)
        current = self._session.current
        wanted = chosen or (current.source if current is not None else None)
        places = [self.photo.itemData(row) for row in range(self.photo.count())]
        self.photo.setCurrentIndex(places.index(wanted) if wanted in places else 0)

    def _offer_classes(self) -> None:
        if self._handle is None:
            return
        classes = list(self._handle.card.classes)
        if [self.target.itemData(row) for row in range(self.target.count())] != classes:
            chosen = self.target.currentData()
            self.target.clear()
            for name in classes:
                self.target.addItem(words.named(name), name)
            self.target.setCurrentIndex(max(0, self.target.findData(chosen)))

    def choose(self, *, method: str = "", target: str = "") -> None:
        """Choose a method or a class."""
        if method:
            self.method.setCurrentIndex(max(0, self.method.findData(method)))
        if target:
            self.target.setCurrentIndex(max(0, self.target.findData(target)))

    def _photo_chosen(self) -> None:
        self.run()

    def _method_chosen(self) -> None:
        self._values = {}
        self._show_form(self._more.isChecked())
        self.run()

    def _show_form(self, shown: bool) -> None:
        if self._form is not None:
            self._form.deleteLater()
            self._form = None
        method = self._methods.get(str(self.method.currentData()))
        if shown and method is not None:
            schema = method.Parameters.model_json_schema()
            self._form = ParameterForm(schema, self._values, {"layer": self._layers})
            self._form.changed.connect(self._values_chosen)
            self._place.addWidget(self._form)

    def _values_chosen(self, values: dict[str, Any]) -> None:
        self._values = dict(values)
        self.run()

    def _model_chosen(self) -> None:
        data = self.model.currentData()
        if data is None:
            self._take_open_model()
            self.run()
            return
        path = str(data)
        if not path:
            kinds = self.tr("Model files ({suffixes})").format(suffixes="*.safetensors *.pth *.pt")
            path, _ = QFileDialog.getOpenFileName(self, self.tr("Open model"), "", kinds)
            if not path:
                self.model.setCurrentIndex(0)
                self._take_open_model()
                self.run()
                return
        self.open_model(path)

    def open_model(self, path: str) -> None:
        """Compare with another model's map."""
        self._told.say(self.tr("Opening the model…"))
        job = Job(f"compare model {self.name}", OPEN, partial(tasks.open_model, path))
        self._opening = self._session.ask(job, partial(self._model_opened, path))

    def _model_opened(self, path: str, event: object) -> None:
        if isinstance(event, Progress):
            return
        self._opening = 0
        self._told.say("")
        if isinstance(event, (Failed, Crashed)):
            self.model.setCurrentIndex(0)
            self._take_open_model()
            self._failed(event.error if isinstance(event, Failed) else InputError("fault"))
        elif isinstance(event, Result):
            handle: ModelHandle = event.value.handle
            if self.model.findData(path) < 0:
                self.model.insertItem(self.model.count() - 1, handle.card.name, path)
            self.model.setCurrentIndex(self.model.findData(path))
            self._take_model(handle, event.value.layers)
            self.run()

    def _take_open_model(self) -> None:
        if self._session.handle is not None:
            self._take_model(self._session.handle, self._session.layers)

    def _take_model(self, handle: ModelHandle, layers: tuple[str, ...]) -> None:
        self._handle = handle
        self._offer_classes()
        if layers != self._layers:
            self._layers = layers
            self._show_form(self._more.isChecked())

    # The work

    @property
    def working(self) -> bool:
        """Whether the map is on its way."""
        return bool(self._ticket or self._reading or self._opening)

    def _chosen(self) -> _Chosen:
        handle = self._handle
        known = ("", ()) if handle is None else (handle.sha256, tuple(handle.card.classes))
        return self.photo.currentData(), *known

    def run(self) -> None:
        """Explain what is chosen; the map of another photo or model leaves at once."""
        self.stop()
        self._told.say("")
        if self._canvas is not None and self._read_for == self._chosen():
            self._explain()
            return
        self._read_for = self._chosen()
        self._canvas = None
        self._drop()
        source, handle = self.photo.currentData(), self._handle
        if source is None or handle is None:
            return
        self._reading = self._session.in_background(
            partial(tasks.to_paint, source, handle.spec), self._ready, self._failed
        )

    def _ready(self, canvas: tasks.Canvas) -> None:
        self._reading = 0
        self._canvas = canvas
        self.image = tasks.image_of(canvas.shown)
        self._explain()

    def _explain(self) -> None:
        handle, canvas = self._handle, self._canvas
        assert handle is not None
        assert canvas is not None
        method = self._methods[str(self.method.currentData())]
        make = partial(
            tasks.explain_afresh,
            handle,
            canvas.prepared,
            str(self.target.currentData()),
            method,
            dict(self._values),
        )
        job = Job(f"compare {self.name}", COMPARE, make)
        self._ticket = self._session.ask(job, self._heard)
        self._progress.show_share(0.0)

    def _heard(self, event: object) -> None:
        if isinstance(event, Progress):
            self._progress.show_share(event.done / event.total if event.total else 0.0)
            return
        if isinstance(event, (Partial, Result)):
            self.attribution = event.value
            self.changed.emit()
        if isinstance(event, Partial):
            return
        self._ticket = 0
        self._progress.show_share(None)
        if isinstance(event, Result):
            facts = "  ·  ".join(str(fact) for fact in event.value.facts)
            self._told.say(event.value.remark or facts)
        elif isinstance(event, Failed):
            self._failed(event.error)
        elif isinstance(event, Crashed):
            self._failed(InputError("fault"))

    def _failed(self, error: PetVisionError) -> None:
        self._reading = self._ticket = self._opening = 0
        self._progress.show_share(None)
        self._told.say(words.error_sentence(error))
        self._drop()

    def _drop(self) -> None:
        """Have no map."""
        if self.attribution is not None:
            self.attribution = None
            self.changed.emit()

    def stop(self) -> None:
        """Stop the work; the last map stays."""
        self._session.unask(self._ticket)
        self._session.forget(self._reading)
        self._ticket = self._reading = 0
        self._progress.show_share(None)
