"""RemoteMonitor: sends the numbers of each epoch to a server."""

from __future__ import annotations

import http.client
import json
import math
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from cornu.graph.messages import warn_user
from cornu.training.callbacks.base import Callback

_TIMEOUT = 10.0  # seconds; a server that hangs must not hold the training


class RemoteMonitor(Callback):
    """Sends the number of the epoch and its logs to a server, by HTTP POST, as JSON.

    Where the server cannot be reached, or refuses, training goes on, and one warning
    tells. Numbers that are not finite, which JSON lacks, are sent as null.

    Args:
        root: the server.
        path: what is posted to, behind `root`.
        field: the field of the form that the JSON is sent in.
        headers: further headers of the request.
        send_as_json: whether the JSON is the whole content of the request
            (`application/json`), in place of a form.

    Raises:
        ValueError: when `root` is no address of a web server.

    Example:

    >>> monitor = RemoteMonitor("http://localhost:9000", send_as_json=True)
    """

    reports = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if urlsplit(root).scheme not in ("http", "https"):
            raise ValueError(
                f"RemoteMonitor was given root={root!r}.\n"
                "Expected an address that begins with http:// or https://.\n"
                "For example 'http://localhost:9000'."
            )
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json
        self._told = False

    def on_train_begin(self, logs: Any = None) -> None:
        self._told = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        event = {"epoch": epoch, **(logs or {})}
        text = json.dumps({key: _plain(value) for key, value in event.items()})
        if self.send_as_json:
            kind, content = "application/json", text
        else:
            kind = "application/x-www-form-urlencoded"
            content = urlencode({self.field: text})
        try:
            self._post(content.encode(), kind)
        except (OSError, http.client.HTTPException) as error:
            if not self._told:
                self._told = True
                warn_user(
                    f"RemoteMonitor could not tell {self.root + self.path}: "
                    f"{error or type(error).__name__}.\n"
                    "Expected a server that accepts a POST there.\n"
                    "Start it, or correct `root` and `path`; training goes on.",
                    UserWarning,
                )

    def _post(self, content: bytes, kind: str) -> None:
        from urllib import request  # it loads all of email and ssl

        headers = {"Content-Type": kind, **(self.headers or {})}
        post = request.Request(self.root + self.path, content, headers, method="POST")
        request.urlopen(post, timeout=_TIMEOUT).close()


def _plain(value: Any) -> Any:
    """A number or an array of them as JSON has it."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.item() if value.size == 1 else value.tolist()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
