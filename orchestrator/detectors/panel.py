"""All detectors, in the order of their findings' numbers."""

from orchestrator.detectors import (
    collapse,
    complexity,
    consensus_stagnation,
    exhaustion,
    fusion_trap,
    host_overfitting,
    instability,
    lineage_overfitting,
    memorisation,
    punctuated,
    stagnation,
    transfer,
)
from orchestrator.detectors.evidence import Evidence
from state.records import Finding

DETECTORS = (
    host_overfitting,
    lineage_overfitting,
    memorisation,
    collapse,
    fusion_trap,
    complexity,
    transfer,
    instability,
    stagnation,
    exhaustion,
    punctuated,
    consensus_stagnation,
)


def inspect_all(evidence: Evidence) -> tuple[Finding, ...]:
    """Every finding of this generation."""
    findings = (detector.inspect(evidence) for detector in DETECTORS)
    return tuple(finding for finding in findings if finding is not None)


def total_severity(findings: tuple[Finding, ...]) -> float:
    """Severities summed and capped at 1; from .7 on the phase counts as failed."""
    return min(1.0, sum(finding.severity for finding in findings))
