"""A hub on loopback that speaks enough of Hugging Face's protocol for its own client to fetch from it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["REVISION", "FakeHub", "running_hub"]

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """What the hub has, and what was asked of it.

    Attributes:
        files: of its one repository, ``owner/model``.
        lies: files whose digest it tells wrong.
        break_once: the file at whose middle it hangs up, once.
        asked: path and first byte of every file that was asked for.
    """

    files: dict[str, bytes]
    lies: set[str] = field(default_factory=set)
    break_once: str = ""
    asked: list[tuple[str, int]] = field(default_factory=list)
    endpoint: str = ""

    def siblings(self) -> list[dict[str, object]]:
        """Return what the API says of the files: large ones with their SHA-256."""
        rows = []
        for path, content in self.files.items():
            row: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": "0" * 40}
            if path.endswith((".safetensors", ".bin")):
                digest = "f" * 64 if path in self.lies else hashlib.sha256(content).hexdigest()
                row["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 100}
            rows.append(row)
        return rows


@contextmanager
def running_hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    """Serve a repository until the block ends."""
    hub = FakeHub(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str], *, whole: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if whole is None else whole))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def _missing(self, code: str) -> None:
            self._answer(404, b"{}", {"X-Error-Code": code, "Content-Type": "application/json"})

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/owner/model"):
                wanted = path.removeprefix("/api/models/owner/model").removeprefix("/revision/")
                if wanted not in ("", REVISION, "main"):
                    self._missing("RevisionNotFound")
                    return
                told = {
                    "id": "owner/model",
                    "modelId": "owner/model",
                    "sha": REVISION,
                    "siblings": hub.siblings(),
                }
                self._answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
            elif path.startswith(f"/owner/model/resolve/{REVISION}/"):
                self._file(path.removeprefix(f"/owner/model/resolve/{REVISION}/"))
            else:
                self._missing("RepoNotFound")

        do_HEAD = do_GET

        def _file(self, name: str) -> None:
            content = hub.files.get(name)
            if content is None:
                self._missing("EntryNotFound")
                return
            wanted = self.headers.get("Range", "")
            start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
            headers = {
                "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
                "X-Repo-Commit": REVISION,
                "Accept-Ranges": "bytes",
                "Content-Type": "application/octet-stream",
            }
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            body = content[start:]
            if self.command == "GET":
                hub.asked.append((name, start))
                if name == hub.break_once:
                    hub.break_once = ""
                    self._answer(206 if start else 200, body[: len(body) // 2], headers, whole=len(body))
                    self.close_connection = True
                    return
            self._answer(206 if start else 200, body, headers)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
