//! Faults between Grafana and the stores. The stores are real. Grafana stands in for itself: it lists data sources, and
//! passes on what is asked of them as the proxy of Grafana 9 to 13 does (`pkg/api/pluginproxy` there): by GET alone, 502
//! when the store cannot be reached, 400 when it wants other credentials.

use std::slice::from_ref;

use serde_json::{Value, json};
use throughline_rig::http::{self, get};
use throughline_rig::{PrometheusConfig, Rig};

use crate::examination::Patient;
use crate::fake::{Fake, Response, closed_port, path};
use crate::healthy::Stack;

const TOKEN: &str = "glsa_good";
const PROXY: &str = "/api/datasources/proxy/uid/";

/// A Grafana with these data sources, as type and URL, and a dashboard `shown` of one expression.
fn grafana(sources: &[(&str, String)], expression: &str) -> Fake {
    let list: Vec<Value> = sources
        .iter()
        .enumerate()
        .map(|(at, (kind, url))| {
            json!({ "id": at, "uid": format!("uid-{at}"), "name": format!("{kind} {at}"), "type": kind, "access": "proxy", "url": url, "isDefault": at == 0 })
        })
        .collect();
    let expressions = expression.split(" and ").map(|part| json!({ "targets": [{ "expr": part }] }));
    let panels: Vec<Value> = expressions.collect();
    let dashboard = json!({ "meta": {}, "dashboard": { "uid": "shown", "panels": [{ "type": "row", "panels": panels }] } });
    Fake::answering(move |head| Some(answer(head, &list, &dashboard)))
}

fn answer(head: &str, sources: &[Value], dashboard: &Value) -> Response {
    let json = |status: &str, body: &Value| {
        Response::new(status, "Content-Type: application/json\r\n", body.to_string())
    };
    let message = |status: &str, message: &str| json(status, &json!({ "message": message }));
    let path = path(head);
    if !head.to_ascii_lowercase().contains(&format!("authorization: bearer {TOKEN}")) {
        return message("401 Unauthorized", "Unauthorized");
    }
    if !head.starts_with("GET ") {
        return message(
            "403 Forbidden",
            "non allow-listed POSTs not allowed on proxied Prometheus datasource",
        );
    }
    match path {
        "/api/datasources" => json("200 OK", &json!(sources)),
        "/api/dashboards/uid/shown" => json("200 OK", dashboard),
        _ if path.starts_with("/api/dashboards/") => message("404 Not Found", "Dashboard not found"),
        _ => {
            let (uid, rest) =
                path.strip_prefix(PROXY).and_then(|path| path.split_once('/')).unwrap_or_default();
            let uid = uid.replace("%2D", "-");
            match sources.iter().find(|source| source["uid"] == *uid) {
                Some(source) => proxied(source["url"].as_str().unwrap_or_default(), rest),
                None => message("404 Not Found", "Unable to find datasource"),
            }
        }
    }
}

fn proxied(url: &str, path: &str) -> Response {
    match get(&format!("{url}/{path}")) {
        Err(_) => Response::new("502 Bad Gateway", "", ""),
        Ok(http::Response { status: 401, .. }) => {
            Response::new("400 Bad Request", "", "Authentication to data source failed")
        }
        Ok(http::Response { status, content_type, body }) => {
            Response::new(format!("{status} As It Is"), format!("Content-Type: {content_type}\r\n"), body)
        }
    }
}

fn looking(patient: &Patient, grafana: &Fake) -> Patient {
    patient.clone().looking_at("--grafana", grafana.url()).with("GRAFANA_TOKEN", TOKEN)
}

pub(crate) fn dashboards(rig: &Rig) {
    let stack = Stack::pushing(rig, PrometheusConfig::default());
    let patient = stack.patient();
    let prometheus = || ("prometheus", stack.prometheus.url().to_owned());
    let jaeger = || ("jaeger", stack.jaeger.url());
    let probe = "max(throughline_doctor_probe)";
    let well = grafana(&[prometheus(), jaeger(), ("loki", "http://loki:3100".to_owned())], probe);
    looking(&patient, &well).looking_at("--dashboard", "shown").examine().is_green();
    let examined = looking(&patient, &well).flag("--read-only").examine();
    assert_eq!(examined.status, Some(0), "{:#}", examined.report);

    let found = |grafana: &Fake, fault: &str, id: &str| {
        looking(&patient, grafana).examine().found(fault, "dashboard", id);
    };
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    patient.clone().looking_at("--grafana", &nobody).examine().found(
        "no answer from Grafana",
        "dashboard",
        "D701",
    );
    found(
        &Fake::http("200 OK", "Content-Type: text/html\r\n", "<html>"),
        "something else than Grafana",
        "D701",
    );
    looking(&patient, &well).with("GRAFANA_TOKEN", "glsa_bad").examine().found(
        "a bad token for Grafana",
        "dashboard",
        "D702",
    );
    found(&Fake::http("403 Forbidden", "", "{}"), "a token that may not read data sources", "D702");
    found(&grafana(&[], probe), "Grafana has no data source", "D703");
    found(&grafana(&[jaeger()], probe), "Grafana has no Prometheus among its data sources", "D703");
    found(&grafana(&[("prometheus", nobody)], probe), "a data source that leads nowhere", "D704");
    let locked = Fake::http("401 Unauthorized", "WWW-Authenticate: Basic\r\n", "");
    found(&grafana(&[("prometheus", locked.url())], probe), "a data source without credentials", "D704");
    let page = Fake::http("200 OK", "Content-Type: text/html\r\n", "<html>");
    found(
        &grafana(&[prometheus(), ("jaeger", page.url())], probe),
        "a data source of traces that is a web page",
        "D704",
    );
    let other = Stack::pushing(rig, PrometheusConfig::default());
    let elsewhere = ("prometheus", other.prometheus.url().to_owned());
    found(&grafana(from_ref(&elsewhere), probe), "a data source of another Prometheus", "D705");
    let traces_elsewhere = ("jaeger", other.jaeger.url());
    found(&grafana(&[prometheus(), traces_elsewhere], probe), "a data source of another Jaeger", "D705");
    // Who has two need not have the data in both.
    looking(&patient, &grafana(&[elsewhere, prometheus()], probe)).examine().is_green();

    let dashboard = |grafana: &Fake, uid: &str, fault: &str, id: &str| {
        let patient = looking(&patient, grafana).looking_at("--dashboard", uid);
        patient.examine().found(fault, "dashboard", id);
    };
    dashboard(&well, "gone", "a dashboard that is not there", "D706");
    let renamed = grafana(&[prometheus()], "max(throughline_doctor_probe_seconds)");
    dashboard(&renamed, "shown", "a dashboard of other names", "D707");
    let some = grafana(
        &[prometheus()],
        &format!("{probe} and rate(throughline_doctor_runs_total[$__rate_interval])"),
    );
    dashboard(&some, "shown", "a dashboard of which some metrics are not there", "D707");
}
