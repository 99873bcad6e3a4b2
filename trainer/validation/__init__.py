"""Readings for the validation gates. docs/design/gates.md."""
