"""What python-rtmidi leaves undone about JACK: keep libjack quiet, and notice that the server has ended."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable

__all__ = ["JackWatch", "hush_jack"]

logger = logging.getLogger(__name__)

_NO_START_SERVER = 1
_ON_SHUTDOWN = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def hush_jack(library: str) -> None:
    """Keep libjack from writing to stderr; what it has to say reaches us as errors of python-rtmidi.

    Args:
        library: the file that brings libjack along, so that it is the one that is in use already.
    """
    try:
        jack = ctypes.CDLL(library)
        # A function of C that takes a text and leaves it at that. One of Python's would need the interpreter
        # on libjack's threads, and opening a port holds the interpreter while it waits for those.
        ignore = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
        for tell in (jack.jack_set_error_function, jack.jack_set_info_function):
            tell.restype = None
            tell.argtypes = [ctypes.c_void_p]
            tell(ignore)
    except (AttributeError, OSError, TypeError) as error:
        logger.debug("libjack goes on writing to stderr: %s", error)


class JackWatch:
    """Be a JACK client that hears of the server's end; it has no ports.

    Args:
        library: the file that brings libjack along, so that it is the one that is in use already.
        on_end: called on a thread of libjack's when the server has ended.
    """

    def __init__(self, library: str, on_end: Callable[[], None]) -> None:
        """Become a client; where that is not possible, say what that means and do nothing."""
        self._on_shutdown = _ON_SHUTDOWN(lambda _: on_end())
        try:
            jack = ctypes.CDLL(library)
            jack.jack_client_open.restype = ctypes.c_void_p
            jack.jack_client_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
            jack.jack_on_shutdown.restype = None
            jack.jack_on_shutdown.argtypes = [ctypes.c_void_p, _ON_SHUTDOWN, ctypes.c_void_p]
            jack.jack_activate.argtypes = [ctypes.c_void_p]
            client = jack.jack_client_open(b"riffsidecar watch", _NO_START_SERVER, None)
        except (AttributeError, OSError) as error:
            logger.warning("MIDI goes quiet unnoticed if the JACK server is started anew: %s", error)
            return
        if client:
            jack.jack_on_shutdown(client, self._on_shutdown, None)
            jack.jack_activate(client)
