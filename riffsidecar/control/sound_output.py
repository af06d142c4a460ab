"""Hand blocks of samples to a sound device, through sounddevice (MIT), which is loaded only here.

The device's thread asks for a block at a time. What other threads want of the deck comes to it through a
queue that needs no lock, and takes effect at the next bar line.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.player import CHANNELS, Deck, mix
from riffsidecar.errors import ControlError

__all__ = ["DeckPlayer", "DeviceOutput", "NullOutput", "Output", "portaudio_remedy"]

Change = Callable[[Deck], Deck]
Fill = Callable[[NDArray[np.float32]], None]

_INSTALL: Final = "pip install 'riffsidecar[play]'"


class DeckPlayer:
    """Own the deck: ``fill`` is called by the device's thread, ``change`` by any other."""

    def __init__(self, start: Deck) -> None:
        """Begin with a deck."""
        self._deck = start
        self._changes: deque[Change] = deque()
        self.late = 0

    @property
    def deck(self) -> Deck:
        """Return the deck as it was after the newest block."""
        return self._deck

    def change(self, change: Change) -> None:
        """Have the deck changed before the next block."""
        self._changes.append(change)

    def fill(self, out: NDArray[np.float32]) -> None:
        """Write the next block (num_samples, 2)."""
        now = self._deck
        while self._changes:
            now = self._changes.popleft()(now)
        self._deck = mix(now, out)


class Output(Protocol):
    """Ask for blocks until it is closed."""

    def __enter__(self) -> Output:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""


class NullOutput:
    """Ask for blocks in the time that they last, and play them nowhere."""

    def __init__(self, player: DeckPlayer, sample_rate: int, block: int = 512) -> None:
        """Prepare to ask ``player`` for blocks of so many samples."""
        self._player = player
        self._period_s = block / sample_rate
        self._out = np.zeros((block, CHANNELS), np.float32)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="riffsidecar-null-sound", daemon=True)

    def __enter__(self) -> NullOutput:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._closing.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._closing.wait(self._period_s):
            self._player.fill(self._out)


class DeviceOutput:
    """Play through a sound device of this machine."""

    def __init__(self, player: DeckPlayer, sample_rate: int, device: str = "", block: int = 0) -> None:
        """Open a device, by its number or a part of its name; empty is the usual one, block 0 its own size.

        Raises:
            ControlError: PortAudio or sounddevice is missing, or the device refuses.
        """
        sounddevice = _load()
        self._player = player
        chosen: int | str | None = int(device) if device.isdecimal() else device or None
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=sample_rate,
                blocksize=block,
                device=chosen,
                channels=CHANNELS,
                dtype="float32",
                callback=self._called,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            names = ", ".join(
                str(each["name"]) for each in sounddevice.query_devices() if each["max_output_channels"]
            )
            raise ControlError(
                f"no sound device {device or 'that is usual'} at {sample_rate} Hz: {error}; choose one "
                f"with --device: {names or 'this machine has none; --device null plays nowhere'}"
            ) from error

    def __enter__(self) -> DeviceOutput:
        """Begin."""
        self._stream.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._stream.stop()
        self._stream.close()

    def _called(self, out: NDArray[np.float32], frames: int, times: Any, status: Any) -> None:
        if status.output_underflow:
            self._player.late += 1
        self._player.fill(out)


def portaudio_remedy(platform: str) -> str:
    """Return how PortAudio comes onto a machine.

    >>> portaudio_remedy("linux")
    "install it with 'apt install libportaudio2' (Debian, Ubuntu) or 'dnf install portaudio' (Fedora)"
    """
    if platform.startswith("linux"):
        return (
            "install it with 'apt install libportaudio2' (Debian, Ubuntu) or 'dnf install portaudio' (Fedora)"
        )
    if platform == "darwin":
        return f"it comes with sounddevice's wheel: {_INSTALL} --force-reinstall; or 'brew install portaudio'"
    if platform == "win32":
        return f"it comes with sounddevice's wheel: {_INSTALL} --force-reinstall, with a 64-bit Python"
    return "install PortAudio with the packages of your system"


def _load() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise ControlError(f"to play, riffsidecar needs sounddevice; install it with: {_INSTALL}") from error
    except OSError as error:
        raise ControlError(
            f"PortAudio, which plays on this machine, cannot be loaded ({error}); "
            f"{portaudio_remedy(sys.platform)}; --device null plays nowhere"
        ) from error
    return sounddevice
