//! Merges the layers key by key, and remembers where each value was set.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::de::DeTable;
use toml::{Table, Value};

use super::bind::BindAddress;
use super::legacy_env::{self, LegacyVariable, RelatedVariables, switch};
use super::misspelt::{self, Misspelt, PREFIX, hint};
use super::secret_files::{self, SecretLines};
use super::{Config, ConfigProblem, ConfigProblems, ConfigSources, Flag, check, issuers, sections};
use crate::protocol::likeness;

/// Where a value was set.
#[derive(Clone, Debug)]
enum ValueOrigin {
    Default,
    File {
        path: PathBuf,
        line: usize,
    },
    Variable(String),
    Flag(&'static str),
    /// The file of a secret.
    SecretFile(PathBuf),
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::SecretFile(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A value as a layer gives it: typed in the file, text in the other layers.
enum Given {
    Typed(Value),
    Text(String),
}

/// The layers that were merged so far.
pub(super) struct Merge {
    /// The built-in defaults. They define which keys exist, and their types.
    defaults: Table,
    /// The defaults with the changes of the layers. It only has values that are valid on their own.
    table: Table,
    origins: BTreeMap<String, ValueOrigin>,
    /// The files of secrets, by the keys of these; they are read once all layers are known.
    secret_files: BTreeMap<String, (PathBuf, ValueOrigin)>,
    /// Keys whose value was refused. Checks that depend on them are skipped.
    refused: BTreeSet<String>,
    problems: Vec<ConfigProblem>,
    warnings: Vec<ConfigProblem>,
}

impl Merge {
    pub(super) fn new() -> Self {
        let defaults = Table::try_from(Config::default()).unwrap_or_default();
        Self {
            table: defaults.clone(),
            defaults,
            origins: BTreeMap::new(),
            secret_files: BTreeMap::new(),
            refused: BTreeSet::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads the file that `sources` name, if there is one, and returns its path.
    pub(super) fn take_file(&mut self, sources: &ConfigSources) -> Option<PathBuf> {
        let variable =
            || sources.environment.iter().find(|(name, value)| name == "RUNCAST_CONFIG" && !value.is_empty());
        let path = match (&sources.file, variable()) {
            (Some(path), _) => path.clone(),
            (None, Some((_, path))) => path.into(),
            (None, None) if sources.nearby_file.is_file() => sources.nearby_file.clone(),
            (None, None) => return None,
        };
        match fs::read_to_string(&path) {
            Ok(text) => self.take_text(&path, &text),
            Err(error) => self.problem(path.display(), format!("can't be read: {error}")),
        }
        Some(path)
    }

    fn take_text(&mut self, path: &Path, text: &str) {
        let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        let (spans, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map_or(1, |span| line_of(span.start));
            self.problem(format_args!("{}:{line}", path.display()), error.message().to_owned());
        }
        // After a syntax error the rest of the file may not mean what it seems to, so only the error is reported.
        let Ok(table) = text.parse::<Table>() else { return };
        for (section, value) in table {
            let Some((name_span, value_span)) = spans.get_ref().get_key_value(section.as_str()) else { continue };
            let at = |offset| ValueOrigin::File { path: path.to_owned(), line: line_of(offset) };
            let Value::Table(keys) = value else {
                self.take(&section, Given::Typed(value), at(name_span.span().start));
                continue;
            };
            if !self.defaults.contains_key(&section) {
                let origin = at(name_span.span().start);
                let hint = nearest(&section, self.defaults.keys().map(String::as_str));
                self.problem(format_args!("[{section}] ({origin})"), format!("there is no such section{hint}"));
                continue;
            }
            let key_spans = value_span.get_ref().as_table();
            for (key, value) in keys {
                let span = key_spans.and_then(|spans| spans.get_key_value(key.as_str())).map(|(name, _)| name.span());
                let origin = at(span.map_or(name_span.span().start, |span| span.start));
                self.take(&format!("{section}.{key}"), Given::Typed(value), origin);
            }
        }
    }

    /// Takes the older variable names, then `RUNCAST__SECTION__KEY`; returns the variables that have no effect.
    pub(super) fn take_environment(&mut self, environment: &[(OsString, OsString)]) -> Vec<ConfigProblem> {
        let mut warnings = Vec::new();
        let named: BTreeMap<&str, &OsStr> =
            environment.iter().filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str()))).collect();
        let lossy = |value: &&OsStr| value.to_string_lossy().into_owned();
        let named_one = |name| named.get(name).map(lossy);
        let others = RelatedVariables {
            websocket: named_one("USE_REDIS_WEBSOCKET"),
            supabase_url: named_one("SUPABASE_URL"),
            supabase_bucket: named_one("SUPABASE_STORAGE_BUCKET"),
        };
        for (name, value) in &named {
            match legacy_env::read(name, &lossy(value), &self.bind(), &others) {
                Some(LegacyVariable::Sets(pairs)) => {
                    for (key, value) in pairs {
                        self.take(key, Given::Text(value), ValueOrigin::Variable((*name).to_owned()));
                    }
                }
                Some(LegacyVariable::Refused(text)) => self.problem(name, text),
                Some(LegacyVariable::Unused(text)) => {
                    warnings.push(ConfigProblem { subject: (*name).to_owned(), text: text.to_owned() });
                }
                None => {}
            }
        }
        let keys = self.keys();
        for name in named.keys() {
            match misspelt::find(name, &keys) {
                Some(Misspelt::Certainly(text)) => self.problem(name, text),
                Some(Misspelt::Perhaps(text)) => warnings.push(ConfigProblem { subject: (*name).to_owned(), text }),
                None => {}
            }
        }
        for (name, value) in named {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let key = path.to_ascii_lowercase().replacen("__", ".", 1);
            self.take_os(&key, value, ValueOrigin::Variable(name.to_owned()));
        }
        warnings
    }

    /// Takes the keys that the command line set.
    pub(super) fn take_flags(&mut self, flags: &[Flag]) {
        for flag in flags {
            self.take_os(flag.key, &flag.value, ValueOrigin::Flag(flag.name));
        }
    }

    fn take_os(&mut self, key: &str, value: &OsStr, origin: ValueOrigin) {
        match value.to_str() {
            Some(text) => self.take(key, Given::Text(text.to_owned()), origin),
            None => self.refuse(key, &origin, "is not UTF-8".to_owned()),
        }
    }

    /// Takes a value if it is valid on its own.
    fn take(&mut self, key: &str, given: Given, origin: ValueOrigin) {
        let Some(default) = self.default(key) else {
            if let Some(secret) = secret_files::secret_of(key) {
                return self.take_secret_file(secret, key, given, origin);
            }
            let hint = self.nearest_key(key);
            return self.problem(format_args!("{key} ({origin})"), format!("there is no such key{hint}"));
        };
        let typed = match given {
            Given::Text(text) if key == "auth.issuers" => issuers::of_text(&text),
            Given::Text(text) if key == "auth.oidc" => issuers::oidc::of_text(&text),
            given => typed(given, default),
        };
        match typed.and_then(|value| self.with(key, value)) {
            Ok(table) => {
                self.table = table;
                self.refused.remove(key);
                self.origins.insert(key.to_owned(), origin);
            }
            Err(text) => self.refuse(key, &origin, text),
        }
    }

    /// The table with one value changed, if the key can have that value.
    fn with(&self, key: &str, value: Value) -> Result<Table, String> {
        if let (Some(number), Some(range)) = (value.as_integer(), sections::range(key))
            && !range.contains(&number)
        {
            return Err(format!("must be {} to {}, is {number}", range.start(), range.end()));
        }
        let set = |table: &Table| {
            let mut table = table.clone();
            if let Some((section, name)) = key.split_once('.')
                && let Some(Value::Table(section)) = table.get_mut(section)
            {
                section.insert(name.to_owned(), value.clone());
            }
            table
        };
        // The value is checked alone among the defaults, so that an error can only be about it.
        let alone = Config::deserialize(set(&self.defaults)).map_err(|error| check::explain(key, error.message()))?;
        check::value(key, &alone).map_or_else(|| Ok(set(&self.table)), Err)
    }

    fn default(&self, key: &str) -> Option<&Value> {
        key.split_once('.').and_then(|(section, name)| self.defaults.get(section)?.get(name))
    }

    /// Takes the name of a secret's file; an empty one names none.
    fn take_secret_file(&mut self, secret: String, key: &str, given: Given, origin: ValueOrigin) {
        match typed(given, &Value::String(String::new())) {
            Ok(Value::String(path)) if !path.is_empty() => {
                drop(self.secret_files.insert(secret, (path.into(), origin)))
            }
            Ok(_) => drop(self.secret_files.remove(&secret)),
            Err(text) => self.refuse(key, &origin, text),
        }
    }

    /// Takes the secrets that stand in files.
    fn read_secret_files(&mut self) {
        for (key, (path, origin)) in std::mem::take(&mut self.secret_files) {
            let subject = format!("{key}_file ({origin})");
            let Some(default) = self.default(&key).cloned() else { continue };
            let present = key.split_once('.').and_then(|(section, name)| self.table.get(section)?.get(name));
            if present != Some(&default) {
                let both = format!("{key} ({}) and {subject}", self.origin(&key));
                self.problem(both, "only one of the two may be given".to_owned());
                continue;
            }
            let read = secret_files::read(&path).and_then(|SecretLines { mut lines, is_public }| {
                let given = match (&default, lines.len()) {
                    (Value::Array(_), _) => {
                        Given::Typed(lines.into_iter().map(Value::String).collect::<Vec<_>>().into())
                    }
                    (_, 1) => Given::Text(lines.remove(0)),
                    (_, count) => return Err(format!("must have one line, has {count}")),
                };
                Ok((given, is_public))
            });
            match read {
                Ok((given, is_public)) => {
                    if is_public {
                        let text = format!("everybody on this machine may read it: chmod o-r {}", path.display());
                        self.warnings.push(ConfigProblem { subject, text });
                    }
                    self.take(&key, given, ValueOrigin::SecretFile(path));
                }
                Err(text) => {
                    self.refused.insert(key);
                    self.problem(subject, format!("{} {text}", path.display()));
                }
            }
        }
    }

    fn bind(&self) -> BindAddress {
        let bind = || self.table.get("server")?.get("bind")?.as_str()?.parse().ok();
        bind().unwrap_or(Config::default().server.bind)
    }

    /// Returns the settings and the doubts about them, or everything that is wrong.
    pub(super) fn finish(mut self) -> Result<(Config, Vec<ConfigProblem>), ConfigProblems> {
        self.read_secret_files();
        let config = match Config::deserialize(std::mem::take(&mut self.table)) {
            Ok(config) => config,
            Err(error) => {
                self.problem("configuration", error.message().to_owned());
                return Err(ConfigProblems(self.problems));
            }
        };
        for conflict in check::conflicts(&config) {
            if conflict.keys.iter().any(|key| self.refused.contains(*key)) {
                continue;
            }
            let [a, b] = conflict.keys.map(|key| format!("{key} ({})", self.origin(key)));
            self.problem(format_args!("{a} and {b}"), conflict.text);
        }
        if !self.problems.is_empty() {
            return Err(ConfigProblems(self.problems));
        }
        let doubts = check::doubts(&config).into_iter();
        let warnings =
            doubts.map(|(key, text)| ConfigProblem { subject: format!("{key} ({})", self.origin(key)), text });
        let warnings: Vec<_> = warnings.collect();
        self.warnings.extend(warnings);
        Ok((config, self.warnings))
    }

    fn origin(&self, key: &str) -> &ValueOrigin {
        self.origins.get(key).unwrap_or(&ValueOrigin::Default)
    }

    fn refuse(&mut self, key: &str, origin: &ValueOrigin, text: String) {
        self.refused.insert(key.to_owned());
        self.problem(format_args!("{key} ({origin})"), text);
    }

    fn problem(&mut self, subject: impl fmt::Display, text: String) {
        self.problems.push(ConfigProblem { subject: subject.to_string(), text });
    }

    /// Every key there is, behind its section.
    fn keys(&self) -> Vec<(String, String)> {
        let sections = self.defaults.iter().filter_map(|(section, keys)| Some((section, keys.as_table()?)));
        let keys = sections.flat_map(|(section, keys)| keys.keys().map(move |key| (section.clone(), key.clone())));
        keys.chain(secret_files::forms()).collect()
    }

    fn nearest_key(&self, key: &str) -> String {
        let keys: Vec<String> = self.keys().iter().map(|(section, key)| format!("{section}.{key}")).collect();
        // The right name in the wrong section is the most likely mistake.
        let name = key.rsplit('.').next().unwrap_or(key);
        let elsewhere = keys.iter().find(|known| known.split_once('.').is_some_and(|(_, known)| known == name));
        match elsewhere {
            Some(known) => hint(known),
            None => nearest(key, keys.iter().map(String::as_str)),
        }
    }
}

/// Converts the given value to the type of the default.
fn typed(given: Given, default: &Value) -> Result<Value, String> {
    match given {
        Given::Typed(value) if value.same_type(default) => Ok(value),
        Given::Typed(value) => Err(format!("must be {}, is {}", type_name(default), type_name(&value))),
        Given::Text(text) => match default {
            Value::Integer(_) => {
                text.trim().parse().map(Value::Integer).map_err(|_| format!("must be a whole number, is {text:?}"))
            }
            Value::Boolean(_) => match switch(&text) {
                Some(value) => Ok(Value::Boolean(value)),
                None => Err(format!("must be true or false, is {text:?}")),
            },
            Value::Array(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
            }
            _ => Ok(Value::String(text)),
        },
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    likeness::nearest(name, known).map(hint).unwrap_or_default()
}
