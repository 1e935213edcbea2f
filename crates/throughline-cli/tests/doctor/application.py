"""An application with the Python OpenTelemetry SDK that does one thing wrong.

    application.py FAULT

It sends one of each signal, then does what FAULT says, and ends by itself unless that is to wait for SIGTERM.
"""

import logging
import os
import signal
import sys
import threading
import time
import urllib.request

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

NOWHERE = "http://127.0.0.1:9/v1/metrics"
fault = sys.argv[1]
asked = threading.Event()
if fault in ("waits", "ignores"):
    signal.signal(signal.SIGTERM, lambda *_: asked.set())

if fault == "silent":
    sys.exit(0)
if fault == "posts":
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/metrics"
    request = urllib.request.Request(endpoint, b"requests_total 7", {"content-type": "text/plain"})
    try:
        urllib.request.urlopen(request, timeout=10)
    except OSError:
        pass
    sys.exit(0)


class Dying(OTLPMetricExporter):
    """Takes the thread that exports along, as a panic does."""

    def export(self, *_, **__):
        raise KeyboardInterrupt


exporter = OTLPMetricExporter(endpoint=NOWHERE if fault == "half" else None, timeout=1)
readers = [PeriodicExportingMetricReader(exporter)]
if fault == "dies":
    readers.append(PeriodicExportingMetricReader(Dying(), export_interval_millis=10))
meters = MeterProvider(readers)
spans = TracerProvider()
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
providers = [meters, spans]

counter = meters.get_meter("shop").create_counter("orders", unit="{order}")
counter.add(1, {"kind": "book"})
counter.add(1, {"kind": "pen"})
for number in range(50 if fault == "drops" else 3):
    spans.get_tracer("shop").start_span("order").end()
if fault != "logless":
    logs = LoggerProvider()
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    logger = logging.getLogger("shop")
    logger.addHandler(LoggingHandler(logger_provider=logs))
    logger.propagate = False
    logger.warning("sold out")
    providers.append(logs)

if fault in ("unflushed", "killed"):
    for provider in providers:
        provider.force_flush()
    time.sleep(6 if fault == "unflushed" else 60)
    os._exit(0)
if fault in ("waits", "ignores"):
    asked.wait(60)
for provider in providers:
    provider.shutdown()
if fault == "dies":
    time.sleep(0.1)
if fault == "ignores":
    time.sleep(60)
if fault == "fails":
    sys.exit(3)
