"""One command per headline figure; results with machine, versions and commit in results/."""
