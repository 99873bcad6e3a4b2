"""Figures of a run, from records to a matplotlib figure. No part of a run needs them."""

from orchestrator.figures.loading import load_without_a_trace

load_without_a_trace()
