//! What is written to the user: results to standard output, everything else to standard error.
//! A closed pipe ends the output quietly.

use std::io::{IsTerminal, Write};

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Standard output and standard error of this process.
pub struct Terminal {
    colour: Colour,
}

impl Terminal {
    /// With that rule for colour.
    pub fn new(colour: Colour) -> Self {
        Self { colour }
    }

    /// Writes a result.
    pub fn out(&mut self, text: &str) {
        let mut stream = std::io::stdout().lock();
        // A reader that has gone away wants no more output; there is nobody to tell.
        let _ = stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush());
    }

    /// Writes a message.
    pub fn err(&mut self, text: &str) {
        let mut stream = std::io::stderr().lock();
        // As above.
        let _ = stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush());
    }

    /// Whether standard output gets colour.
    pub fn colour_out(&self) -> bool {
        self.wants(std::io::stdout().is_terminal())
    }

    /// Whether standard error gets colour.
    pub fn colour_err(&self) -> bool {
        self.wants(std::io::stderr().is_terminal())
    }

    fn wants(&self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }
}
