"""What a real sound server asks of the player, and what it gets: a JACK server without hardware."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
import threading
import numpy as np
import sounddevice
from riffsidecar.audio.player import CHANNELS, Deck, PlayedLoop
from riffsidecar.control.sound_output import DeckPlayer, DeviceOutput
from riffsidecar.music import Meter, Tempo

apis = [api["name"] for api in sounddevice.query_hostapis()]
if not any("JACK" in name for name in apis):
    print("NO JACK", apis)
    raise SystemExit(0)
(jack,) = (index for index, name in enumerate(apis) if "JACK" in name)
device = sounddevice.query_hostapis(jack)["default_output_device"]
RATE, BARS = 48000, 2
deck = Deck.at(Tempo.parse(300), Meter(4, 4), RATE)
count = round(deck.samples_per_bar)
loops = [
    PlayedLoop(np.repeat((level + np.arange(count) / count / 10)[:, None], 2, axis=1).astype(np.float32), 1)
    for level in (0.1, 0.3, 0.5)
]
taken, cued, full = [], [], threading.Event()

class Recording(DeckPlayer):
    def fill(self, out):
        super().fill(out)
        taken.append(out.copy())
        if len(cued) < 3 and self.deck.bar >= 2 * len(cued) and self.deck.position % count > count // 4:
            loop = loops[len(cued)]
            cued.append(loop)
            self.change(lambda deck: deck.cue(1, loop))
        if self.deck.position > 8 * count:
            full.set()

player = Recording(deck)
with DeviceOutput(player, RATE, str(device)):
    if not full.wait(20):
        print("NOTHING ASKED")
        raise SystemExit(1)
sound = np.concatenate(taken)[: 8 * count, 0].reshape(8, count)
ramps = {loop: np.asarray(each.frames[:, 0]) for loop, each in enumerate(loops)}
heard = []
for bar in sound:
    matches = [number for number, ramp in ramps.items() if np.array_equal(bar, ramp)]
    heard.append(matches[0] if matches else ("silence" if not bar.any() else "BROKEN"))
print(heard)
assert heard[0] == "silence" and "BROKEN" not in heard
assert [loop for at, loop in enumerate(heard[1:]) if at == 0 or heard[at] != loop] == [0, 1, 2], heard
print("GAPLESS")
"""


def test_loops_are_swapped_without_a_gap_on_a_jack_server(
    tmp_path: Path, require_tool: Callable[[str], str]
) -> None:
    jackd = require_tool("jackd")
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"sounddevice cannot be loaded: {error}")
    name = f"riffplay{os.getpid()}"
    environment = {
        **os.environ,
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_AUDIO_RESERVATION": "1",
        "PYTHONPATH": str(Path(__file__).parent.parent.parent),
    }
    server = subprocess.Popen(
        [jackd, "-n", name, "-r", "-m", "-d", "dummy", "-r", "48000", "-p", "512"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "running" in line.lower() or "driver" in line.lower() or "self-connect" in line.lower():
                break
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False,
        )  # fmt: skip
    finally:
        # Not killed unless it must be: a killed server keeps one of the machine's eight places for ever.
        server.terminate()
        try:
            server.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.communicate()
    if "NO JACK" in done.stdout:
        pytest.skip(f"PortAudio sees no JACK server here: {done.stdout.strip()}")
    assert "GAPLESS" in done.stdout, done.stdout + done.stderr + "".join(lines)
