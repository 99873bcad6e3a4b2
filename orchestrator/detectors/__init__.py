"""Detectors: records of the generations so far -> findings with the numbers compared.

One file a detector. Each has a constant limit, a function `inspect` and no state. To add one,
write the file, list it in `panel.py` and in `state.detector_names`, and give its response
in `orchestrator.adaptation`.
"""
