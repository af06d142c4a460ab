"""Surfaces: what turns OSC messages and MIDI bytes into commands, and shows what came of them."""
