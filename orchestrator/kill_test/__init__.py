"""Killing a run in every way there is, resuming it, and comparing it with one that was left alone.

Used by `symbio-auto doctor --kill-test`, by the soak and by the published crash tables.
"""
