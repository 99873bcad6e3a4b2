"""Checking what a run has on disk against what it claims. Reads only, also beside a running run."""
