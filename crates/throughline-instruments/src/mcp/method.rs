//! The methods of the protocol: a closed set, whatever a peer sends.

use throughline_core::attribute::AttributeValue as _;
use throughline_macros::AttributeValue;

macro_rules! methods {
    ($($method:ident = $name:literal,)*) => {
        /// A method of the protocol: the value of `mcp.method.name`. Any other is [`Other`](Self::Other).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
        #[attribute(crate = throughline_core)]
        #[non_exhaustive]
        pub enum Method {
            $(
                #[doc = concat!("`", $name, "`")]
                #[attribute(name = $name)]
                $method,
            )*
        }

        impl Method {
            /// The method of this name.
            pub fn of(name: &str) -> Self {
                match name {
                    $($name => Self::$method,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

methods! {
    CompletionComplete = "completion/complete",
    ElicitationCreate = "elicitation/create",
    Initialize = "initialize",
    LoggingSetLevel = "logging/setLevel",
    NotificationsCancelled = "notifications/cancelled",
    NotificationsInitialized = "notifications/initialized",
    NotificationsMessage = "notifications/message",
    NotificationsProgress = "notifications/progress",
    NotificationsPromptsListChanged = "notifications/prompts/list_changed",
    NotificationsResourcesListChanged = "notifications/resources/list_changed",
    NotificationsResourcesUpdated = "notifications/resources/updated",
    NotificationsRootsListChanged = "notifications/roots/list_changed",
    NotificationsSubscriptionsAcknowledged = "notifications/subscriptions/acknowledged",
    NotificationsTasks = "notifications/tasks",
    NotificationsToolsListChanged = "notifications/tools/list_changed",
    Ping = "ping",
    PromptsGet = "prompts/get",
    PromptsList = "prompts/list",
    ResourcesList = "resources/list",
    ResourcesRead = "resources/read",
    ResourcesSubscribe = "resources/subscribe",
    ResourcesTemplatesList = "resources/templates/list",
    ResourcesUnsubscribe = "resources/unsubscribe",
    RootsList = "roots/list",
    SamplingCreateMessage = "sampling/createMessage",
    ServerDiscover = "server/discover",
    SubscriptionsListen = "subscriptions/listen",
    TasksCancel = "tasks/cancel",
    TasksGet = "tasks/get",
    TasksUpdate = "tasks/update",
    ToolsCall = "tools/call",
    ToolsList = "tools/list",
    Other = "_OTHER",
}

impl Method {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_methods_and_back() {
        for name in Method::NAMES {
            assert_eq!(Method::of(name).as_str(), *name);
        }
        assert_eq!(Method::of("tools/steal"), Method::Other);
    }
}
