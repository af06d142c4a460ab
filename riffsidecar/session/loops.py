"""A loop that has been made."""

from __future__ import annotations

from dataclasses import dataclass

from riffsidecar.errors import SessionError
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import check_kind
from riffsidecar.session.requests import LoopRequest

__all__ = ["Loop"]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop that lies in a file: what was asked for, where it lies, and the digest of its content."""

    request: LoopRequest
    path: str
    sha256: str

    def __post_init__(self) -> None:
        """Refuse a loop without a request, a file or a digest."""
        check_kind("request", self.request, LoopRequest)
        for name in ("path", "sha256"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise SessionError(f"{name} of a loop is {shown(getattr(self, name))}, but must be text")
