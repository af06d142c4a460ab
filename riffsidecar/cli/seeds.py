"""Find and fit the seed audio that a command names: a file, or a seed of the seed folder by its name."""

from __future__ import annotations

from pathlib import Path

from riffsidecar.config import Config
from riffsidecar.errors import RiffError, SessionError, UnknownNameError, nearest
from riffsidecar.music import Meter, Tempo
from riffsidecar.session.seeds import SeedSource, seed_name

__all__ = ["find_seed", "fitted_seed"]


def find_seed(written: str, config: Config) -> Path:
    """Return the file of that path, or of that name in the seed folder.

    Raises:
        UnknownNameError: there is neither.
    """
    from riffsidecar.render.seeds import SUFFIXES

    path = Path(written).expanduser()
    if path.is_file():
        return path
    folder = config.seed_folder
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    named = {seed_name(file.stem): file for file in reversed(files) if file.suffix.lower() in SUFFIXES}
    found = named.get(seed_name(written))
    if found is None or Path(written).name != written:
        raise UnknownNameError(
            f"{written!r} cannot be read: no such file, and no seed of that name in {folder}"
            f"{nearest(seed_name(written), named)}; name a file that exists"
        )
    return found


def fitted_seed(written: str, config: Config, tempo: Tempo, meter: Meter) -> SeedSource:
    """Return the seed audio that ``written`` names, measured and fitted to whole bars.

    Raises:
        RiffError: there is none, or it is no audio.
    """
    from riffsidecar.render.seeds import FITTED_FOLDER, fit_seed, keep_fitted

    path = find_seed(written, config)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SessionError(
            f"{path} cannot be read: {error.strerror or error}; name a file that exists"
        ) from error
    try:
        fitted = fit_seed(content, path.stem[:64], tempo, meter)
    except RiffError as error:
        raise type(error)(f"{path}: {error}") from error
    drop = Path(config.output.folder).expanduser()
    return fitted.source(seed_name(path.stem), keep_fitted(fitted, drop / FITTED_FOLDER))
