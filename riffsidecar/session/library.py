"""The banks of a session, by name and by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from riffsidecar.errors import SessionError, UnknownNameError, nearest
from riffsidecar.music.shown import shown
from riffsidecar.session.pads import Bank

__all__ = ["BankLibrary"]


@dataclass(frozen=True, slots=True)
class BankLibrary:
    """At least one bank, each under its own name, in the order of their numbers from 1.

    Raises:
        SessionError: with no bank, or with two of one name.
    """

    banks: tuple[Bank, ...]

    def __post_init__(self) -> None:
        """Refuse a library without banks, and two banks of one name."""
        object.__setattr__(self, "banks", tuple(self.banks))
        if not self.banks:
            raise SessionError("there is no bank: put at least one preset file into the folder of presets")
        names = self.names
        for name in names:
            if names.count(name) > 1:
                raise SessionError(f"there are two banks of the name {name!r}: rename one")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the banks."""
        return tuple(bank.name for bank in self.banks)

    def find(self, wanted: str | int) -> Bank:
        """Return a bank by its name, its title or its number from 1.

        Raises:
            UnknownNameError: naming the nearest, or how many there are.
        """
        if isinstance(wanted, int):
            if not 1 <= wanted <= len(self.banks):
                raise UnknownNameError(
                    f"no bank {wanted}, but banks 1 to {len(self.banks)}: {', '.join(self.names)}"
                )
            return self.banks[wanted - 1]
        folded = wanted.strip().casefold()
        for bank in self.banks:
            if folded in (bank.name, bank.title.casefold()):
                return bank
        raise UnknownNameError(
            f"no bank {shown(wanted)}, but one of {', '.join(self.names)}{nearest(folded[:32], self.names)}"
        )

    def replaced(self, bank: Bank) -> BankLibrary:
        """Return the library with this bank in the place of the one of its name, or behind the others."""
        if bank.name in self.names:
            return BankLibrary(tuple(bank if old.name == bank.name else old for old in self.banks))
        return BankLibrary((*self.banks, bank))

    def __iter__(self) -> Iterator[Bank]:
        """Return the banks in order."""
        return iter(self.banks)

    def __len__(self) -> int:
        """Return how many banks there are."""
        return len(self.banks)
