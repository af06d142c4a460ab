"""The rules of the house that a linter does not know, and what the wheel carries."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import riffsidecar

PACKAGE = Path(riffsidecar.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
MAY_PRINT = ("cli/", "training/cli.py")
LOGGERS = frozenset({"logger", "_log", "log", "logging"})
LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name


def defined(tree: ast.Module) -> set[str]:
    """Return the functions and classes that a module defines at its top."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree.body if isinstance(node, kinds)}


def bound(tree: ast.Module) -> set[str]:
    """Return every name that a module binds at its top, wherever it comes from."""
    names = defined(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                names |= {alias.asname or alias.name for alias in node.names}
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
    return names


def exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == "__all__" for each in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return None


def breaches(path: Path) -> Iterator[str]:
    """Give every breach of the house rules in a module, with its line."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if not (ast.get_docstring(tree) or "").strip():
        yield "1: has no docstring"
    if len(text.splitlines()) > MAX_LINES:
        yield f"{MAX_LINES}: is longer than {MAX_LINES} lines"
    public = {name for name in defined(tree) if not name.startswith("_")}
    names = exported(tree)
    if public and names is None:
        yield f"1: defines {', '.join(sorted(public))} and has no __all__"
    for name in sorted(public - set(names or public)):
        yield f"1: {name} is public and not in __all__"
    for name in sorted(set(names or ()) - bound(tree)):
        yield f"1: {name} is in __all__ and not there"
    for node in ast.walk(tree):
        yield from _breaches_of(node, may_print=place(path).startswith(MAY_PRINT))


def _breaches_of(node: ast.AST, may_print: bool) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="print")) if not may_print:
            yield f"{node.lineno}: prints"
        case ast.Assert():
            yield f"{node.lineno}: asserts at run time"
        case ast.ExceptHandler(type=None):
            yield f"{node.lineno}: catches everything, without a name"
        case ast.ExceptHandler(body=[ast.Pass() | ast.Expr(value=ast.Constant())]):
            yield f"{node.lineno}: swallows an error"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method), args=[ast.JoinedStr(), *_]):
            if owner in LOGGERS and method in LOG_METHODS:
                yield f"{node.lineno}: formats a log line before anybody wants it"


@pytest.mark.parametrize("path", modules(), ids=place)
def test_a_module_keeps_the_rules_of_the_house(path: Path) -> None:
    assert [f"{place(path)}:{breach}" for breach in breaches(path)] == []


@pytest.mark.parametrize(
    ("text", "breach"),
    [
        ("x = 1\n", "1: has no docstring"),
        ('"""D."""\n' + "\n" * MAX_LINES, "400: is longer than 400 lines"),
        ('"""D."""\ndef f(): ...\n', "1: defines f and has no __all__"),
        ('"""D."""\n__all__ = ["f"]\ndef f(): ...\ndef g(): ...\n', "1: g is public and not in __all__"),
        ('"""D."""\n__all__ = ["f"]\n', "1: f is in __all__ and not there"),
        ('"""D."""\nprint(1)\n', "2: prints"),
        ('"""D."""\nassert True\n', "2: asserts at run time"),
        ('"""D."""\ntry:\n    x = 1\nexcept:\n    x = 2\n', "4: catches everything, without a name"),
        ('"""D."""\ntry:\n    x = 1\nexcept ValueError:\n    pass\n', "4: swallows an error"),
        ('"""D."""\nlogger.info(f"{x}")\n', "2: formats a log line before anybody wants it"),
    ],
)
def test_a_breach_of_the_rules_would_be_seen(text: str, breach: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(text, encoding="utf-8")
    assert list(breaches(module)) == [breach]


def test_every_folder_that_the_wheel_is_to_carry_holds_something() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    sources = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    empty = [source for source in sources if not any(path.is_file() for path in (ROOT / source).rglob("*"))]
    assert sources and empty == [], "git keeps no empty folder, and a fresh clone could not be installed"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as pip does, without leaving anything in the repository."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, so no wheel is built")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_carries_what_a_run_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())
    wanted = {f"riffsidecar/_data/presets/{path.name}" for path in (ROOT / "presets").glob("*.toml")}
    wanted |= {f"riffsidecar/{place(path)}" for path in modules()}
    wanted |= {
        f"riffsidecar/training/configs/{path.name}"
        for path in (PACKAGE / "training" / "configs").glob("*.toml")
    }
    for folder, where in (
        (PACKAGE / "checkpoints" / "embedded", "checkpoints/embedded"),
        (ROOT / "max_for_live", "_data/max_for_live"),
    ):
        files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        wanted |= {
            f"riffsidecar/{where}/{file}"
            for file in files
            if not file.startswith(".") and "__pycache__" not in file
        }
    assert any(name.endswith(".toml") for name in wanted)
    assert wanted - carried == set()


def test_the_wheel_carries_nothing_that_a_run_does_not_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = archive.namelist()
    strangers = [
        name
        for name in carried
        if not name.startswith(("riffsidecar/", f"riffsidecar-{riffsidecar.__version__}.dist-info/"))
        or name.startswith("riffsidecar/checkpoints/text")
        or "__pycache__" in name
    ]
    assert strangers == []


def test_presets_load_from_the_wheel_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site, [name for name in archive.namelist() if "/checkpoints/" not in name])
    script = (
        "import riffsidecar, sys; from riffsidecar.cli import main; print(riffsidecar.__file__, "
        "file=sys.stderr);"
        "sys.exit(main(['presets', '--json']))"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "XDG_CONFIG_HOME": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=empty,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stderr.strip()).is_relative_to(site)
    banks = json.loads(done.stdout)["banks"]
    assert {bank["name"] for bank in banks} == {path.stem for path in (ROOT / "presets").glob("*.toml")}
