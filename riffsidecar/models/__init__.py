"""Models beside the embedded one: what is known, what is installed, and how it comes here. Loads no torch."""

from riffsidecar.models.catalogue import KNOWN_MODELS, KnownModel, find_known
from riffsidecar.models.manifest import Manifest, ModelFile
from riffsidecar.models.store import ModelStore, models_folder

__all__ = ["KNOWN_MODELS", "KnownModel", "Manifest", "ModelFile", "ModelStore", "find_known", "models_folder"]
