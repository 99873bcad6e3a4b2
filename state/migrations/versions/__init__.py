"""One module a schema change, in order of their numbers. A published one never changes."""
