"""The `sendbrief` command."""
