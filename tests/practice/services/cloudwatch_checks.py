"""What CloudWatch checks of an alarm beyond the model. Source: CloudWatch API reference, PutMetricAlarm."""

import re

_SINGLE = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_MISSING = ("breaching", "notBreaching", "ignore", "missing")
_EXTENDED = re.compile(r"p(\d{1,2}(\.\d{0,10})?|100)|(tm|tc|ts|wm)(\d{1,2}(\.\d{0,10})?|100)|(PR|TM|TC|TS|WM)\(.+:.*\)|IQM")
_ANOMALY = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
_ACTIONS = (
    r"arn:aws:sns:(?P<region>[a-z0-9-]+):\d{12}:[\w-]{1,256}",
    r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?",
    r"arn:aws:automate:[a-z0-9-]+:(ec2:(stop|terminate|reboot|recover))",
    r"arn:aws:autoscaling:[a-z0-9-]+:\d{12}:scalingPolicy:.+",
    r"arn:aws:ssm:[a-z0-9-]+:\d{12}:opsitem:[1-4](#CATEGORY=\w+)?",
    r"arn:aws:ssm-incidents::\d{12}:response-plan/.+",
    r"arn:aws:aiops:[a-z0-9-]+:\d{12}:investigation-group/.+",
)


def check_alarm(p, region, refuse):
    """Raises `refuse(text)` when AWS would not take the alarm."""
    if p.get("Metrics"):
        _check_metrics(p, refuse)
    else:
        _check_single(p, refuse)
    for name in ("EvaluationPeriods", "ComparisonOperator"):
        if p.get(name) is None:
            raise refuse(f"{name} must not be null")
    _check_threshold(p, refuse)
    if p.get("DatapointsToAlarm", 1) > p["EvaluationPeriods"]:
        raise refuse("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    if p.get("TreatMissingData") not in (None, *_MISSING):
        raise refuse(f"Option {p['TreatMissingData']} is not supported for treatMissingData")
    low = p.get("EvaluateLowSampleCountPercentile")
    if low is not None and (low not in ("evaluate", "ignore") or not p.get("ExtendedStatistic")):
        raise refuse(f"Option {low} is not supported for evaluateLowSampleCountPercentile")
    for period in _periods(p):
        _check_period(period, p["EvaluationPeriods"], refuse)
    for name in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        for arn in p.get(name) or []:
            _check_action(arn, region, refuse)


def _check_single(p, refuse):
    for name in ("MetricName", "Namespace", "Period"):
        if p.get(name) is None:
            raise refuse(f"{name} must not be null")
    if bool(p.get("Statistic")) == bool(p.get("ExtendedStatistic")):
        raise refuse("Exactly one of Statistic and ExtendedStatistic must be specified")
    if p.get("ExtendedStatistic") and not _EXTENDED.fullmatch(p["ExtendedStatistic"]):
        raise refuse(f"The value {p['ExtendedStatistic']} for parameter ExtendedStatistic is not supported.")


def _check_metrics(p, refuse):
    given = [name for name in _SINGLE if p.get(name) is not None]
    if given:
        raise refuse(f"Metrics list cannot be specified together with {', '.join(given)}")
    queries = p["Metrics"]
    names = [q["Id"] for q in queries]
    if len(queries) > 20 or len(set(names)) != len(names):
        raise refuse("The Metrics list has at most 20 elements with different Ids")
    for query in queries:
        if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", query["Id"]):
            raise refuse(f"The value {query['Id']} for parameter Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.")
        if bool(query.get("MetricStat")) == bool(query.get("Expression")):
            raise refuse("Exactly one of MetricStat and Expression must be specified for each metric")
    returned = [q["Id"] for q in queries if q.get("ReturnData", True)]
    band = p.get("ThresholdMetricId")
    if len([each for each in returned if each != band]) != 1:
        raise refuse("Exactly one element of the metrics list should return data.")


def _check_threshold(p, refuse):
    anomaly = p["ComparisonOperator"] in _ANOMALY
    if anomaly:
        known = [q["Id"] for q in p.get("Metrics") or []]
        if p.get("ThresholdMetricId") not in known or p.get("Threshold") is not None:
            raise refuse("An alarm on an anomaly detection model needs a ThresholdMetricId of its Metrics and no Threshold")
    elif p.get("Threshold") is None or p.get("ThresholdMetricId"):
        raise refuse("Threshold must not be null")


def _periods(p):
    if p.get("Period"):
        yield p["Period"]
    for query in p.get("Metrics") or []:
        for period in ((query.get("MetricStat") or {}).get("Period"), query.get("Period")):
            if period:
                yield period


def _check_period(period, count, refuse):
    if period not in (10, 20, 30) and period % 60:
        raise refuse("Period must be 10, 20, 30 or a multiple of 60")
    if period < 3600 and period * count > 86400:
        raise refuse("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
    if period * count > 604800:
        raise refuse("Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= 604800).")


def _check_action(arn, region, refuse):
    found = next((m for m in (re.fullmatch(pattern, arn) for pattern in _ACTIONS) if m), None)
    if found is None:
        raise refuse(f"Invalid arn syntax: {arn}")
    other = found.groupdict().get("region")
    if other and other != region:
        raise refuse(f"Invalid region {other} specified. Only {region} is supported.")
