"""The command line: every command a screen, every error one line and an exit code."""

from riffsidecar.cli.main import main

__all__ = ["main"]
