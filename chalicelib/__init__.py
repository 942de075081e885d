"""Sendbrief: a serverless newsletter and outreach system for open-source communities."""

__version__ = "0.1.0"
