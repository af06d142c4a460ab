"""The state of a session as every surface shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from riffsidecar.session.state import Session

__all__ = ["shown_state"]


def shown_state(session: Session) -> dict[str, object]:
    """Return the state as plain strings, numbers, lists and None."""
    bank, output = session.bank, session.output
    return {
        "bank": bank.name,
        "title": bank.title,
        "banks": list(session.banks.names),
        "tempo": float(session.tempo),
        "tempo_source": session.tempo_source,
        "clock": session.clock,
        "follow": session.settings.follow,
        "meter": str(session.meter),
        "playing": int(session.is_playing),
        **session.teaching.state,
        "bars": float(session.bars),
        "key": "" if session.key is None else str(session.key),
        "chords": "" if session.chords is None else str(session.chords),
        "seed": session.seed,
        "knobs": session.knobs,
        "pads": bank.pad_rows(),
        "slot": session.last,
        "loops": [
            slot.state_dict(number, session.is_kept(slot.loop))
            for number, slot in sorted(session.slots.items())
            if slot.loop is not None
        ],
        "seeds": session.seeds.rows(),
        "seed_problem": session.seeds.problem,
        "sample_rate": output.sample_rate,
        "bit_depth": output.bit_depth,
        "loudness_lufs": output.loudness_lufs,
        "model": output.model,
    }
