"""The spectrogram format as a component of a checkpoint, saved and loaded like the others.

diffusers loads a component that is not its own through a base class it knows. A spectrogram format says which
features of sound the model speaks, so it is saved as transformers saves feature extractors: as
``preprocessor_config.json``.
"""

from __future__ import annotations

from typing import Any

from transformers import FeatureExtractionMixin

from riffsidecar.spectrogram.formats import SpectrogramFormat

__all__ = ["FeatureExtractionMixin", "FormatComponent"]

_NOT_FIELDS = ("feature_extractor_type", "processor_class")


class FormatComponent(FeatureExtractionMixin):  # type: ignore[misc]
    """Carry a `SpectrogramFormat` through `save_pretrained` and `from_pretrained`.

    >>> from riffsidecar.spectrogram.formats import BEAT_GRID
    >>> FormatComponent.of(BEAT_GRID).format == BEAT_GRID
    True
    """

    def __init__(self, **values: Any) -> None:
        fields = {name: value for name, value in values.items() if name not in _NOT_FIELDS}
        self.format = SpectrogramFormat.from_dict(fields)

    @classmethod
    def of(cls, spectrogram_format: SpectrogramFormat) -> FormatComponent:
        """Wrap a format."""
        return cls(**spectrogram_format.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return what is written to ``preprocessor_config.json``."""
        return {"feature_extractor_type": type(self).__name__, **self.format.to_dict()}
