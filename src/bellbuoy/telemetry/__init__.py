"""Logs and figures: implementations of the observer."""
