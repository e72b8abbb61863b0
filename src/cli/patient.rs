//! Standard output and standard error as one expects them to be. Whoever has the same pipe or terminal may have set it not
//! to block: then what does not fit is refused, and is no less wanted.

use std::io::{self, ErrorKind, Stderr, Stdout, Write};
use std::thread;
use std::time::Duration;

/// How soon it is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Writes to another, and waits where that refuses to take more for now.
pub(super) struct Patient<W>(W);

pub(super) fn stdout() -> Patient<Stdout> {
    Patient(io::stdout())
}

pub(super) fn stderr() -> Patient<Stderr> {
    Patient(io::stderr())
}

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        patiently(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        patiently(|| self.0.flush())
    }
}

fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes three bytes every other time, and keeps them until it is flushed.
    #[derive(Default)]
    struct Reluctant {
        refuses: bool,
        held: Vec<u8>,
        written: Vec<u8>,
    }

    impl Reluctant {
        fn agree(&mut self) -> io::Result<()> {
            self.refuses = !self.refuses;
            if self.refuses { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        }
    }

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.agree()?;
            self.held.extend_from_slice(&bytes[..bytes.len().min(3)]);
            Ok(bytes.len().min(3))
        }

        fn flush(&mut self) -> io::Result<()> {
            self.agree()?;
            self.written.append(&mut self.held);
            Ok(())
        }
    }

    #[test]
    fn what_is_refused_for_now_is_written_once() {
        let mut out = Patient(Reluctant::default());
        out.write_all(b"all of it\n").and_then(|()| out.flush()).expect("it is taken in the end");
        assert_eq!(out.0.written, b"all of it\n");
    }
}
