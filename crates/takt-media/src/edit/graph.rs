//! Filter graphs made of typed values only.
//!
//! Invariant: no text that comes from outside can get into a graph. Names of filters and options and words are
//! `&'static str`, written in this program's source; everything else is a number. There is no way to put a `String` in.

use std::fmt::{self, Write as _};

/// A connection between filters, or a stream of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pad {
    /// Stream `stream` of input `file`.
    Input { file: usize, stream: u32 },
    /// What a filter puts out.
    Link(usize),
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { file, stream } => write!(f, "[{file}:{stream}]"),
            Self::Link(number) => write!(f, "[l{number}]"),
        }
    }
}

/// What an option is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Whole(i64),
    /// Finite; written with nine decimals.
    Number(f64),
    Ratio(u32, u32),
    /// A number of samples, marked as such.
    Samples(u32),
    Word(&'static str),
    /// A number times what a word stands for in the filter's own formulas: `iw*0.5`.
    Times(&'static str, f64),
    /// `PTS*scale+offset_s/TB`.
    Retimed {
        scale: f64,
        offset_s: f64,
    },
    /// Whether the time is from `from_ms` on and before `to_ms`.
    During {
        from_ms: u32,
        to_ms: u32,
    },
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never an exponent, never "NaN" or "inf": FFmpeg's reader of numbers knows neither of the two.
        let finite = |number: f64| if number.is_finite() { number } else { 0.0 };
        let seconds = |ms: u32| f64::from(ms) / 1000.0;
        match *self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{:.9}", finite(number)),
            Self::Ratio(over, under) => write!(f, "{over}/{under}"),
            Self::Samples(number) => write!(f, "{number}S"),
            Self::Word(word) => f.write_str(word),
            Self::Times(word, factor) => write!(f, "{word}*{:.9}", finite(factor)),
            Self::Retimed { scale, offset_s } => {
                write!(f, "PTS*{:.9}+({:.9})/TB", finite(scale), finite(offset_s))
            }
            // Half a microsecond early, as frame times are rounded to one.
            Self::During { from_ms, to_ms } => write!(
                f,
                "gte(t\\,{:.7})*lt(t\\,{:.7})",
                seconds(from_ms) - 0.000_000_5,
                seconds(to_ms) - 0.000_000_5
            ),
        }
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

/// One filter and its options, each by name.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    name: &'static str,
    options: Vec<(&'static str, Value)>,
}

/// A filter without options.
pub(crate) fn filter(name: &'static str) -> Filter {
    Filter { name, options: Vec::new() }
}

impl Filter {
    /// Sets an option.
    pub(crate) fn set(mut self, option: &'static str, value: impl Into<Value>) -> Self {
        self.options.push((option, value.into()));
        self
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (number, (option, value)) in self.options.iter().enumerate() {
            write!(f, "{}{option}={value}", if number == 0 { '=' } else { ':' })?;
        }
        Ok(())
    }
}

/// A graph as it grows.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    text: String,
    links: usize,
}

impl Graph {
    /// Adds filters in a row, fed by `inputs`.
    pub(crate) fn chain(&mut self, inputs: &[Pad], filters: impl IntoIterator<Item = Filter>) -> Pad {
        if !self.text.is_empty() {
            self.text.push(';');
        }
        for input in inputs {
            let _ = write!(self.text, "{input}");
        }
        for (number, filter) in filters.into_iter().enumerate() {
            let _ = write!(self.text, "{}{filter}", if number == 0 { "" } else { "," });
        }
        let pad = Pad::Link(self.links);
        self.links += 1;
        let _ = write!(self.text, "{pad}");
        pad
    }

    /// As FFmpeg's `-filter_complex` takes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}
