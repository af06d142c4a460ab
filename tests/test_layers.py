"""The rooms depend on each other one way only, and the package is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import riffsidecar

PACKAGE = Path(riffsidecar.__file__).parent
ROOMS = (
    "errors",
    "music",
    "session",
    "audio",
    "spectrogram",
    "models",
    "diffusion",
    "render",
    "control",
    "config",
    "daemon",
    "cli",
)
HEAVY = {"torch", "diffusers", "transformers"}
HEAVY_PLACES = (
    "diffusion/",
    "training/",
    "render/loop_latents.py",
    "render/render_loop.py",
    "render/level.py",
    "render/journey_line.py",
    "render/journey_decode.py",
    "render/journey_loop.py",
    "render/journey_runs.py",
)
IN_THE_WORKER_ONLY = (
    "riffsidecar.diffusion",
    "riffsidecar.render.loop_latents",
    "riffsidecar.render.render_loop",
    "riffsidecar.render.level",
    "riffsidecar.render.journey_line",
    "riffsidecar.render.journey_decode",
    "riffsidecar.render.journey_loop",
    "riffsidecar.render.journey_runs",
)


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """Give every imported module, whether it is imported inside a function, and the line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in inner, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.module or "", id(node) in inner, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) in inner, node.lineno


def target_room(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "riffsidecar" or len(parts) < 2:
        return None
    return parts[1] if (PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").is_file() else None


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_arrow_runs_back(path: Path) -> None:
    room = room_of(path)
    for module, inside, line in imports(path):
        target = target_room(module)
        if target is None or target == room or room in ("__init__", "__main__"):
            continue
        where = f"{path.relative_to(PACKAGE)}:{line} imports {module}"
        if room == "training":
            assert target in ROOMS[: ROOMS.index("control")], where
        elif target == "training":
            assert room == "cli" and inside, f"{where}; only the command line may, and lazily"
        else:
            assert target in ROOMS[: ROOMS.index(room)], where


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_where_it_belongs(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    for module, _, line in imports(path):
        if not place.startswith(HEAVY_PLACES):
            assert module.split(".")[0] not in HEAVY, f"{place}:{line} imports {module}"
            assert not module.startswith(IN_THE_WORKER_ONLY), f"{place}:{line} imports {module}"


def test_a_back_arrow_would_be_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from riffsidecar import cli\n")
    assert [(target_room(module), inside) for module, inside, _ in imports(bad)] == [
        (None, True),
        ("cli", True),
    ]


def loaded_by(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=PACKAGE.parent,
    )
    return {name.split(".")[0] for name in run.stdout.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import riffsidecar") & {
        *HEAVY,
        "numpy",
        "scipy",
        "numba",
        "mido",
        "pythonosc",
        "watchdog",
    }


def test_the_daemon_and_the_command_line_load_neither_torch_nor_numba() -> None:
    statement = "import riffsidecar.cli, riffsidecar.daemon.surfaces, riffsidecar.render.worker_main"
    assert not loaded_by(statement) & {*HEAVY, "scipy", "numba"}


def test_every_room_is_in_the_order() -> None:
    found = {room_of(path) for path in modules()} - {"__init__", "__main__", "training", "checkpoints"}
    assert found <= set(ROOMS)
