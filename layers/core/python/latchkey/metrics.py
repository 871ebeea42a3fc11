"""Metrics of what no line of the log tells, written into the log in CloudWatch's embedded metric
format (EMF) by Powertools. Metric filters count requests by their lines (template.yaml).

    metric      unit           dimensions
    Codes       count          service              codes that were asked for and will be mailed
    Mails       count          service, outcome     sent, bounced, complained, suppressed, failed
    Storms      count          service              each minute in which a container sees one
                                                    (limits/storm.py)
    MailsOfCeiling  percent    service              mails of the last 24 hours
"""

import functools
from collections.abc import Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from latchkey import settings


def count_code() -> None:
    """Count a code that was asked for and will be mailed."""
    _count("Codes")


def count_storm() -> None:
    """Count a look at the deployment's counters that shows a storm of wrong codes."""
    _count("Storms")


def count_mail(outcome: str) -> None:
    """Count a mail that will not be tried again, by what became of it."""
    _count("Mails", outcome=outcome)


def measure_ceiling(percent: float) -> None:
    """Measure how much of the ceiling of mails is used up (limits/ceiling.py)."""
    _write({"MailsOfCeiling": (MetricUnit.Percent, percent)})


def _count(name: str, **dimensions: str) -> None:
    _write({name: (MetricUnit.Count, 1)}, **dimensions)


def _write(counted: Mapping[str, tuple[MetricUnit, float]], **dimensions: str) -> None:
    """Write one line with these metrics."""
    metrics = _metrics(settings.Metrics.load().powertools_metrics_namespace)
    for name, (unit, value) in counted.items():
        metrics.add_metric(name, unit, value)
    for name, text in dimensions.items():
        metrics.add_dimension(name, text)
    metrics.flush_metrics()  # which also forgets them


@functools.cache
def _metrics(namespace: str) -> EphemeralMetrics:
    return EphemeralMetrics(namespace=namespace, service="latchkey")
