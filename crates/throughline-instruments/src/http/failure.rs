//! What an error is called in `error.type`.
//!
//! Services and bodies have errors of any type, boxed or not. A program can name its own; otherwise an error is
//! `timeout` when it looks like one, or else its type's name.

use std::any::{Any, type_name};
use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

/// An error of a service or of a body, of a type that is not known.
#[derive(Clone, Copy)]
pub struct Failure<'a>(&'a (dyn Any + 'static));

/// Boxed errors, as tower has them.
type Boxed = Box<dyn Error + Send + Sync>;

/// Causes of causes that are looked at; a chain that is longer may have no end.
const CAUSES_MAX: usize = 16;

impl<'a> Failure<'a> {
    /// The error, if it is a `T`; of a boxed error, also the first of its causes that is one.
    pub fn find<T: Error + 'static>(&self) -> Option<&'a T> {
        self.0.downcast_ref().or_else(|| self.causes().find_map(|error| error.downcast_ref()))
    }

    /// A boxed error and its causes. Of errors that are not boxed, nothing is known but the type.
    fn causes(&self) -> impl Iterator<Item = &'a (dyn Error + 'static)> + use<'a> {
        let first = self.0.downcast_ref::<Boxed>().map(|boxed| &**boxed as &(dyn Error + 'static));
        std::iter::successors(first, |error: &&'a (dyn Error + 'static)| (*error).source()).take(CAUSES_MAX)
    }

    fn is_timeout(&self) -> bool {
        let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        self.find::<io::Error>().is_some_and(timed_out) || self.causes().any(|error| is_elapsed(&error))
    }
}

impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failure")
    }
}

/// Names errors; `None` for those it does not know.
#[derive(Clone, Default)]
pub struct Names(Option<Arc<NameError>>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

type NameError = dyn Fn(Failure<'_>) -> Option<&'static str> + Send + Sync;

impl Names {
    /// Names what these leave unnamed, too.
    pub(crate) fn add(&mut self, name: impl Fn(Failure<'_>) -> Option<&'static str> + Send + Sync + 'static) {
        let first = self.0.take();
        self.0 = Some(Arc::new(move |failure: Failure<'_>| {
            first.as_ref().and_then(|first| first(failure)).or_else(|| name(failure))
        }));
    }

    /// What this error is called.
    pub(crate) fn of<E: fmt::Debug + 'static>(&self, error: &E) -> &'static str {
        let failure = Failure(error);
        let given = self.0.as_ref().and_then(|name| name(failure));
        given.unwrap_or_else(|| {
            if failure.is_timeout() || is_elapsed(error) {
                TIMEOUT
            } else if failure.0.is::<Boxed>() {
                OTHER
            } else {
                type_name::<E>()
            }
        })
    }
}

/// A request that took too long.
pub(crate) const TIMEOUT: &str = "timeout";
/// Dropped by whoever wanted it, before its end.
pub(crate) const CANCELLED: &str = "cancelled";
/// Ended by a panic.
pub(crate) const PANIC: &str = "panic";
/// What the specification calls errors that have no name.
pub(crate) const OTHER: &str = "_OTHER";

/// Whether it is what timers of tower and tokio end with, whose types are not ours to know: by the first word of the
/// `Debug` output.
fn is_elapsed(error: &impl fmt::Debug) -> bool {
    let mut word = FirstWord { text: [0; 16], len: 0 };
    let _cut_short = write!(word, "{error:?}");
    matches!(word.text.get(..word.len), Some(b"Elapsed" | b"TimedOut" | b"Timeout" | b"TimeoutError"))
}

/// Takes what is written up to the end of the first word, and refuses the rest.
struct FirstWord {
    text: [u8; 16],
    len: usize,
}

impl fmt::Write for FirstWord {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            let place = self.text.get_mut(self.len).filter(|_| byte.is_ascii_alphanumeric());
            *place.ok_or(fmt::Error)? = byte;
            self.len += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Elapsed(());

    impl fmt::Display for Elapsed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it took too long")
        }
    }

    impl Error for Elapsed {}

    #[derive(Debug)]
    struct Wrapped(Elapsed);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no answer")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn boxed(error: impl Error + Send + Sync + 'static) -> Boxed {
        Box::new(error)
    }

    #[test]
    fn timeouts_are_known_by_what_they_are() {
        let names = Names::default();
        assert_eq!(names.of(&Elapsed(())), "timeout");
        assert_eq!(names.of(&boxed(Elapsed(()))), "timeout");
        assert_eq!(names.of(&boxed(Wrapped(Elapsed(())))), "timeout");
        assert_eq!(names.of(&io::Error::from(io::ErrorKind::TimedOut)), "timeout");
        assert_eq!(names.of(&boxed(io::Error::from(io::ErrorKind::TimedOut))), "timeout");
    }

    #[test]
    fn others_have_the_name_of_their_type_or_none() {
        let names = Names::default();
        assert_eq!(names.of(&io::Error::from(io::ErrorKind::BrokenPipe)), "std::io::error::Error");
        assert_eq!(names.of(&boxed(fmt::Error)), "_OTHER");
    }

    #[test]
    fn a_program_names_its_own() {
        let mut names = Names::default();
        names.add(|failure| failure.find::<fmt::Error>().map(|_| "format"));
        names.add(|failure| failure.find::<fmt::Error>().map(|_| "too late"));
        assert_eq!(names.of(&fmt::Error), "format");
        assert_eq!(names.of(&boxed(fmt::Error)), "format");
        assert_eq!(names.of(&boxed(Elapsed(()))), "timeout", "what it does not name is named as ever");
    }
}
