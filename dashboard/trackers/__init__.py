"""Where else a run is shown: TensorBoard, Trackio, Weights & Biases. The run's store stays the
truth, and no fault of a tracker reaches the run.
"""
