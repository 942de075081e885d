"""The API for other programs, /api/v1: JSON alone, keys with scopes, one table of routes for code and document."""
