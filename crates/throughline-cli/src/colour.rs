//! Whether output is coloured: on terminals, unless the environment says otherwise.
//!
//! <https://no-color.org> and <https://bixense.com/clicolors/>, as clap itself does for its help.

use std::io::IsTerminal;

/// Whether what is written there is coloured.
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is = |name, wanted| std::env::var_os(name).is_some_and(|value| value == wanted);
    if is_set("NO_COLOR") {
        return false;
    }
    let is_forced = is_set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0");
    is_forced || stream.is_terminal() && !is("CLICOLOR", "0") && !is("TERM", "dumb")
}
