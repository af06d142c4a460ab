"""What plays riffsidecar from other hosts than Live: patches, a script and layouts, and what builds them."""
