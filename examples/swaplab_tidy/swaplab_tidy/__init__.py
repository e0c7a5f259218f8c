"""Folders that fill up."""
