"""The manifest of a pack, for programs as JSON and for people as CSV; nothing in it depends on the day."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from riffsidecar import __version__
from riffsidecar.render.pack_ledger import Settled
from riffsidecar.session.packs import PackRecipe

__all__ = ["given_up", "loop_rows", "manifest_csv", "manifest_json", "refusals"]

_COLUMNS: Final = (
    "file", "group", "name", "prompt", "bpm", "bars", "meter", "key", "chords", "seed", "tries", "lufs",
    "duration_s", "sample_rate", "bit_depth", "seam_jump", "seam_lpc_db", "pulse", "grid_late_ms", "model",
    "sha256",
)  # fmt: skip


def loop_rows(settled: Sequence[Settled], paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each loop that was taken, in the order of the grid."""
    rows = []
    for each in settled:
        if each.facts is None or each.number is None:
            continue
        asked, facts = each.cell.asked(each.number), each.facts
        rows.append(
            {
                "file": paths[each.cell.index],
                "group": each.cell.prompt.group,
                "name": each.cell.prompt.name,
                "prompt": asked.prompt,
                "bpm": float(asked.tempo),
                "bars": str(asked.bars),
                "meter": str(asked.meter),
                "key": None if asked.key is None else str(asked.key),
                "chords": None if asked.chords is None else str(asked.chords),
                "seed": asked.seed,
                "tries": each.number + 1,
                "lufs": round(facts.lufs, 2),
                "duration_s": round(facts.num_samples / asked.sample_rate, 6),
                "num_samples": facts.num_samples,
                "sample_rate": asked.sample_rate,
                "bit_depth": asked.bit_depth,
                "seam_jump": facts.seam_jump,
                "seam_lpc_db": facts.seam_lpc_db,
                "pulse": facts.pulse,
                "grid_late_ms": facts.grid_late_ms,
                "model": asked.model,
                "sha256": facts.sha256,
            }
        )
    return rows


def refusals(settled: Sequence[Settled]) -> dict[str, int]:
    """Return how many loops were made again, by what was wrong with them."""
    counted = Counter(refused.fault for each in settled for refused in each.refused)
    return dict(sorted(counted.items()))


def given_up(settled: Sequence[Settled], paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return the cells for which no try was fit, and what was wrong with each try."""
    return [
        {
            "file": paths[each.cell.index],
            "prompt": each.cell.request.prompt,
            "bpm": float(each.cell.request.tempo),
            "bars": str(each.cell.request.bars),
            "key": None if each.cell.request.key is None else str(each.cell.request.key),
            "seed": each.cell.request.seed,
            "faults": [
                refused.fault if refused.like is None else f"duplicate of {paths[refused.like]}"
                for refused in each.refused
            ],
        }
        for each in settled
        if each.facts is None
    ]


def manifest_json(
    recipe: PackRecipe, settled: Sequence[Settled], paths: Sequence[str], environment: Mapping[str, str]
) -> bytes:
    """Return the manifest as JSON."""
    document = {
        "riffsidecar": __version__,
        "pack": recipe.name,
        "label": recipe.label,
        "made_with": dict(sorted(environment.items())),
        "made_again": refusals(settled),
        "given_up": given_up(settled, paths),
        "loops": loop_rows(settled, paths),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def manifest_csv(settled: Sequence[Settled], paths: Sequence[str]) -> bytes:
    """Return the loops as CSV."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in loop_rows(settled, paths):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return table.getvalue().encode("utf-8")


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a prompt for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
