"""Make loops beside a DAW: a pad or a knob asks, a latent-diffusion model answers with a WAV.

The package itself is light on purpose: no numpy, no torch. Only the render worker process loads the model.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
