//! What the telemetry comes from, as the receiver is told.

use throughline::{Detector, KeyValue, TelemetryConfig};

use crate::receiver::{Receiver, pairs};
use crate::{end, record_spans, start, to};

fn resource(set_up: impl FnOnce(TelemetryConfig) -> TelemetryConfig) -> Vec<(String, String)> {
    let receiver = Receiver::start();
    let telemetry = start(set_up(to(&receiver)));
    record_spans(&telemetry, 1);
    end(telemetry);
    pairs(&receiver.next_to("/v1/traces").resource())
}

fn keys(resource: &[(String, String)]) -> Vec<&str> {
    resource.iter().map(|(key, _)| &**key).collect()
}

#[test]
fn detectors_are_switched_on_and_off() {
    let all = resource(|config| config);
    for key in ["process.pid", "os.type", "host.arch", "telemetry.sdk.name", "service.instance.id"] {
        assert!(keys(&all).contains(&key), "{key} in {all:?}");
    }
    let process = resource(|config| config.with_resource_detectors([Detector::Process]));
    assert!(keys(&process).contains(&"process.pid"), "{process:?}");
    for key in ["os.type", "host.arch", "telemetry.sdk.name", "service.instance.id"] {
        assert!(!keys(&process).contains(&key), "{key} in {process:?}");
    }
    assert_eq!(keys(&resource(|config| config.with_resource_detectors([]))), ["service.name"]);
}

#[test]
fn what_the_application_says_of_itself_arrives() {
    let said = resource(|config| {
        config
            .with_resource_detectors([])
            .with_service_version("1.2")
            .with_environment("production")
            .with_service_name("renamed")
            .with_resource_attribute(KeyValue::new("team", "blue"))
    });
    let expected = [
        ("deployment.environment.name", "production"),
        ("service.name", "renamed"),
        ("service.version", "1.2"),
        ("team", "blue"),
    ];
    assert_eq!(said, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}
