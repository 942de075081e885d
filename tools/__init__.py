"""Chores of the people who work on Sendbrief."""
