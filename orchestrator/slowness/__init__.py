"""What the clock says of a run. Telemetry: no state, no decision and no replay hears of it."""
