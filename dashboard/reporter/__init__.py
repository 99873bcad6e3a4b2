"""Carries what a run writes down to a server and to people, from a process beside the run."""
