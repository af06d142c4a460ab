"""Prompts to latents to spectrograms: the pipeline, its nets, circular padding, text, seeds and checkpoints.

Importing this package loads no torch; its modules do. Import what is needed from them:
`riffsidecar.diffusion.pipeline`, `riffsidecar.diffusion.checkpoints` and so on.
"""

from riffsidecar.diffusion.lean_imports import install

install()
