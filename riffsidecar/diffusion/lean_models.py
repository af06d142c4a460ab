"""Import transformers without the list of its models: to make that, it opens thousands of its own files.

The package lists what it could import, model by model, each time it is imported. Here that list is empty
until somebody asks the package for a name outside it, or for all of its names; from then on it is what it
would have been.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

__all__ = ["before_listing", "with_models_when_asked_for"]

_PACKAGE: Final = "transformers"
_UTILITIES: Final = f"{_PACKAGE}.utils.import_utils"
_LISTING: Final = "define_import_structure"
_LAZY: Final = "_LazyModule"

Structure = dict[frozenset[str], dict[str, set[str]]]
"""By what is needed for them: the modules that could be imported, and their names."""


class _Listing:
    """Stand in for the function that lists what a folder has to import, and know what it left out."""

    def __init__(self, true: Callable[..., Structure]) -> None:
        self.true = true
        self._models: str | None = None
        self._given: Structure = {}

    def __call__(self, module_path: Any, prefix: str | None = None) -> Structure:
        if prefix != "models" or Path(module_path).parent.name != _PACKAGE or self._models is not None:
            return self.true(module_path, prefix=prefix)
        self._models, self._given = str(module_path), {frozenset(): {}}
        return self._given

    def finish(self, package: ModuleType, lazy: type[ModuleType]) -> None:
        """Have ``package`` complete itself when it is asked for what was left out."""
        if self._models is None:
            return
        if isinstance(package, lazy):
            package.__class__ = _deferred(type(package), self.whole)
            # Asked for, the names of all must not be found among what is there already.
            vars(package).pop("__all__", None)
        else:
            self._given.update(self.whole())

    def whole(self) -> Structure:
        """Return the list as it would have been."""
        whole = dict(self.true(self._models, prefix="models"))
        for needed, modules in self._given.items():
            whole[needed] = {**whole.get(needed, {}), **modules}
        return whole


def _deferred(kind: type[ModuleType], structure: Callable[[], Structure]) -> type[ModuleType]:
    """Return the type of a package that lists its models when it is asked for one, and is a ``kind`` then."""

    class Deferred(kind):  # type: ignore[misc, valid-type]
        def _complete(self) -> None:
            whole = kind(  # type: ignore[call-arg]
                self.__name__, self.__file__, structure(), module_spec=self.__spec__
            )
            found = {name: value for name, value in vars(whole).items() if name[:2] != "__"}
            # What has been imported from it, and what it was given beside the list, stays.
            del found["_objects"]
            self.__dict__.update(found, __all__=vars(whole)["__all__"])
            self.__class__ = kind  # type: ignore[assignment]

        def __getattr__(self, name: str) -> Any:
            known = (self._objects, self._class_to_module, self._modules)
            special = name[:2] == "__" and name != "__all__"
            if special or any(name in names for names in known):
                return super().__getattr__(name)
            self._complete()
            return getattr(self, name)

        def __dir__(self) -> list[str]:
            self._complete()
            return dir(self)

        def __reduce__(self) -> Any:
            self._complete()
            return self.__reduce__()

    Deferred.__name__, Deferred.__qualname__ = kind.__name__, kind.__qualname__
    return Deferred


@contextmanager
def before_listing() -> Iterator[None]:
    """Load the module of transformers whose function lists what could be imported, and stand in for that."""
    yield
    utilities = sys.modules.get(_UTILITIES)
    true = getattr(utilities, _LISTING, None)
    if callable(true) and isinstance(getattr(utilities, _LAZY, None), type):
        vars(utilities)[_LISTING] = _Listing(true)


@contextmanager
def with_models_when_asked_for() -> Iterator[None]:
    """Load transformers, and give the function back that `before_listing` stood in for."""
    try:
        yield
    finally:
        utilities = sys.modules.get(_UTILITIES)
        listing = getattr(utilities, _LISTING, None)
        if isinstance(listing, _Listing):
            vars(utilities)[_LISTING] = listing.true
            package = sys.modules.get(_PACKAGE)
            if package is not None:
                listing.finish(package, vars(utilities)[_LAZY])
