"""Judging what the validation gates measure: numbers to verdicts, without effects."""
