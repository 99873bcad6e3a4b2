"""Tells people what a run does, through whatever Apprise knows."""
