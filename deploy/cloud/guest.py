"""What the machine does by itself: it turns itself off when nobody uses it, if it was asked to.

A machine that turns itself off needs no right to anything: Google ends the bill of its processors
and keeps its disk. It runs as root at every start; Google's own agent starts it.
"""

IDLE_ATTRIBUTE = "symbio-idle-minutes"
AFTER_ATTRIBUTE = "symbio-after"
USER_ATTRIBUTE = "symbio-user"

AFTER_MINUTES = 10
"""Between the end of a run and the end of the machine: somebody may be fetching it."""

STARTUP_SCRIPT = f"""\
#!/bin/bash
# Turns this machine off when nobody has used it for a while. From symbio-auto gcp up.
set -u
attributes="${{SYMBIO_ATTRIBUTES:-http://metadata.google.internal/computeMetadata/v1/instance/attributes}}"
attribute() {{ curl -sf -H 'Metadata-Flavor: Google' "$attributes/$1"; }}

if [ "${{1:-}}" != watch ]; then
    install -m 755 "$0" /run/symbio-guard
    exec systemd-run --unit=symbio-guard --collect /run/symbio-guard watch
fi

user=$(attribute {USER_ATTRIBUTE})
limit=$(attribute {IDLE_ATTRIBUTE}) || limit=0
after=$(attribute {AFTER_ATTRIBUTE}) || after=keep
idle=0
used=no
while sleep 60; do
    idle=$((idle + 1))
    if pgrep -u "$user" -f symbio > /dev/null; then
        used=yes
        idle=0
    fi
    if [ -n "$(ss -Htn state established '( sport = :22 )')" ]; then
        idle=0
    fi
    if [ "$limit" -gt 0 ] && [ "$idle" -ge "$limit" ]; then
        exec poweroff
    fi
    if [ "$after" != keep ] && [ "$used" = yes ] && [ "$idle" -ge {AFTER_MINUTES} ]; then
        exec poweroff
    fi
done
"""
