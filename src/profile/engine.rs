//! Expressions and templates of profiles: minijinja, strict, nothing escaped, bounded.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::machinery::{Token, tokenize};
use minijinja::value::{Enumerator, Object, from_args};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Expression, State, Template, UndefinedBehavior, Value};

use crate::format::debversion;
use crate::schema::scalar;

/// Steps that one template may take: a loop over 100,000 hosts fits, an endless one ends.
const FUEL: u64 = 20_000_000;

/// Most bytes that one template may print: fuel counts steps, not what a step prints. (Values that a template joins to
/// themselves are not bounded; profiles are trusted as programs are.)
const PRINTED: usize = 16 * 1024 * 1024;

/// Everything that a profile evaluates.
pub struct Engine {
    env: Environment<'static>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// Why an expression or template failed.
#[derive(Debug)]
pub struct Problem {
    /// The engine's words, in our manner.
    pub message: String,
    /// Line of the template, from 1.
    pub line: Option<usize>,
}

impl Problem {
    /// The engine says that something is undefined, not what: the first of the names that leads nowhere.
    fn name(self, names: impl IntoIterator<Item = String>, context: &Value) -> Self {
        let leads_nowhere = |name: &String| {
            let step = |at: Value, part: &str| at.get_attr(part).ok().filter(|value| !value.is_undefined());
            name.split('.').try_fold(context.clone(), step).is_none()
        };
        let names: BTreeSet<String> = names.into_iter().collect();
        match names.iter().find(|name| self.message.contains("undefined") && leads_nowhere(name)) {
            Some(name) => Self { message: format!("`{name}` is not defined here"), ..self },
            None => self,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut message = error.kind().to_string();
        if let Some(detail) = error.detail() {
            message = format!("{message}: {detail}");
        }
        Self { message, line: error.line() }
    }
}

impl Default for Engine {
    fn default() -> Self {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| AutoEscape::None);
        env.set_keep_trailing_newline(true);
        env.set_trim_blocks(true);
        env.set_lstrip_blocks(true);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(100);
        env.set_formatter(|out, state, value| {
            if value.is_none() {
                return Err(Error::new(ErrorKind::InvalidOperation, "a value that is none cannot be printed"));
            }
            minijinja::escape_formatter(out, state, value)
        });
        env.add_function("version_lt", |a: Value, b: Value| compare(&a, &b).is_lt());
        env.add_function("version_ge", |a: Value, b: Value| compare(&a, &b).is_ge());
        env.add_function("seconds", |text: &str| scalar::duration(text).map_err(|why| Error::new(ErrorKind::InvalidOperation, why)));
        env.add_filter("json", |value: Value| {
            serde_json::to_string(&value).map_err(|why| Error::new(ErrorKind::InvalidOperation, why.to_string()))
        });
        env.add_function("notes", || Value::from_object(Notes::default()));
        env.add_function("mapping", |pairs: Value| {
            let mut all = BTreeMap::new();
            for (key, value) in self::pairs(&pairs)? {
                all.entry(key).or_insert(value);
            }
            Ok::<_, Error>(Value::from_iter(all))
        });
        env.add_function("cycle", |pairs: Value| Ok::<_, Error>(cycle(&self::pairs(&pairs)?)));
        env.add_test("pattern", |text: &str| regex_lite::Regex::new(text).is_ok());
        env.add_test("matching", |text: Value, pattern: &str| {
            let regex = regex_lite::Regex::new(&format!("^(?:{pattern})$"));
            let regex = regex.map_err(|why| Error::new(ErrorKind::InvalidOperation, why.to_string()))?;
            Ok::<_, Error>(regex.is_match(&text.to_string()))
        });
        Self { env }
    }
}

fn pairs(list: &Value) -> Result<Vec<(String, String)>, Error> {
    let pair = |pair: Value| Ok((pair.get_item_by_index(0)?.to_string(), pair.get_item_by_index(1)?.to_string()));
    list.try_iter()?.map(pair).collect()
}

/// The first circle that pairs `[from, to]` close, as the names along it, the first one again at its end; none when there is none.
fn cycle(pairs: &[(String, String)]) -> Option<Vec<String>> {
    let mut leads: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    pairs.iter().for_each(|(from, to)| leads.entry(from).or_default().push(to));
    let ahead = |name: &str| leads.get(name).map(Vec::as_slice).unwrap_or_default().iter();
    // Each name is entered once, and is on the way until all that it leads to has been seen.
    let mut entered = BTreeSet::new();
    for (start, _) in pairs {
        let mut way = Vec::from_iter(entered.insert(start.as_str()).then(|| (start.as_str(), ahead(start))));
        while let Some((_, rest)) = way.last_mut() {
            let Some(next) = rest.next() else {
                way.pop();
                continue;
            };
            if entered.insert(next) {
                way.push((next, ahead(next)));
            } else if let Some(at) = way.iter().position(|(on, _)| on == next) {
                return Some(way[at..].iter().map(|(name, _)| *name).chain([*next]).map(str::to_string).collect());
            }
        }
    }
    None
}

/// What a template has noted so far: a mapping that grows, with its keys in the order in which they came. A list that grows by
/// `+` is copied each time, and looked through from its beginning.
#[derive(Debug, Default)]
struct Notes(Mutex<(BTreeMap<Value, Value>, Vec<Value>)>);

impl Notes {
    fn held(&self) -> MutexGuard<'_, (BTreeMap<Value, Value>, Vec<Value>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Notes {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.held().0.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.held().1.clone())
    }

    fn call_method(self: &Arc<Self>, _: &State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method != "note" {
            return Err(ErrorKind::UnknownMethod.into());
        }
        let (key, value): (Value, Value) = from_args(args)?;
        let (values, keys) = &mut *self.held();
        if let Entry::Vacant(free) = values.entry(key) {
            keys.push(free.key().clone());
            free.insert(value);
        }
        Ok(Value::from(()))
    }
}

/// None (not pinned) is the newest; a trailing `*` is dropped.
fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => debversion::compare(a.trim_end_matches('*'), b.trim_end_matches('*')),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

fn rendered(template: &Template<'_, '_>, context: &Value) -> Result<String, Problem> {
    let mut printed = Printed(Vec::new());
    match template.render_captured_to(context, &mut printed) {
        Ok(_) => Ok(String::from_utf8_lossy(&printed.0).into_owned()),
        Err(error) if error.kind() == ErrorKind::WriteFailure => {
            Err(Problem { message: format!("the template prints more than {PRINTED} bytes"), line: error.line() })
        }
        Err(error) => Err(error.into()),
    }
}

/// What a template printed so far; refuses more than [`PRINTED`] bytes.
struct Printed(Vec<u8>);

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > PRINTED {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True when `}}` stands in an expression outside of brackets and quotes: minijinja 2.24 panics there ("empty lexer stack"),
/// as if the expression had begun with `{{`.
fn ends_early(source: &str) -> bool {
    let (mut depth, mut quote, mut escaped) = (0i64, None, false);
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b'}') if depth == 0 && source.as_bytes().get(at + 1) == Some(&b'}') => return true,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    false
}

/// Refuses slices with a step, such as `list[::-1]`: minijinja 2.24 panics on some of them (3.1 does as well), and the language
/// of profiles has no use for one. What the tokenizer does not understand the parser reports.
fn refuse_steps(source: &str, in_expression: bool) -> Result<(), Problem> {
    // Most have neither a bracket nor two colons, and need not be read twice.
    if !source.contains('[') || source.matches(':').nth(1).is_none() {
        return Ok(());
    }
    let mut colons = Vec::new();
    for (token, span) in tokenize(source, in_expression, Default::default(), Default::default()).map_while(Result::ok) {
        match token {
            Token::BracketOpen | Token::BraceOpen | Token::ParenOpen => colons.push((matches!(token, Token::BracketOpen), 0)),
            Token::BracketClose | Token::BraceClose | Token::ParenClose => drop(colons.pop()),
            Token::Colon => match colons.last_mut() {
                Some((true, 1)) => {
                    let message = "syntax error: a slice has no step here; use the filter `reverse` to turn a list around".into();
                    return Err(Problem { message, line: Some(span.start_line as usize) });
                }
                Some((_, count)) => *count += 1,
                None => {}
            },
            _ => {}
        }
    }
    Ok(())
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

impl Engine {
    /// Compiles a template under a name.
    pub fn add(&mut self, name: &str, source: &str) -> Result<(), Problem> {
        refuse_steps(source, false)?;
        Ok(self.env.add_template_owned(name.to_string(), source.to_string())?)
    }

    /// Renders a template by name.
    pub fn render(&self, name: &str, context: &Value) -> Result<String, Problem> {
        let template = self.env.get_template(name)?;
        rendered(&template, context).map_err(|problem| problem.name(template.undeclared_variables(true), context))
    }

    /// Compiles a text that may be a template. Its name is the text itself, which no file's name can be.
    pub fn add_text(&mut self, source: &str) -> Result<(), Problem> {
        match is_template(source) {
            true => self.add(source, source),
            false => Ok(self.env.template_from_str(source).map(drop)?),
        }
    }

    /// Renders a text that may be a template.
    pub fn render_text(&self, source: &str, context: &Value) -> Result<String, Problem> {
        if !is_template(source) {
            return Ok(source.to_string());
        }
        let template = match self.env.get_template(source) {
            Ok(template) => template,
            Err(_) => {
                refuse_steps(source, false)?;
                self.env.template_from_str(source)?
            }
        };
        rendered(&template, context).map_err(|problem| problem.name(template.undeclared_variables(true), context))
    }

    /// Compiles an expression.
    pub fn expression<'e>(&'e self, source: &'e str) -> Result<Expression<'e, 'e>, Problem> {
        if source.contains("}}") && ends_early(source) {
            return Err(Problem { message: "syntax error: unexpected `}}`".into(), line: None });
        }
        refuse_steps(source, true)?;
        Ok(self.env.compile_expression(source)?)
    }

    /// Evaluates an expression.
    pub fn eval(&self, source: &str, context: &Value) -> Result<Value, Problem> {
        Self::eval_compiled(&self.expression(source)?, context)
    }

    /// Evaluates a compiled expression.
    pub fn eval_compiled(expression: &Expression<'_, '_>, context: &Value) -> Result<Value, Problem> {
        expression.eval(context).map_err(|error| Problem::from(error).name(expression.undeclared_variables(true), context))
    }

    /// Names that a template looks at, with one level of attributes (`host.address`).
    pub fn names_of_template(&self, name: &str) -> Vec<String> {
        let names = self.env.get_template(name).map(|t| t.undeclared_variables(true));
        names.map(|names| names.into_iter().collect()).unwrap_or_default()
    }

    /// Names that a text looks at, when it is a template.
    pub fn names_of_text(&self, source: &str) -> Vec<String> {
        if !is_template(source) {
            return Vec::new();
        }
        let template = self.env.get_template(source).or_else(|_| self.env.template_from_str(source));
        let names = template.map(|t| t.undeclared_variables(true));
        names.map(|names| names.into_iter().collect()).unwrap_or_default()
    }

    /// Names that an expression looks at.
    pub fn names_of_expression(&self, source: &str) -> Vec<String> {
        let names = self.expression(source).map(|e| e.undeclared_variables(true));
        names.map(|names| names.into_iter().collect()).unwrap_or_default()
    }
}
