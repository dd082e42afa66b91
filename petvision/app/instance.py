"""One window a person: a second start hands its files to the running one and ends."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

CONNECT_MS = 300
ANSWER_MS = 2000
MESSAGE_MOST = 16 * 1024 * 1024
TAKEN = b"taken\n"


def address(settings: Path) -> str:
    """The name of the local socket: one for each person and settings file."""
    who = f"{getpass.getuser()} {settings.resolve()}"
    return f"petvision-{hashlib.sha256(who.encode(errors='surrogateescape')).hexdigest()[:16]}"


def hand_over(name: str, inputs: Sequence[str]) -> bool:
    """Give inputs to the running window; False where there is none or it does not answer."""
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(CONNECT_MS):
        return False
    socket.write(json.dumps(list(inputs)).encode() + b"\n")
    answered = socket.waitForReadyRead(ANSWER_MS)
    taken = answered and bytes(socket.readAll().data()) == TAKEN
    socket.disconnectFromServer()
    return taken


class InstanceServer(QObject):
    """Listens for other starts; ``started`` carries their inputs (possibly none)."""

    started = Signal(object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        if not self._server.listen(name):  # what a crashed program left behind
            QLocalServer.removeServer(name)
            self._server.listen(name)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def _connected(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(self._read)
            socket.disconnected.connect(socket.deleteLater)

    @Slot()
    def _read(self) -> None:
        socket = self.sender()
        if not isinstance(socket, QLocalSocket):
            return
        if socket.bytesAvailable() > MESSAGE_MOST:
            socket.abort()
        elif socket.canReadLine():
            inputs = _inputs(bytes(socket.readLine().data()))
            socket.write(TAKEN)
            socket.flush()
            self.started.emit(inputs)


def _inputs(line: bytes) -> list[str]:
    try:
        told = json.loads(line)
    except ValueError:
        return []
    return [text for text in told if isinstance(text, str)] if isinstance(told, list) else []
