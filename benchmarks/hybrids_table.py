"""What the runs of several seeds say together, and whether the bars are reached."""

from collections.abc import Iterable, Mapping
from itertools import islice
from statistics import fmean, median, stdev

from benchmarks.kept_rows import Row

RATIOS = (0.3, 3.0)
BEST_NATS = 1.5
LEAST_SHARE = 0.05
LEAST_INSIDE = 0.8
"""Share of the steps whose ratio must be within `RATIOS`."""
LOGGED_EVERY = 100
PAIRS = (
    ("grad_norm_rwkv6", "grad_norm_mamba2"),
    ("grad_norm_attention", "grad_norm_feed_forward"),
)
MEANS = ("nats", "perplexity", "tokens_per_second", "seconds", "peak_megabytes")


def ratios(rows: Iterable[Mapping[str, float | None]]) -> Row:
    """How the gradient norms of both components, or of attention and feed-forward, compare.

    A model with one component alone has none.
    """
    rows = list(rows)
    pairs = PAIRS[:1] if any(row.get("grad_norm_rwkv6") for row in rows) else PAIRS[1:]
    found = [
        first / second
        for row in rows
        for over, under in pairs
        if (first := row.get(over)) and (second := row.get(under))
    ]
    if not found:
        return {"ratios_inside": None}
    inside = sum(RATIOS[0] <= one <= RATIOS[1] for one in found)
    logged = [*islice(found, LOGGED_EVERY - 1, None, LOGGED_EVERY)] or found
    return {
        "ratios_inside": inside / len(found),
        "ratio_median": median(found),
        "ratios_logged": [min(logged), max(logged)],
    }


def summary(rows: list[Row]) -> Row:
    """Means over the seeds, the spread of the loss, the least of what must not be small."""
    nats = numbers(rows, "nats")
    return {
        **{name: fmean(numbers(rows, name)) for name in MEANS},
        "stdev": stdev(nats) if len(nats) > 1 else None,
        "parameters": rows[0]["parameters"],
        "shares": mean_shares(rows),
        "least_share": min((one for _, one in all_shares(rows)), default=None),
        "ratios_inside": min(numbers(rows, "ratios_inside"), default=None),
        "seeds": [*rows],
    }


def numbers(rows: Iterable[Row], name: str) -> list[float]:
    """That figure of every row that has it."""
    return [found for row in rows if isinstance(found := row.get(name), int | float)]


def mean_shares(rows: list[Row]) -> Row:
    """By component, of what both save one by one; nothing for a single component."""
    found: dict[str, list[float]] = {}
    for name, share in all_shares(rows):
        found.setdefault(name, []).append(share)
    return {name: fmean(shares) for name, shares in found.items()}


def all_shares(rows: Iterable[Row]) -> list[tuple[str, float]]:
    """Component and share, of every run."""
    return [
        (name, share)
        for row in rows
        if isinstance(told := row["ablation_shares"], dict)
        for name, share in told.items()
        if isinstance(share, float)
    ]


def verdicts(table: Mapping[str, Row]) -> Row:
    """Each bar: what was found, and whether it is reached."""
    if not table:
        return {}
    best = min(table, key=lambda name: numbers([table[name]], "nats")[0])
    nats = numbers([table[best]], "nats")[0]
    shares, inside = (
        {name: found[0] for name, row in table.items() if (found := numbers([row], figure))}
        for figure in ("least_share", "ratios_inside")
    )
    few = sorted(name for name, share in shares.items() if share < LEAST_SHARE)
    outside = sorted(name for name, share in inside.items() if share < LEAST_INSIDE)
    return {
        f"best below {BEST_NATS}": f"{best} {nats:.4f}, {'yes' if nats < BEST_NATS else 'no'}",
        f"components worth {LEAST_SHARE:.0%} or more": all_but(few),
        f"ratio in {RATIOS[0]} to {RATIOS[1]} on {LEAST_INSIDE:.0%} of the steps": all_but(outside),
    }


def all_but(names: list[str]) -> str:
    """In words."""
    return f"all but {', '.join(names)}" if names else "all"


def line(backbone: str, told: Row) -> str:
    """A row for people."""
    spread = f"+-{told['stdev']:.4f}" if told["stdev"] is not None else ""
    inside, shares = told["ratios_inside"], told["shares"]
    worth = [f"{n} {share:.0%}" for n, share in shares.items()] if isinstance(shares, dict) else []
    return (
        f"{backbone:8} {told['nats']:.4f} {spread:9} perplexity {told['perplexity']:.3f} "
        f"{told['parameters']:>10,} parameters {told['tokens_per_second']:>8,.0f} tokens/s "
        f"{told['peak_megabytes']:>6,.0f} MB {told['seconds']:>6,.0f} s"
        + " ".join(["", *worth])
        + ("" if inside is None else f" ratio inside {inside:.0%}")
    )
