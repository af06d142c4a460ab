"""The Hugging Face hub as a place that models come from. Loaded only when something is fetched."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from riffsidecar.errors import ModelError
from riffsidecar.models.fetch import RemoteFile, RemoteModel

__all__ = ["HuggingFace"]


class HuggingFace:
    """Fetch through ``huggingface_hub``, which goes on with broken downloads by itself.

    Args:
        endpoint: another address than ``https://huggingface.co``, such as a mirror.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def look_up(self, repo: str, revision: str | None) -> RemoteModel:
        """Return a repository at a revision, or at its newest.

        Raises:
            ModelError: it cannot be reached, or is not there.
        """
        from huggingface_hub import HfApi

        with _told(repo):
            info = HfApi(endpoint=self._endpoint).model_info(repo, revision=revision, files_metadata=True)
        if revision is not None and info.sha != revision:
            raise ModelError(f"{repo} was asked for at {revision}, and the hub answered with {info.sha}")
        return RemoteModel(str(info.sha), tuple(_files(info.siblings or ())))

    def download(
        self, repo: str, revision: str, path: str, folder: Path, on_bytes: Callable[[int], None]
    ) -> None:
        """Put one file into ``folder`` under its own path.

        Raises:
            ModelError: it cannot be had.
        """
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        url = hf_hub_url(repo, path, revision=revision, endpoint=self._endpoint)
        target = folder / path
        # The library throws a piece away when a download is broken off; its transfer can go on with it.
        piece = target.with_name(target.name + ".incomplete")
        with _told(repo):
            piece.parent.mkdir(parents=True, exist_ok=True)
            with piece.open("ab") as file:
                http_get(
                    url,
                    file,
                    resume_size=file.tell(),
                    headers=build_hf_headers(),
                    tqdm_class=_bar(on_bytes),
                )
            piece.replace(target)


def _files(siblings: Any) -> Iterator[RemoteFile]:
    for each in siblings:
        lfs = each.lfs
        digest = None if lfs is None else str(lfs["sha256"] if isinstance(lfs, dict) else lfs.sha256)
        yield RemoteFile(str(each.rfilename), int(each.size or 0), digest)


@contextmanager
def _told(repo: str) -> Iterator[None]:
    """Turn what the hub's library and the network raise into one error with a way on."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{repo} asks for an account: log in with 'hf auth login' and accept its terms"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"{repo} is not on the hub, or not for everybody: check OWNER/NAME") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(f"{repo} cannot be fetched: {_first_line(error)}; {_REMEDY}") from error
    except Exception as error:
        # The library's HTTP client has been replaced twice; its errors share no base but this.
        if type(error).__module__.partition(".")[0] in (
            "httpx",
            "httpx2",
            "httpcore",
            "httpcore2",
            "requests",
        ):
            raise ModelError(f"{repo} cannot be fetched: {_first_line(error)}; {_REMEDY}") from error
        raise


_REMEDY = (
    "try again, it goes on where it stopped; without a network, copy the model from another machine and use "
    "--from PATH"
)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _bar(on_bytes: Callable[[int], None]) -> type[Any]:
    """Return a class that the hub's library takes for a progress bar."""
    from tqdm.std import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "file": io.StringIO(), "disable": False})
            on_bytes(int(self.n))

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            on_bytes(int(self.n))
            return bool(shown)

    return Bar
