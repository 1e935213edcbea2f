"""A client that is instrumented with the Python OpenTelemetry SDK: it asks a URL within a span and prints the trace id.

Usage: stranger.py URL OTLP_TRACES_URL
"""

import sys

import requests
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

url, collector = sys.argv[1:]
provider = TracerProvider(resource=Resource.create({"service.name": "stranger"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=collector)))
trace.set_tracer_provider(provider)

with trace.get_tracer("stranger").start_as_current_span("ask", kind=trace.SpanKind.CLIENT) as span:
    headers = {}
    propagate.inject(headers)
    requests.get(url, headers=headers, timeout=10).raise_for_status()
    print(format(span.get_span_context().trace_id, "032x"))
provider.shutdown()
