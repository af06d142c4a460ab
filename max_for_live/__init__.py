"""The Max for Live device: its sources, what builds it, and the built file."""
