"""Import diffusers, transformers and numba without what they import for models of others, or for a compiler.

To define `diffusers.DiffusionPipeline`, diffusers imports every net it has, transformers the base of all of
its models, both of them torch's compiler with sympy, and the schedulers scipy.stats; numba imports
scipy.linalg to see that it is there: more than all that a model of ours needs before its first loop. While
the modules below are loaded, the names that they take from there are stood in for, and given back afterwards;
whoever asks for the true ones gets them, then. What was imported before keeps its names, and a release of the
libraries that takes other names is imported whole.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, Final

from riffsidecar.diffusion.lean_models import before_listing, with_models_when_asked_for

__all__ = ["install", "without_others"]


_MODEL_BASES: Final = (
    ("modeling_utils", "PreTrainedModel"),
    ("processing_utils", "ProcessorMixin"),
    ("image_processing_utils", "ImageProcessingMixin"),
)
"""Modules of transformers, and what diffusers asks its parts to be."""


class _Unloaded(type):
    """The type of stand-ins for a class: until somebody has imported that, nothing is an instance of it."""

    def __new__(cls, name: str, module: str) -> _Unloaded:
        return super().__new__(cls, name, (), {"__module__": module})

    def __init__(cls, name: str, module: str) -> None:
        super().__init__(name, (), {})

    def _meant(cls) -> type | None:
        module = sys.modules.get(cls.__module__)
        meant: type | None = getattr(module, cls.__name__, None)
        return meant

    def __instancecheck__(cls, instance: object) -> bool:
        meant = cls._meant()
        return meant is not None and isinstance(instance, meant)

    def __subclasscheck__(cls, subclass: type) -> bool:
        meant = cls._meant()
        return meant is not None and issubclass(subclass, meant)


@contextmanager
def _standing_in(package: str, name: str, stand_in: object) -> Iterator[None]:
    """Let ``package`` have another value under ``name``, for a while."""
    names = vars(importlib.import_module(package))
    absent = object()
    before = names.get(name, absent)
    names[name] = stand_in
    try:
        yield
    finally:
        # Who imported the true one in the meantime has put it there.
        if names.get(name) is stand_in:
            if before is absent:
                del names[name]
            else:
                names[name] = before


@contextmanager
def _module_standing_in(name: str, stand_in: ModuleType | None) -> Iterator[None]:
    """Let ``import name`` give a stand-in, or fail where it is None, unless it has been imported."""
    if name in sys.modules:
        yield
        return
    # mypy knows no None here; the import system does.
    sys.modules[name] = stand_in  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        package, _, child = name.rpartition(".")
        if stand_in is not None and package in sys.modules:
            vars(sys.modules[package]).pop(child, None)


@contextmanager
def _class_standing_in(package: str, module: str, name: str) -> Iterator[None]:
    """Let ``from package import name`` give an `_Unloaded`, unless its module has been imported."""
    if module in sys.modules:
        yield
        return
    with _standing_in(package, name, _Unloaded(name, module)):
        yield


@contextmanager
def without_others() -> Iterator[None]:
    """Spare a pipeline that is read the bases of transformers' models and the compiler, for the while.

    It asks of each part whether it is such a model, or compiled.
    """
    with ExitStack() as stack:
        for module, name in _MODEL_BASES:
            stack.enter_context(_class_standing_in("transformers", f"transformers.{module}", name))
        if "torch._dynamo" not in sys.modules:
            compiled = _Unloaded("OptimizedModule", "torch._dynamo.eval_frame")
            compiler = SimpleNamespace(eval_frame=SimpleNamespace(OptimizedModule=compiled))
            stack.enter_context(_standing_in("torch", "_dynamo", compiler))
        yield


def _undecorated(function: Any = None, *_: object, **__: object) -> Any:
    return _undecorated if function is None else function


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Leave functions bare that a compiler is to leave alone, unless it has been imported."""
    if "torch._dynamo" in sys.modules:
        yield
        return
    with _standing_in("torch.compiler", "disable", _undecorated):
        yield


@contextmanager
def _for_pipelines() -> Iterator[None]:
    """Spare the base of pipelines nets, models and the compiler: it asks whether it was given one of them."""
    with ExitStack() as stack:
        stack.enter_context(
            _class_standing_in(
                "diffusers.models", "diffusers.models.autoencoders.autoencoder_kl", "AutoencoderKL"
            )
        )
        stack.enter_context(without_others())
        stack.enter_context(_without_compiler())
        yield


@contextmanager
def _for_arrays_of_numba() -> Iterator[None]:
    """Spare numba a look at scipy's linear algebra; a function that uses it looks when it is compiled."""
    if importlib.util.find_spec("scipy") is None:
        yield
        return
    checking = importlib.import_module("numba.np.linalg")
    check = getattr(checking, "ensure_blas", None)
    with _standing_in("numba.np.linalg", "ensure_blas", lambda: None):
        yield
    names = vars(sys.modules["numba.np.arraymath"])
    if check is not None and "ensure_blas" in names:
        names["ensure_blas"] = check


_read_installed_packages = functools.cache(importlib.metadata.packages_distributions)


class _InstalledPackages(Mapping[str, list[str]]):
    """Which distributions hold a package; the files of all are listed when it is asked for the first one."""

    def __getitem__(self, name: str) -> list[str]:
        return _read_installed_packages()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_read_installed_packages())

    def __len__(self) -> int:
        return len(_read_installed_packages())


@contextmanager
def _for_availability() -> Iterator[None]:
    """Read the list of installed packages once for both libraries, and only if one looks into it."""
    with _standing_in("importlib.metadata", "packages_distributions", _InstalledPackages):
        yield


@contextmanager
def _for_names_of_models() -> Iterator[None]:
    with _for_availability(), before_listing():
        yield


_WHILE_LOADING: Final[Mapping[str, Callable[[], AbstractContextManager[None]]]] = MappingProxyType(
    {
        "numba.np.arraymath": _for_arrays_of_numba,
        "diffusers.utils.import_utils": _for_availability,
        "transformers": with_models_when_asked_for,
        "transformers.utils.import_utils": _for_names_of_models,
        "diffusers.utils.torch_utils": lambda: _module_standing_in("torch._dynamo", None),
        "diffusers.hooks": _without_compiler,
        "diffusers.pipelines.pipeline_utils": _for_pipelines,
        "diffusers.schedulers.scheduling_dpmsolver_multistep": lambda: _module_standing_in(
            "scipy.stats", ModuleType("scipy.stats")
        ),
    }
)


class _LeanFinder(MetaPathFinder):
    """Find the modules above as everyone does, and have them loaded among their stand-ins."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        standing_in = _WHILE_LOADING.get(fullname)
        spec = None if standing_in is None else PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None or standing_in is None:
            return None
        load = spec.loader.exec_module

        def load_among_stand_ins(module: ModuleType) -> None:
            with standing_in():
                load(module)

        # The loader stays what it is, for all that asks it for source and data.
        spec.loader.exec_module = load_among_stand_ins  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Have the libraries imported leanly from here on; again does nothing."""
    if not any(isinstance(finder, _LeanFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LeanFinder())
