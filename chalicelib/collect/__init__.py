"""Feeds, folders and calendars become entries: fetched, parsed, identified, given topics."""
