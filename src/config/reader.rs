//! Reads a settings file name by name, so that every mistake is reported with its line and every value with its source.
//!
//! Derived code would report the same mistakes, but could not say afterwards which line a value came from.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::error::Error;
use crate::config::fault::{Excerpt, Fault, Problem, SyntaxError};
use crate::config::settings::{Shown, Source};
use crate::config::suggest::nearest;

/// A settings file that is TOML; what its names say is not checked yet.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    shown: RefCell<Vec<Shown>>,
}

impl<'a> Reader<'a> {
    /// Wraps the text of the file at `path`.
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Reader { path, text, shown: RefCell::default() }
    }

    /// Parses the text. The tree is the caller's, so that sections can borrow from it.
    pub(super) fn parse(&self) -> Result<DeTable<'a>, Error> {
        DeTable::parse(self.text).map(Spanned::into_inner).map_err(|error| {
            let problem = Problem::Syntax { source: SyntaxError { message: error.message().to_lowercase() } };
            self.fault(error.span(), problem)
        })
    }

    /// The names that stand outside of any section.
    pub(super) fn top<'r>(&'r self, tree: &'r DeTable<'a>) -> Section<'r> {
        Section { reader: self, name: String::new(), table: Some(tree), at: None }
    }

    /// Remembers where a value came from, for `config show`.
    pub(super) fn show(&self, name: &str, value: impl ToString, source: Source) {
        self.shown.borrow_mut().push(Shown { name: name.to_owned(), value: value.to_string(), source });
    }

    /// All that was remembered.
    pub(super) fn into_shown(self) -> Vec<Shown> {
        self.shown.into_inner()
    }

    fn line(&self, offset: usize) -> usize {
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }

    fn fault(&self, at: Option<Range<usize>>, problem: Problem) -> Error {
        let excerpt = at.map(|at| self.excerpt(at));
        Error::Settings(Box::new(Fault { path: self.path.to_owned(), excerpt, problem }))
    }

    /// Cuts the line off behind its name: what stands behind `=` may be a password.
    fn excerpt(&self, at: Range<usize>) -> Excerpt {
        let start =
            (0..=at.start.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let name = line.split('=').next().unwrap_or_default().trim_end();
        let before = self.text[line_start..start].chars().count();
        let length = name.chars().count();
        let inside = self.text.get(start..at.end).map_or(1, |text| text.chars().count());
        Excerpt {
            line: self.line(start),
            text: name.to_owned(),
            column: before.min(length.saturating_sub(1)),
            width: inside.min(length.saturating_sub(before)).max(1),
        }
    }
}

/// A value together with the name it was given, for messages about it.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) name: String,
    at: Range<usize>,
}

impl<T> Found<T> {
    /// The same place with what its value was turned into.
    pub(super) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: turn(self.value), name: self.name, at: self.at }
    }
}

/// One `[section]`, or the names above the first one. A section that is not there is an empty one.
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    name: String,
    table: Option<&'r DeTable<'r>>,
    at: Option<Range<usize>>,
}

impl<'r> Section<'r> {
    /// Whether the file has this section.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Refuses every name that is not in `known`, the first one in the file first.
    pub(super) fn only(&self, known: &[&'static str]) -> Result<(), Error> {
        let keys = self.table.into_iter().flat_map(|table| table.keys());
        let stranger =
            keys.filter(|key| !known.contains(&key.as_ref().as_ref())).min_by_key(|key| key.span().start);
        match stranger {
            Some(key) => {
                let name = key.as_ref().to_string();
                let near = nearest(&name, known);
                Err(self.reader.fault(Some(key.span()), Problem::UnknownName { name, near }))
            }
            None => Ok(()),
        }
    }

    /// The section of this name inside this one.
    pub(super) fn section(&self, key: &str) -> Result<Section<'r>, Error> {
        let name = self.full(key);
        match self.entry(key) {
            None => Ok(Section { reader: self.reader, name, table: None, at: None }),
            Some((at, value)) => match value.get_ref().as_table() {
                Some(table) => Ok(Section { reader: self.reader, name, table: Some(table), at: Some(at) }),
                None => Err(self.wrong_type(key, at, "a section", value.get_ref())),
            },
        }
    }

    /// The names of the sections inside this one, in the order of the alphabet.
    pub(super) fn keys(&self) -> Vec<String> {
        self.table.into_iter().flat_map(|table| table.keys()).map(|key| key.as_ref().to_string()).collect()
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<Found<String>>, Error> {
        self.take(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, key: &str) -> Result<Option<Found<bool>>, Error> {
        self.take(key, "true or false", |value| value.as_bool())
    }

    /// A whole number that fits a port.
    pub(super) fn port(&self, key: &str) -> Result<Option<Found<u16>>, Error> {
        self.whole(key, 1..=u16::MAX)
    }

    /// A whole number in this range, which begins above 0.
    pub(super) fn whole(&self, key: &str, range: RangeInclusive<u16>) -> Result<Option<Found<u16>>, Error> {
        let number = self.take(key, "a number", |value| {
            let number = value.as_integer()?;
            Some(u16::from_str_radix(number.as_str(), number.radix()).unwrap_or(0))
        })?;
        match number {
            Some(found) if !range.contains(&found.value) => {
                Err(self.refuse(&found, Problem::OutOfRange { name: found.name.clone(), range }))
            }
            other => Ok(other),
        }
    }

    /// The place of a name, whatever its value is.
    pub(super) fn find(&self, key: &str) -> Option<Found<()>> {
        self.entry(key).map(|(at, _)| Found { value: (), name: self.full(key), at })
    }

    /// A list of texts.
    pub(super) fn list(&self, key: &str) -> Result<Option<Found<Vec<String>>>, Error> {
        self.take(key, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        })
    }

    /// Whether `key` is there as a text, so that a name with two forms can choose.
    pub(super) fn is_text(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|(_, value)| value.get_ref().is_str())
    }

    /// `true` or `false`.
    pub(super) fn switch(&self, key: &str) -> Result<Option<Found<bool>>, Error> {
        self.take(key, "true or false", |value| value.as_bool())
    }

    /// One of the words of a choice, which `read` turns into the choice itself.
    pub(super) fn word<T>(
        &self,
        key: &str,
        allowed: &'static [&'static str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Found<T>>, Error> {
        let Some(found) = self.text(key)? else { return Ok(None) };
        match read(&found.value) {
            Some(value) => Ok(Some(Found { value, name: found.name, at: found.at })),
            None => {
                let near = nearest(&found.value, allowed);
                let (name, value) = (found.name.clone(), found.value.clone());
                Err(self.refuse(&found, Problem::UnknownValue { name, value, allowed, near }))
            }
        }
    }

    /// What the name says, or an error that it is missing.
    pub(super) fn needed<T>(&self, key: &str, found: Option<Found<T>>) -> Result<Found<T>, Error> {
        found.ok_or_else(|| self.missing(key))
    }

    /// The error that `key` is missing here.
    pub(super) fn missing(&self, key: &str) -> Error {
        self.reader.fault(self.at.clone(), Problem::Missing { name: self.full(key) })
    }

    /// An error about a value that was found.
    pub(super) fn refuse<T>(&self, found: &Found<T>, problem: Problem) -> Error {
        self.reader.fault(Some(found.at.clone()), problem)
    }

    /// An error about the section as a whole.
    pub(super) fn refuse_all(&self, problem: Problem) -> Error {
        self.reader.fault(self.at.clone(), problem)
    }

    /// Remembers a value that was found, for `config show`, and returns it.
    pub(super) fn shown<T: ToString>(&self, found: Found<T>) -> T {
        self.reader.show(&found.name, found.value.to_string(), self.source_of(&found));
        found.value
    }

    /// Remembers and returns the value that was found, or else the default.
    pub(super) fn shown_or<T: ToString>(&self, key: &str, found: Option<Found<T>>, default: T) -> T {
        match found {
            Some(found) => self.shown(found),
            None => {
                self.reader.show(&self.full(key), default.to_string(), Source::Default);
                default
            }
        }
    }

    /// Remembers a value in other words than its own, for what must not be shown as it is.
    pub(super) fn show_as(&self, key: &str, value: impl ToString, source: Source) {
        self.reader.show(&self.full(key), value, source);
    }

    /// Where a value came from.
    pub(super) fn source_of<T>(&self, found: &Found<T>) -> Source {
        Source::Line(self.reader.line(found.at.start))
    }

    /// The name with its section before it, as `config show` prints it.
    pub(super) fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn take<T>(
        &self,
        key: &str,
        wanted: &'static str,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Result<Option<Found<T>>, Error> {
        let Some((at, value)) = self.entry(key) else { return Ok(None) };
        match read(value.get_ref()) {
            Some(value) => Ok(Some(Found { value, name: self.full(key), at })),
            None => Err(self.wrong_type(key, at, wanted, value.get_ref())),
        }
    }

    fn entry(&self, key: &str) -> Option<(Range<usize>, &'r Spanned<DeValue<'r>>)> {
        let mut entries = self.table?.iter();
        entries
            .find(|(name, _)| name.as_ref() == &Cow::Borrowed(key))
            .map(|(name, value)| (name.span(), value))
    }

    fn wrong_type(&self, key: &str, at: Range<usize>, wanted: &'static str, found: &DeValue<'_>) -> Error {
        let found = match found {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) if wanted == "a list of texts" => "a list of something else",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a section",
        };
        self.reader.fault(Some(at), Problem::WrongType { name: self.full(key), wanted, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, check: impl Fn(&Section<'_>) -> Result<(), Error>) -> Fault {
        let reader = Reader::new(Path::new("packmule.toml"), text);
        let outcome = reader.parse().and_then(|tree| check(&reader.top(&tree)));
        match outcome {
            Err(Error::Settings(fault)) => *fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_unknown_name_is_pointed_at() {
        let fault =
            fault("role = \"lab\"\n\n\n\n\n[databse]\nx = 1\n", |top| top.only(&["role", "database"]));
        assert_eq!(fault.to_string(), "packmule.toml line 6: unknown name \"databse\"");
        let excerpt = fault.excerpt.unwrap();
        assert_eq!((excerpt.text.as_str(), excerpt.column, excerpt.width), ("[databse]", 1, 7));
    }

    #[test]
    fn a_line_is_never_quoted_beyond_its_name() {
        let wrong = fault("pasword = \"hunter2\"\n", |top| top.only(&["password"]));
        assert!(!format!("{wrong} {wrong:?}").contains("hunter2"));
        let wrong = fault("ok = 1\npassword = \"hunter2\n", |_| Ok(()));
        assert!(!format!("{wrong} {wrong:?}").contains("hunter2"), "{wrong:?}");
        assert_eq!(wrong.to_string(), "packmule.toml line 2: this line cannot be read");
    }

    #[test]
    fn a_wrong_type_names_what_belongs_there() {
        let wrong = fault("a = 1\nport = \"3306\"\n", |top| top.port("port").map(drop));
        assert_eq!(wrong.to_string(), "packmule.toml line 2: port must be a number, not a text");
        let wrong = fault("port = 65536\n", |top| top.port("port").map(drop));
        assert_eq!(wrong.to_string(), "packmule.toml line 1: port must be from 1 to 65535");
        let wrong = fault("list = [1]\n", |top| top.list("list").map(drop));
        assert_eq!(
            wrong.to_string(),
            "packmule.toml line 1: list must be a list of texts, not a list of something else"
        );
    }
}
