"""The store's ports, held by every adapter alike."""
