"""Entries and notes become editions: when a slot is due, what goes in and why, and the states of an edition."""
