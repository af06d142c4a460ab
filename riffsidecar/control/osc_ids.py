"""The names that clients give to their requests, and who they were."""

from __future__ import annotations

from riffsidecar.control.osc_codec import OscValue, RawMessage, decode_message
from riffsidecar.control.osc_inbox import Peer
from riffsidecar.errors import OscError
from riffsidecar.session.events import Origin

__all__ = ["ID_PREFIX", "id_at_end", "id_of", "peer_of", "split_id"]

ID_PREFIX = "id:"
_MAX_ID_CHARS = 64


def split_id(arguments: tuple[OscValue, ...]) -> tuple[tuple[OscValue, ...], str]:
    """Return the arguments without a request id in the last place, and that id.

    Raises:
        OscError: for an id that is too long.

    >>> split_id((3, "id:7"))
    ((3,), 'id:7')
    """
    last = arguments[-1] if arguments else None
    if not isinstance(last, str) or not last.startswith(ID_PREFIX):
        return arguments, ""
    if len(last) > _MAX_ID_CHARS:
        raise OscError(f"request id of {len(last)} characters: at most {_MAX_ID_CHARS} are accepted")
    return arguments[:-1], last


def id_of(raw: RawMessage) -> str:
    """Return the request id of a message that nobody will look at, or an empty string."""
    if ID_PREFIX.encode("ascii") not in raw.data:
        return ""
    try:
        return split_id(decode_message(raw).arguments)[1]
    except OscError:
        # It would have been refused; as it is overtaken, there is nothing to say.
        return ""


def id_at_end(data: bytes) -> str:
    r"""Return the request id that a malformed message ends in, or an empty string where none can be told.

    >>> id_at_end(b"/riff/tempo\0,fs\0\x7f\xc0\0\0id:7\0\0\0\0"), id_at_end(b"garbage!")
    ('id:7', '')
    """
    at = data.rfind(ID_PREFIX.encode("ascii"))
    if at < 0 or at % 4 or not data.startswith(b"/"):
        return ""
    found = data[at:].rstrip(b"\0").decode("ascii", "replace")
    return found if len(found) <= _MAX_ID_CHARS and found.isascii() and found.isprintable() else ""


def peer_of(origin: Origin) -> Peer:
    """Return where the request of an origin came from."""
    host, _, port = origin.client.rpartition(":")
    return (host, int(port)) if port.isdigit() else (host, 0)
