//! The cloud, as far as it says so in the environment: no metadata service is asked.
//!
//! <https://opentelemetry.io/docs/specs/semconv/resource/cloud/>, <https://opentelemetry.io/docs/specs/semconv/resource/faas/>

use super::{Findings, Surroundings};

/// A platform, the variable that gives it away, and what its other variables mean.
struct Platform {
    sign: &'static str,
    provider: &'static str,
    /// The value of `cloud.platform`, where the conventions have one.
    name: Option<&'static str>,
    attributes: &'static [(&'static str, &'static [&'static str])],
}

/// The first that fits is it: functions run on the platforms for services, and come before them.
const PLATFORMS: [Platform; 10] = [
    Platform {
        sign: "AWS_LAMBDA_FUNCTION_NAME",
        provider: "aws",
        name: Some("aws_lambda"),
        attributes: &[
            ("cloud.region", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
            ("faas.name", &["AWS_LAMBDA_FUNCTION_NAME"]),
            ("faas.version", &["AWS_LAMBDA_FUNCTION_VERSION"]),
            ("faas.instance", &["AWS_LAMBDA_LOG_STREAM_NAME"]),
        ],
    },
    Platform {
        sign: "ECS_CONTAINER_METADATA_URI_V4",
        provider: "aws",
        name: Some("aws_ecs"),
        attributes: AWS,
    },
    Platform { sign: "ECS_CONTAINER_METADATA_URI", provider: "aws", name: Some("aws_ecs"), attributes: AWS },
    Platform {
        sign: "FUNCTION_TARGET",
        provider: "gcp",
        name: Some("gcp_cloud_functions"),
        attributes: GOOGLE_SERVICE,
    },
    Platform {
        sign: "K_CONFIGURATION",
        provider: "gcp",
        name: Some("gcp_cloud_run"),
        attributes: GOOGLE_SERVICE,
    },
    Platform {
        sign: "GAE_SERVICE",
        provider: "gcp",
        name: Some("gcp_app_engine"),
        attributes: &[
            ("cloud.account.id", &["GOOGLE_CLOUD_PROJECT"]),
            ("faas.name", &["GAE_SERVICE"]),
            ("faas.version", &["GAE_VERSION"]),
            ("faas.instance", &["GAE_INSTANCE"]),
        ],
    },
    Platform {
        sign: "FUNCTIONS_WORKER_RUNTIME",
        provider: "azure",
        name: Some("azure.functions"),
        attributes: &[
            ("cloud.region", &["REGION_NAME"]),
            ("faas.name", &["WEBSITE_SITE_NAME"]),
            ("faas.instance", &["WEBSITE_INSTANCE_ID"]),
        ],
    },
    Platform {
        sign: "CONTAINER_APP_NAME",
        provider: "azure",
        name: Some("azure.container_apps"),
        attributes: &[("service.instance.id", &["CONTAINER_APP_REPLICA_NAME"])],
    },
    Platform {
        sign: "WEBSITE_SITE_NAME",
        provider: "azure",
        name: Some("azure.app_service"),
        attributes: &[
            ("cloud.region", &["REGION_NAME"]),
            ("deployment.environment.name", &["WEBSITE_SLOT_NAME"]),
            ("service.instance.id", &["WEBSITE_INSTANCE_ID"]),
        ],
    },
    Platform {
        sign: "DYNO",
        provider: "heroku",
        name: None,
        attributes: &[
            ("heroku.app.id", &["HEROKU_APP_ID"]),
            ("service.instance.id", &["HEROKU_DYNO_ID"]),
            ("service.version", &["HEROKU_RELEASE_VERSION"]),
            ("heroku.release.commit", &["HEROKU_SLUG_COMMIT"]),
            ("heroku.release.creation_timestamp", &["HEROKU_RELEASE_CREATED_AT"]),
        ],
    },
];

const AWS: &[(&str, &[&str])] = &[("cloud.region", &["AWS_REGION", "AWS_DEFAULT_REGION"])];

const GOOGLE_SERVICE: &[(&str, &[&str])] = &[
    ("cloud.account.id", &["GOOGLE_CLOUD_PROJECT"]),
    ("faas.name", &["K_SERVICE"]),
    ("faas.version", &["K_REVISION"]),
];

pub(super) fn detect(surroundings: &Surroundings, found: &mut Findings<'_>) {
    let is_here = |platform: &&Platform| surroundings.variable(&[platform.sign]).is_some();
    if let Some(Platform { provider, name, attributes, .. }) = PLATFORMS.iter().find(is_here) {
        found.add("cloud.provider", *provider);
        found.add_some("cloud.platform", *name);
        for (key, variables) in *attributes {
            found.add_some(key, surroundings.variable(variables));
        }
    }
}
