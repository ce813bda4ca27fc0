"""Stays in hospital, and the patients that they belong to."""
