"""What happens next: phases, evolution, detectors, gates, and the controller that wires them.

Everything that decides is a pure function of records. `workers` alone imports Ray.
"""
