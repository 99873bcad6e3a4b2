"""Names of the detectors, in the order of their findings, for what may name one beforehand."""

DETECTOR_NAMES = (
    "host_overfitting",
    "lineage_overfitting",
    "memorisation",
    "collapse",
    "fusion_trap",
    "complexity",
    "transfer",
    "instability",
    "stagnation",
    "exhaustion",
    "punctuated",
    "consensus_stagnation",
)
