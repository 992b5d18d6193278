"""Lateness: a day that does not stand when it is due raises one event, which is closed when it does.

Here: the sensor. Not here: when a day is due (watch/punctuality), starting what is missing (automation.py).
"""

import dagster as dg

from pricing_assets.defs import metrics
from pricing_assets.defs.resources import Platform


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records each day that is late, once, and when it stands at last.",
)
def lateness(context: dg.SensorEvaluationContext, platform: Platform) -> dg.SkipReason:
    """Starts nothing. What is late is put on record."""
    from pricing_assets.watch.punctuality import punctuality, settle

    now = platform.now()
    found = punctuality(platform.lake, platform.source, platform.settings.sla, now)
    if found is None:
        return dg.SkipReason(f"{platform.source.name} is history, or has not begun: nothing is due")
    with platform.journal():
        done = settle(platform.lake, platform.store, found, now)
        if done.opened or done.closed:
            metrics.write(context.instance, platform.lake, platform.source, platform.settings, now)
    for late in done.opened:
        context.log.warning(f"{late.day} is late: it was due {late.due:%Y-%m-%d %H:%M} UTC")
    for late in done.closed:
        context.log.info(f"{late.day} stands, {late.late_seconds} seconds late")
    days = ", ".join(str(each.day) for each in found.late[:10])
    return dg.SkipReason(
        f"late: {days}" if days else f"nothing is late; {found.next_day} is due {found.next_due:%Y-%m-%d %H:%M} UTC"
    )
