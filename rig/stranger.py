"""Programs that are instrumented with the Python OpenTelemetry SDK, to share traces with ours.

    stranger.py ask URL OTLP_TRACES_URL     asks the URL within a span, and prints the trace id
    stranger.py pass URL OTLP_TRACES_URL    serves HTTP and prints its port; asks the URL for the first request, and ends

Both send trace context and baggage along, and what they receive.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def call(url):
    """Asks the URL within a span of the current trace. Returns the trace id."""
    with tracer.start_as_current_span("ask", kind=trace.SpanKind.CLIENT) as span:
        headers = {}
        propagate.inject(headers)
        requests.get(url, headers=headers, timeout=20).raise_for_status()
        return format(span.get_span_context().trace_id, "032x")


class Passing(BaseHTTPRequestHandler):
    def do_GET(self):
        caller = propagate.extract(self.headers)
        token = context.attach(caller)
        with tracer.start_as_current_span("pass", kind=trace.SpanKind.SERVER):
            call(url)
        context.detach(token)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


mode, url, collector = sys.argv[1:]
provider = TracerProvider(resource=Resource.create({"service.name": "stranger-" + mode}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=collector)))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("stranger")

if mode == "ask":
    context.attach(baggage.set_baggage("tenant", "blue", baggage.set_baggage("card", "4711")))
    print(call(url))
else:
    server = HTTPServer(("127.0.0.1", 0), Passing)
    print(server.server_port, flush=True)
    server.handle_request()
provider.shutdown()
