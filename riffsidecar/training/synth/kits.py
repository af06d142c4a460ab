"""Hold the settings of the drum machines, and vary them by seed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

__all__ = ["KITS", "Kit", "kit_variant"]


@dataclass(frozen=True, slots=True)
class Kit:
    """Describe one drum machine; times are those of a fall by 60 dB.

    Attributes:
        kick_hz: Where the pitch of the kick comes to rest.
        kick_sweep: How many times higher it starts.
        kick_sweep_s: Time of the sweep.
        kick_s: Length of the kick.
        kick_click: Level of its click.
        kick_drive: Saturation, 1 for none.
        snare_hz: Lower tone of the snare.
        snare_tone_s: Length of its tones.
        snare_noise_s: Length of its noise.
        snare_noise: Share of the noise.
        snare_bright_hz: Centre of the noise.
        clap_hz: Centre of the clap.
        clap_s: Length of its tail.
        hat_hz: Base of the metallic oscillators.
        hat_metal: Share of metal over noise.
        hat_cut_hz: Where the hats' high-pass stands.
        closed_s: Length of the closed hat.
        open_s: Length of the open hat.
        tom_hz: The middle tom.
        crush_bits: Word length, 0 for none.
        top_hz: Low-pass over the whole kit.
        drive: Saturation over the whole kit, 1 for none.
        room: Level of a short room.
    """

    kick_hz: float = 50.0
    kick_sweep: float = 4.0
    kick_sweep_s: float = 0.05
    kick_s: float = 0.6
    kick_click: float = 0.3
    kick_drive: float = 1.5
    snare_hz: float = 185.0
    snare_tone_s: float = 0.18
    snare_noise_s: float = 0.3
    snare_noise: float = 0.6
    snare_bright_hz: float = 5000.0
    clap_hz: float = 1200.0
    clap_s: float = 0.35
    hat_hz: float = 400.0
    hat_metal: float = 0.6
    hat_cut_hz: float = 7000.0
    closed_s: float = 0.09
    open_s: float = 0.6
    tom_hz: float = 120.0
    crush_bits: float = 0.0
    top_hz: float = 20000.0
    drive: float = 1.0
    room: float = 0.0


KITS: dict[str, Kit] = {
    "kit-808": Kit(
        kick_hz=48,
        kick_sweep=2.6,
        kick_sweep_s=0.05,
        kick_s=1.0,
        kick_click=0.18,
        kick_drive=1.2,
        snare_hz=180,
        snare_tone_s=0.16,
        snare_noise_s=0.26,
        snare_noise=0.5,
        snare_bright_hz=4200,
        hat_metal=0.85,
        closed_s=0.1,
        open_s=0.8,
        tom_hz=110,
    ),
    "kit-909": Kit(
        kick_hz=52,
        kick_sweep=5.5,
        kick_sweep_s=0.08,
        kick_s=0.62,
        kick_click=0.5,
        kick_drive=2.2,
        snare_hz=200,
        snare_tone_s=0.2,
        snare_noise_s=0.36,
        snare_noise=0.65,
        snare_bright_hz=6000,
        hat_hz=470,
        hat_metal=0.35,
        hat_cut_hz=7600,
        closed_s=0.12,
        open_s=0.75,
        drive=1.3,
    ),
    "kit-606": Kit(
        kick_hz=60,
        kick_sweep=2.2,
        kick_sweep_s=0.025,
        kick_s=0.4,
        kick_click=0.4,
        kick_drive=1.3,
        snare_hz=220,
        snare_tone_s=0.1,
        snare_noise_s=0.18,
        snare_noise=0.75,
        snare_bright_hz=7000,
        hat_hz=245,
        hat_metal=0.95,
        hat_cut_hz=8500,
        closed_s=0.07,
        open_s=0.4,
        tom_hz=150,
    ),
    "kit-trap": Kit(
        kick_hz=46,
        kick_sweep=5.0,
        kick_sweep_s=0.06,
        kick_s=0.5,
        kick_click=0.6,
        kick_drive=3.0,
        snare_hz=210,
        snare_tone_s=0.12,
        snare_noise_s=0.28,
        snare_noise=0.72,
        snare_bright_hz=6500,
        clap_hz=1500,
        clap_s=0.3,
        hat_hz=520,
        hat_metal=0.55,
        hat_cut_hz=8200,
        closed_s=0.055,
        open_s=0.4,
        drive=1.4,
    ),
    "kit-lofi": Kit(
        kick_hz=56,
        kick_sweep=3.0,
        kick_sweep_s=0.04,
        kick_s=0.38,
        kick_click=0.25,
        kick_drive=2.5,
        snare_hz=190,
        snare_tone_s=0.14,
        snare_noise_s=0.22,
        snare_noise=0.6,
        snare_bright_hz=3200,
        hat_hz=390,
        hat_metal=0.3,
        hat_cut_hz=5000,
        closed_s=0.07,
        open_s=0.35,
        crush_bits=9,
        top_hz=8500,
        drive=1.8,
        room=0.25,
    ),
    "kit-breaks": Kit(
        kick_hz=66,
        kick_sweep=2.2,
        kick_sweep_s=0.03,
        kick_s=0.3,
        kick_click=0.45,
        kick_drive=2.5,
        snare_hz=205,
        snare_tone_s=0.13,
        snare_noise_s=0.3,
        snare_noise=0.68,
        snare_bright_hz=4200,
        hat_hz=430,
        hat_metal=0.25,
        hat_cut_hz=5500,
        closed_s=0.11,
        open_s=0.5,
        tom_hz=135,
        crush_bits=12,
        top_hz=14500,
        drive=2.2,
        room=0.5,
    ),
    "kit-electro": Kit(
        kick_hz=54,
        kick_sweep=4.5,
        kick_sweep_s=0.035,
        kick_s=0.45,
        kick_click=0.35,
        kick_drive=1.8,
        snare_hz=240,
        snare_tone_s=0.2,
        snare_noise_s=0.42,
        snare_noise=0.7,
        snare_bright_hz=4800,
        clap_hz=1050,
        clap_s=0.5,
        hat_hz=330,
        hat_metal=0.7,
        hat_cut_hz=6800,
        closed_s=0.08,
        open_s=0.55,
        tom_hz=140,
        drive=1.3,
        room=0.2,
    ),
}
"""The settings of every synthesised kit, by the name of the instrument."""


def kit_variant(name: str, seed: int, brightness: float) -> Kit:
    """Return the kit ``name`` as the seed tunes it: every setting moves by up to about a sixth."""
    base = KITS[name]
    rng = np.random.default_rng(seed)
    still = {"crush_bits", "kick_click", "top_hz", "room"}
    moved = {
        field.name: getattr(base, field.name) * float(np.exp(np.clip(rng.normal(0.0, 0.09), -0.2, 0.2)))
        for field in fields(base)
        if field.name not in still
    }
    moved["kick_click"] = base.kick_click * float(rng.uniform(0.5, 1.7))
    moved["room"] = base.room * float(rng.uniform(0.4, 1.4))
    moved["drive"] = max(1.0, moved["drive"])
    tilt = 2.0 ** (brightness - 0.5)
    moved["snare_bright_hz"] = min(9000.0, moved["snare_bright_hz"] * tilt**0.7)
    moved["top_hz"] = min(20000.0, base.top_hz * tilt)
    return replace(base, **moved)
