"""A server of one results folder: this machine alone, reading alone, byte ranges."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from virtual_staining.artefacts.paths import Results
from virtual_staining.errors import InputError
from virtual_staining.view.list_page import list_page
from virtual_staining.view.neuroglancer_links import Neuroglancer
from virtual_staining.view.volumes import (
    found_volumes,
    plane_asked_for,
    plane_picture,
    window_asked_for,
)

LOOPBACK = "127.0.0.1"
FILES, PLANES = "/files/", "/planes/"


@contextmanager
def serve(results: Results, port: int) -> Iterator[tuple[ThreadingHTTPServer, str]]:
    """Open a server on this machine's own address; give it and the address for the browser.

    Parameters
    ----------
    results : Results
        The folder to show.
    port : int
        0 for any free one.

    Raises
    ------
    InputError
        If the port is taken.
    """
    neuroglancer = Neuroglancer()
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), partial(Handler, results, neuroglancer))
    except OSError as error:
        raise InputError(f"view: --port {port}: {error.strerror}; choose another") from error
    server.daemon_threads = True
    with server:
        yield server, f"http://{LOOPBACK}:{server.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection.

    Parameters
    ----------
    results : Results
        The folder.
    neuroglancer : Neuroglancer
        Its viewers, where the library is installed.
    *args
        Of the base class.
    """

    protocol_version = "HTTP/1.1"  # one connection serves thousands of small ranges

    def __init__(self, results: Results, neuroglancer: Neuroglancer, *args):
        self.results, self.neuroglancer = results, neuroglancer
        super().__init__(*args)

    def do_HEAD(self) -> None:
        """Answer as GET does, without the content."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer with the list of volumes, a file or part of it, or a plane."""
        # A page of another site may have led the browser here under a name of its own.
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in (LOOPBACK, "localhost"):
            return self.refuse(HTTPStatus.FORBIDDEN, "this server answers to 127.0.0.1 alone")
        address = urlsplit(self.path)
        path = unquote(address.path)
        if path == "/":
            return self.send(self.list_of_volumes(), "text/html; charset=utf-8")
        if path.startswith(FILES):
            return self.send_file(path[len(FILES) :])
        if path.startswith(PLANES):
            return self.send_plane(path[len(PLANES) :].split("/"), parse_qs(address.query))
        return self.refuse(HTTPStatus.NOT_FOUND, "no such page")

    def send_file(self, name: str) -> None:
        """Send a file of the folder, or the bytes of it that are asked for."""
        root = self.results.root.resolve()
        try:
            path = (root / name).resolve()
            inside = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):  # names too long, with a NUL, or links in a circle
            inside = False
        if not inside:
            return self.refuse(HTTPStatus.NOT_FOUND, "no such file in the results folder")
        kind = guess_type(path.name)[0] or "application/octet-stream"
        if path.name == self.results.drawn_volume("", "", "").page.name:
            return self.send(with_planes(path), "text/html; charset=utf-8")
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked is None or asked.groups() == ("", ""):
            return self.send_part(path, 0, size, kind, HTTPStatus.OK)
        first, last = asked.groups()
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start >= stop:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        span = {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return self.send_part(path, start, stop, kind, HTTPStatus.PARTIAL_CONTENT, span)

    def send_part(
        self,
        path: Path,
        start: int,
        stop: int,
        kind: str,
        status: HTTPStatus,
        more: dict[str, str] | None = None,
    ) -> None:
        """Send bytes of a file."""
        self.send_head(status, kind, stop - start, {"Accept-Ranges": "bytes", **(more or {})})
        if self.command == "HEAD":
            return
        with path.open("rb") as file:
            file.seek(start)
            left = stop - start
            while left and (part := file.read(min(left, 2**20))):
                self.wfile.write(part)
                left -= len(part)

    def send_plane(self, names: list[str], query: dict[str, list[str]]) -> None:
        """Send a plane of a volume as a picture."""
        known = {(v.stain, v.model, v.volume): v for v in found_volumes(self.results)}
        volume = known.get(tuple(names))
        if volume is None:
            return self.refuse(HTTPStatus.NOT_FOUND, "no such volume")
        try:
            grid = plane_asked_for(query)
            picture = plane_picture(self.results, volume, grid, window_asked_for(query))
        except InputError as error:
            return self.refuse(HTTPStatus.BAD_REQUEST, str(error))
        return self.send(picture, "image/jpeg")

    def list_of_volumes(self) -> bytes:
        """Return the first page."""
        files = f"http://{self.headers['Host']}{FILES}"
        return list_page(self.results, files, self.neuroglancer).encode()

    def send(self, content: bytes, kind: str) -> None:
        """Send bytes."""
        self.send_head(HTTPStatus.OK, kind, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_head(
        self, status: HTTPStatus, kind: str, length: int, more: dict[str, str] | None = None
    ) -> None:
        """Send status and headers."""
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(length), **(more or {})}
        if self.neuroglancer.origin:  # its pages come from another port of this machine
            headers["Access-Control-Allow-Origin"] = self.neuroglancer.origin
            headers["Access-Control-Expose-Headers"] = "Content-Range, Content-Length"
        for name, value in {**headers, "X-Content-Type-Options": "nosniff"}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_OPTIONS(self) -> None:
        """Allow neuroglancer's pages to ask for ranges."""
        self.send_head(
            HTTPStatus.NO_CONTENT, "text/plain", 0, {"Access-Control-Allow-Headers": "Range"}
        )

    def refuse(self, status: HTTPStatus, why: str) -> None:
        """Send a status with a sentence."""
        self.send_head(status, "text/plain; charset=utf-8", len(why.encode()))
        if self.command != "HEAD":
            self.wfile.write(why.encode())

    def log_message(self, *_) -> None:
        """Say nothing of each request."""


def with_planes(page: Path) -> bytes:
    """Return ``volume.html`` with the address at which its planes are cut at full resolution."""
    names = "/".join(quote(part) for part in page.parts[-4:-1])
    text = page.read_text(encoding="utf-8")
    return text.replace("<body>", f'<body data-planes="{PLANES}{names}">', 1).encode()
