"""Addresses, subscribers, consent, suppression, import and export."""
