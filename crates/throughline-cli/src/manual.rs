//! `throughline completions` and `throughline man`: what shells and `man` are told of the commands, made of what clap knows.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::generate::{File, write_or_show};

/// Prints completions for a shell
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  throughline completions bash > ~/.local/share/bash-completion/completions/throughline
  throughline completions zsh > ~/.zfunc/_throughline
  throughline completions fish > ~/.config/fish/completions/throughline.fish")]
pub(crate) struct CompletionArguments {
    /// The shell
    shell: Shell,
}

/// Makes the manual pages, one for each command
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  throughline man | man -l -                      the first page
  throughline man --out ~/.local/share/man/man1   all of them")]
pub(crate) struct ManArguments {
    /// Where to put the pages; without it the first one is shown
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn completions(CompletionArguments { shell }: &CompletionArguments) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut crate::Arguments::command(), "throughline", &mut script);
    say!("{}", String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn man(ManArguments { out }: &ManArguments) -> anyhow::Result<ExitCode> {
    let mut root = crate::Arguments::command();
    root.build();
    let mut pages = Vec::new();
    add_pages(&root, &mut pages)?;
    if out.is_none() {
        pages.truncate(1);
    }
    write_or_show(&pages, out.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// The page of a command, and those of its own commands.
fn add_pages(command: &Command, pages: &mut Vec<File>) -> anyhow::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).with_context(|| format!("write the page of {name}"))?;
    pages.push(File::new(format!("{name}.1"), String::from_utf8_lossy(&page)));
    let mut others = command.get_subcommands().filter(|other| other.get_name() != "help");
    others.try_for_each(|other| add_pages(other, pages))
}
