"""``petvision serve``: the local API."""

from __future__ import annotations

import json
import os
from argparse import Namespace

from petvision.cli.arguments import Parser, Verb, computing
from petvision.cli.exits import OK
from petvision.errors import ConfigError
from petvision.terminal import Terminal

TOKEN = "PETVISION_TOKEN"
PORT = 8000


def _options(parser: Parser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; any but this machine's own loopback needs a token (%(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help="0 takes any that is free (%(default)s)"
    )
    parser.add_argument(
        "--token", help=f"that requests must carry (the environment's {TOKEN}, which ps hides)"
    )
    parser.add_argument(
        "--model",
        metavar="NAME|FILE",
        default="catdog-resnet101",
        help="that answers unless a request asks for another (%(default)s)",
    )
    parser.add_argument(
        "--with-parent", action="store_true", help="end when standard input is closed"
    )
    computing(parser)


def _serve(options: Namespace, terminal: Terminal) -> int:
    import importlib.util

    missing = [m for m in ("fastapi", "uvicorn", "multipart") if not importlib.util.find_spec(m)]
    if missing:
        remedy = "Install it with: pip install petvision[server]"
        raise ConfigError("key", "serve", key=missing[0], remedy=remedy)
    from petvision import logs
    from petvision.server.desk import Desk
    from petvision.server.run import Serving, address_of, bound, is_loopback

    token = options.token or os.environ.get(TOKEN)
    if not token and not is_loopback(options.host):
        expected = (
            f"given (--token, or the environment's {TOKEN}) where others can reach the server"
        )
        raise ConfigError("range", "serve", key="the token", expected=expected, found="missing")
    with logs.kept("server") as logged, bound(options.host, options.port) as listener:
        address = address_of(listener)
        terminal.say("Opening the model …")
        desk = Desk(options.model, options.engine, options.device)

        def ready() -> None:
            if options.json:
                terminal.data(json.dumps({"address": address, "docs": f"{address}/docs"}))
            terminal.say(f"PetVision answers at {address} (documentation: {address}/docs).")
            secret = f' -H "Authorization: Bearer ${TOKEN}"' if token else ""
            terminal.say(f"Try: curl{secret} -F file=@PHOTO.jpg {address}/predict")
            terminal.say(f"Ctrl-C ends it. Requests are logged in {logged}.")

        serving = Serving(desk, listener, token, ready=ready)
        if options.with_parent:
            serving.follow_input()
        serving.run()
    terminal.say("The server has ended.")
    return OK


VERB = Verb("the local API: answers over HTTP", _options, _serve)
