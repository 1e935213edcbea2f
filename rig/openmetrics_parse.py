"""Reads an OpenMetrics page on stdin with the reference client's strict parser; prints its families as JSON.

A page that breaks the standard ends with exit code 1 and the parser's complaint on stderr.
"""

import json
import math
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def number(value):
    """JSON has no NaN and no infinities; those become the strings that the format uses."""
    if value is None:
        return None
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return value


def exemplar(found):
    if found is None:
        return None
    return {"labels": found.labels, "value": number(found.value), "timestamp": number(found.timestamp)}


def sample(found):
    return {
        "name": found.name,
        "labels": found.labels,
        "value": number(found.value),
        "timestamp": number(found.timestamp),
        "exemplar": exemplar(found.exemplar),
    }


def family(found):
    return {
        "name": found.name,
        "type": found.type,
        "unit": found.unit,
        "help": found.documentation,
        "samples": [sample(one) for one in found.samples],
    }


def main():
    page = sys.stdin.buffer.read().decode("utf-8")
    try:
        families = [family(one) for one in text_string_to_metric_families(page)]
    except ValueError as complaint:
        sys.exit(str(complaint))
    json.dump(families, sys.stdout)


main()
