"""The metrics that alarms and dashboards use, written into the log in CloudWatch's embedded metric
format (EMF) by Powertools.

    metric      unit           dimensions
    Requests    count          service, operation
    Latency     milliseconds   service, operation
    Refusals    count          service, error
    Codes       count          service              codes that were asked for and will be mailed
    Mails       count          service, outcome     sent, bounced, complained, suppressed, failed
"""

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from latchkey import settings


def count_request(operation: str, *, milliseconds: float, error: str | None) -> None:
    """Count a request that was answered, and its refusal if `error` names one."""
    metrics = _new(operation=operation)
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    metrics.add_metric("Latency", MetricUnit.Milliseconds, milliseconds)
    metrics.flush_metrics()
    if error is not None:
        _count("Refusals", error=error)


def count_code() -> None:
    """Count a code that was asked for and will be mailed."""
    _count("Codes")


def count_mail(outcome: str) -> None:
    """Count a mail that will not be tried again, by what became of it."""
    _count("Mails", outcome=outcome)


def _count(name: str, **dimensions: str) -> None:
    metrics = _new(**dimensions)
    metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.flush_metrics()


def _new(**dimensions: str) -> EphemeralMetrics:
    namespace = settings.Metrics.load().powertools_metrics_namespace
    metrics = EphemeralMetrics(namespace=namespace, service="latchkey")
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    return metrics
