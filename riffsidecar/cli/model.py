"""``riffsidecar model``: list, fetch, verify and remove models beside the embedded one."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK, PROBLEMS
from riffsidecar.errors import ModelError
from riffsidecar.models import KNOWN_MODELS, KnownModel, Manifest, ModelStore, find_known
from riffsidecar.models.fetch import fetch_model
from riffsidecar.models.hugging_face import HuggingFace
from riffsidecar.models.licences import LICENCES, needs_acceptance, unknown_licence
from riffsidecar.models.local import install_local

__all__ = ["add_parser"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command, its four verbs and their options."""
    model = subparsers.add_parser(
        "model",
        help="list, fetch, verify or remove models beside the embedded one",
        description="Get other models: Riffusion v1, fine-tunes of Stable Diffusion 1.x, LoRAs.",
    )
    verbs = model.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="list installed and known models", description=_list.__doc__)
    listing.set_defaults(run=_list)
    fetch = verbs.add_parser("fetch", help="get a model from the hub or a folder", description=_fetch.__doc__)
    fetch.add_argument("name", metavar="NAME", help=f"{', '.join(KNOWN_MODELS)}, or a name of your own")
    fetch.add_argument(
        "--from", dest="source", type=Path, metavar="PATH", help="a diffusers folder or one .safetensors file"
    )
    fetch.add_argument("--repo", metavar="OWNER/NAME", help="another repository on the hub")
    fetch.add_argument("--kind", choices=("checkpoint", "lora", "decoder"), help="what --repo holds")
    fetch.add_argument(
        "--revision", metavar="HEX", help="40 hexadecimal digits; default the newest, then kept"
    )
    fetch.add_argument(
        "--accept-licence",
        action="store_true",
        help="accept the licence's use restrictions without being asked",
    )
    fetch.set_defaults(run=_fetch)
    verify = verbs.add_parser("verify", help="read every byte of a model again", description=_verify.__doc__)
    verify.add_argument("name", nargs="?", metavar="NAME", help="default all")
    verify.set_defaults(run=_verify)
    remove = verbs.add_parser("remove", help="remove a model", description=_remove.__doc__)
    remove.add_argument("name", metavar="NAME", help="an installed model")
    remove.set_defaults(run=_remove)
    for parser in (listing, fetch, verify, remove):
        add_common_options(parser)


def _list(context: Context) -> int:
    """List the installed models, and those that are known and could be fetched."""
    store = ModelStore()
    installed = {manifest.name: manifest for manifest in store}
    rows = [("embedded", "checkpoint", "installed", "in the package")]
    rows += [(m.name, m.kind, "installed", f"{m.size / 1e6:.0f} MB, {m.source}") for m in installed.values()]
    rows += [(k.name, k.kind, "known", k.help) for k in KNOWN_MODELS.values() if k.name not in installed]
    context.terminal.table(("name", "kind", "state", "about"), rows)
    keys = ("name", "kind", "state", "about")
    context.terminal.document(
        {"folder": str(store.folder), "models": [dict(zip(keys, row, strict=True)) for row in rows]}
    )
    return OK


def _fetch(context: Context) -> int:
    """Get a model: from the hub, pinned to one revision and checked, or from a folder on this machine."""
    args, store = context.args, ModelStore()
    if args.source is not None and (args.repo or args.revision):
        raise ModelError("--from takes what is on this machine: leave --repo and --revision out")
    known = KNOWN_MODELS.get(args.name)
    if args.source is None and args.repo is None:
        known = find_known(args.name)
    where = str(args.source or args.repo or (known.repo if known else args.name))
    licence = known.licence if known is not None else f"as of {where}"
    _accept(context, store, licence, where)

    def show(path: str, done: int, total: int) -> None:
        context.terminal.progress(f"{args.name}: {path}", done / max(1, total))

    try:
        if args.source is not None:
            manifest = install_local(store, args.name, args.source.expanduser(), licence, show)
        else:
            kind, repo = _from_hub(args, known)
            manifest = fetch_model(
                store,
                HuggingFace(os.environ.get("HF_ENDPOINT") or None),
                name=args.name,
                kind=kind,
                repo=repo,
                licence=licence,
                revision=args.revision,
                progress=show,
            )
    finally:
        context.terminal.clear_bar()
    context.terminal.line(
        f"{manifest.name}: {manifest.kind}, {manifest.size / 1e6:.1f} MB, {manifest.source}"
    )
    context.terminal.line(_how_to_use(manifest))
    context.terminal.document(_document(store, manifest))
    return OK


def _from_hub(args: argparse.Namespace, known: KnownModel | None) -> tuple[str, str]:
    if known is not None and args.repo is None:
        return known.kind, known.repo
    kind = args.kind or (known.kind if known is not None else "checkpoint")
    return kind, args.repo


def _accept(context: Context, store: ModelStore, licence: str, where: str) -> None:
    """Show what the licence forbids, and go on only when it is accepted, once and for all."""
    if not needs_acceptance(licence) or store.accepted(licence):
        return
    context.terminal.note(LICENCES.get(licence, unknown_licence(where)))
    if not context.args.accept_licence:
        if not (sys.stdin.isatty() and context.terminal.is_interactive):
            raise ModelError(
                "the licence has to be accepted first: run again with --accept-licence once read"
            )
        context.terminal.note("Do you accept this? Type yes:")
        if sys.stdin.readline().strip().lower() != "yes":
            raise ModelError("the licence was not accepted, so nothing was fetched")
    store.accept(licence)


def _verify(context: Context) -> int:
    """Read every byte of the models again, and tell of each file that is not what was installed."""
    store = ModelStore()
    names = [context.args.name] if context.args.name else [manifest.name for manifest in store]
    found = {name: store.verify(name) for name in names}
    for name, wrong in found.items():
        context.terminal.line(f"{name}: {'; '.join(wrong) or 'as it was installed'}")
    if not found:
        context.terminal.line("no models are installed beside the embedded one")
    context.terminal.document({"models": found})
    return PROBLEMS if any(found.values()) else OK


def _remove(context: Context) -> int:
    """Remove a model, or what was begun of one."""
    freed = ModelStore().remove(context.args.name)
    context.terminal.line(f"{context.args.name} is removed, {freed / 1e6:.0f} MB are free")
    context.terminal.document({"removed": context.args.name, "bytes": freed})
    return OK


def _how_to_use(manifest: Manifest) -> str:
    ways = {
        "lora": f'use it with: riffsidecar render "..." --model riffusion-v1 --lora {manifest.name}',
        "decoder": "drafts of other models are decoded with it from now on",
    }
    return ways.get(manifest.kind, f"use it with: riffsidecar run --model {manifest.name}")


def _document(store: ModelStore, manifest: Manifest) -> dict[str, object]:
    return {
        "name": manifest.name,
        "kind": manifest.kind,
        "source": manifest.source,
        "licence": manifest.licence,
        "folder": str(store.path(manifest.name)),
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in manifest.files],
    }
