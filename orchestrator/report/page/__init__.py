"""`report.html`: the report with its figures in one file. Drawn after a run, no part of it."""
