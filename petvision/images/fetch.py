"""Fetching a picture from a web address: http and https, bounded in size and in total time."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPMessage,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from threading import Lock, Timer
from time import monotonic
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from petvision import __version__
from petvision.errors import InputError
from petvision.images import files, formats
from petvision.images.types import Limits

MAX_REDIRECTS = 5
_CHUNK = 1 << 16
_CHECK = "Check the address and your connection, then try again."


def fetch(url: str, limits: Limits) -> bytes:
    """The bytes of a picture on the web.

    ``limits.seconds`` is the time for everything: redirects, connections, headers and body. The
    system's proxies are honoured, unless ``limits.public_only``: then every address that a name
    stands for, after every redirect, must lie on the public internet, which only a connection of
    our own can tell.

    Raises:
        InputError: ``refused`` (offline, a scheme other than http and https, a private address
            where only public ones are fetched), ``network``, ``too_large``, ``unsupported`` (a
            web page).
    """
    label = label_of(url)
    refuse_offline(label)
    deadline = _Deadline(limits.seconds, label if limits.public_only else None)
    with deadline, _failures_told(label, deadline):
        address = _ascii(url)
        _check_scheme(urlsplit(address).scheme, label)
        request = urllib.request.Request(
            address, headers={"User-Agent": f"PetVision/{__version__}", "Accept": "image/*"}
        )
        with _opener(label, deadline).open(request, timeout=limits.seconds) as answer:
            data, kind = _body(answer, label, limits), answer.headers.get_content_type()
        deadline.check()
    if not formats.is_picture(data) and "a web page" in (formats.kind_of(data), _KINDS.get(kind)):
        remedy = "Open it in a browser and copy the address of the picture itself."
        raise InputError("unsupported", label, found="a web page", remedy=remedy)
    return data


def refuse_offline(label: str) -> None:
    """Let nothing be fetched where the person wants none of it.

    Raises:
        InputError: ``refused``.
    """
    if os.environ.get("PETVISION_OFFLINE") == "1":
        remedy = "Save the picture and open its file, or unset PETVISION_OFFLINE."
        raise InputError("refused", label, reason="PETVISION_OFFLINE is set", remedy=remedy)


_KINDS = {"text/html": "a web page", "application/xhtml+xml": "a web page"}


def label_of(url: str) -> str:
    """An address fit to show: without a user's name and password."""
    with suppress(ValueError):  # an address that cannot be parsed is shown as it is
        parts = urlsplit(url)
        if "@" in parts.netloc:
            return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url


def _ascii(url: str) -> str:
    """The address as it goes over the wire: the host in IDNA, all else percent-encoded."""
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    host = f"[{host}]" if ":" in host else host
    place = host if parts.port is None else f"{host}:{parts.port}"
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~?[]")
    return urlunsplit((parts.scheme, place, path or "/", query, ""))


def _check_scheme(scheme: str, label: str, before: str = "http") -> None:
    """Allow http and https, and no way back from https to http."""
    if scheme != "https" and not scheme == before == "http":
        reason = f"its address is {scheme}, and only http and https are fetched"
        if before == "https":
            reason = f"it leads from https to {scheme}"
        remedy = "Save the picture and open its file."
        raise InputError("refused", label, reason=reason, remedy=remedy)


def _body(answer: HTTPResponse, label: str, limits: Limits) -> bytes:
    files.check_size(answer.length or 0, label, limits)
    chunks: list[bytes] = []
    size = 0
    while chunk := answer.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        files.check_size(size, label, limits)
    if answer.length:  # what is left of the promised length: read() does not complain
        raise IncompleteRead(b"", answer.length)
    return b"".join(chunks)


class _Deadline:
    """Ends every connection of one fetch when its time is over.

    A socket's own timeout is for one read: a server that sends a byte now and then would never
    meet it. Where ``public_only`` holds the label of what is fetched, it connects to no address
    beyond the public internet.
    """

    def __init__(self, seconds: float, public_only: str | None = None) -> None:
        self.seconds = seconds
        self.public_only = public_only
        self.passed = False
        self._end = monotonic() + seconds
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._timer = Timer(seconds, self._hang_up)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        for connection in self._sockets:
            connection.close()

    def connect(
        self, address: tuple[str, int], timeout: object = None, source_address: object = None
    ) -> socket.socket:
        """Like ``socket.create_connection``, in the time that is left."""
        failure = OSError("no address")
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        if self.public_only is not None:
            _refuse_private((str(place[0]) for *_, place in found), self.public_only)
        for family, kind, protocol, _, place in found:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(max(1e-3, self._end - monotonic()))
                connection.connect(place)
                self._watch(connection)
                return connection
            except OSError as error:
                connection.close()
                failure = error
        raise failure

    def check(self) -> None:
        """Raise where the time is over: an answer that was hung up on looks complete."""
        if self.passed:
            raise TimeoutError

    def _watch(self, connection: socket.socket) -> None:
        with self._lock:
            self.check()
            # A duplicate shares the connection and outlives TLS, which takes the original over.
            self._sockets.append(connection.dup())

    def _hang_up(self) -> None:
        with self._lock:
            self.passed = True
            for connection in self._sockets:
                with suppress(OSError):  # it has ended by itself
                    connection.shutdown(socket.SHUT_RDWR)


def is_public(address: str) -> bool:
    """Whether an IP address lies on the public internet, also one that carries another inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if inner is None and any(ip in network for network in _CARRIERS):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


# IPv6 addresses whose last four bytes are an IPv4 address: NAT64, and the old compatible form.
_CARRIERS = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96")))


def _refuse_private(addresses: Iterable[str], label: str) -> None:
    """Let a name go on only when all that it stands for is public.

    Raises:
        InputError: ``refused``; it does not tell where the name leads.
    """
    if not all(map(is_public, addresses)):
        reason = "it leads to an address that is not on the public internet"
        raise InputError("refused", label, reason=reason, remedy="Send the picture itself.")


def _opener(label: str, deadline: _Deadline) -> urllib.request.OpenerDirector:
    """An opener that knows http and https only (urllib's own would open files, too)."""

    def plain(host: str, **options: Any) -> HTTPConnection:
        connection = HTTPConnection(host, **options)
        connection._create_connection = deadline.connect  # type: ignore[attr-defined]
        return connection

    def secure(host: str, **options: Any) -> HTTPSConnection:
        connection = HTTPSConnection(host, context=ssl.create_default_context(), **options)
        connection._create_connection = deadline.connect  # type: ignore[attr-defined]
        return connection

    class Http(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> HTTPResponse:
            return self.do_open(plain, request)

    class Https(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> HTTPResponse:
            return self.do_open(secure, request)

    class Redirects(urllib.request.HTTPRedirectHandler):
        max_redirections = MAX_REDIRECTS

        def http_error_302(
            self,
            req: urllib.request.Request,
            fp: IO[bytes],
            code: int,
            msg: str,
            headers: HTTPMessage,
        ) -> Any:
            target = urljoin(req.full_url, headers.get("Location", ""))
            try:
                _check_scheme(urlsplit(target).scheme, label, before=req.type)
            except InputError:
                fp.close()
                raise
            return super().http_error_302(req, fp, code, msg, headers)

        http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    opener = urllib.request.OpenerDirector()
    proxies: dict[str, str] | None = None  # the system's
    if deadline.public_only is not None:
        proxies = {}
    for handler in (
        urllib.request.ProxyHandler(proxies),
        Http(),
        Https(),
        Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


@contextmanager
def _failures_told(label: str, deadline: _Deadline) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            reason = f"the server answers {error.code} ({error.reason})"
            if error.code in range(300, 400):
                reason = "it is redirected again and again"
        raise InputError("network", label, reason=reason, remedy=_CHECK) from error
    except (OSError, HTTPException, ValueError) as error:
        # URLError wraps what went wrong; ValueError is how an impossible address ends.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        reason = _reason(cause, deadline)
        raise InputError("network", label, reason=reason, remedy=_CHECK) from error


def _reason(cause: object, deadline: _Deadline) -> str:
    if deadline.passed or isinstance(cause, TimeoutError):
        return f"it took longer than {deadline.seconds:g} seconds"
    if isinstance(cause, socket.gaierror):
        return "no server of that name was found"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing answers there"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "the server's certificate is not valid"
    if isinstance(cause, (IncompleteRead, ConnectionError)):
        return "the connection broke off"
    if isinstance(cause, ValueError):
        return "the address makes no sense"
    return "the server does not answer as a web server does"
