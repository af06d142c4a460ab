"""Commands that print ratios against a named baseline."""
