"""Does a run pay for itself? The comparison of docs/design/pays.md, arm by arm."""
