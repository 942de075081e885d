"""Whole runs, as a person or a scheduler would start them."""
