//! A forked child does not repeat the ids of its parent. A program of its own with a single thread, as forking wants it.
#![expect(clippy::print_stderr, reason = "there is no harness to say how it went")]

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(not(unix))]
fn main() {
    eprintln!("there is no fork here");
}

#[cfg(unix)]
mod unix {
    use std::collections::HashSet;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;

    use fork::{Fork, fork, waitpid};
    use throughline_trace::TracerProvider;
    use throughline_trace::sampler::Sampler;

    const SPANS: usize = 1000;

    pub(super) fn main() {
        let recording = TracerProvider::default();
        let passing = TracerProvider::builder().without_recording().build();
        let ratio = TracerProvider::builder().with_sampler(Sampler::ratio(1.0)).build();
        for (what, provider) in [("recorded", recording), ("not recorded", passing), ("by ratio", ratio)] {
            // The parent's generator is in use before.
            drop(ids(provider));
            let Some(repeated) = repeated_by_child(provider) else { return };
            assert_eq!(repeated, 0, "ids of spans that are {what}");
            eprintln!("{what}: {SPANS} traces on each side, no id twice");
        }
    }

    /// How many ids a child and its parent both make after the fork; `None` in the child.
    fn repeated_by_child(provider: TracerProvider) -> Option<usize> {
        let (mine, theirs) = UnixStream::pair().expect("a pair of sockets");
        match fork().expect("it forks") {
            Fork::Child => {
                drop(mine);
                let lines: String = ids(provider).into_iter().map(|id| id + "\n").collect();
                // The parent counts what arrives.
                drop((&theirs).write_all(lines.as_bytes()));
                None
            }
            Fork::Parent(child) => {
                drop(theirs);
                let own: HashSet<_> = ids(provider).into_iter().collect();
                let childs: Vec<_> = BufReader::new(mine).lines().map_while(Result::ok).collect();
                waitpid(child).expect("it ends");
                assert_eq!((own.len(), childs.len()), (2 * SPANS, 2 * SPANS));
                Some(childs.iter().filter(|id| own.contains(*id)).count())
            }
        }
    }

    /// The ids of new traces and of their first spans.
    fn ids(provider: TracerProvider) -> Vec<String> {
        let tracer = provider.tracer("it");
        let spans = (0..SPANS).flat_map(|_| {
            let span = tracer.span("s").with_no_parent().start();
            let context = span.span_context();
            [context.trace_id().to_string(), context.span_id().to_string()]
        });
        spans.collect()
    }
}
