//! Label selectors: `app=web,tier in (a, b),env notin (c),owner,!legacy,size>3`.
//!
//! Grammar, matching and messages are those of k8s.io/apimachinery pkg/labels/selector.go (`Parser`,
//! `Requirement.Matches`) and pkg/api/validate/content (`IsLabelKey`, `IsLabelValue`).

use std::collections::{BTreeMap, BTreeSet};

/// Requirements that a set of labels must all meet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    DoesNotExist,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    GreaterThan(i64),
    LessThan(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Identifier,
    End,
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    In,
    NotIn,
    Error,
}

/// Operators in the order in which the server lists what it expected.
const BINARY_OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

impl LabelSelector {
    /// Reads a selector; the error is the message of the API server's 400.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: lex(text), position: 0 };
        let mut requirements = Vec::new();
        loop {
            match parser.look_for_value() {
                (Token::Identifier | Token::Not, _) => {
                    let requirement = parser
                        .requirement()
                        .map_err(|error| format!("unable to parse requirement: {error}"))?;
                    requirements.push(requirement);
                    match parser.take_value() {
                        (Token::End, _) => return Ok(Self(requirements)),
                        (Token::Comma, _) => match parser.look_for_value() {
                            (Token::Identifier | Token::Not, _) => {}
                            (_, found) => {
                                return Err(format!("found '{found}', expected: identifier after ','"));
                            }
                        },
                        (_, found) => {
                            return Err(format!("found '{found}', expected: ',' or 'end of string'"));
                        }
                    }
                }
                (Token::End, _) => return Ok(Self(requirements)),
                (_, found) => {
                    return Err(format!("found '{found}', expected: !, identifier, or 'end of string'"));
                }
            }
        }
    }

    /// Whether it selects everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels.get(&requirement.key).map(String::as_str)))
    }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::In(values) => value.is_some_and(|value| values.contains(value)),
            Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Operator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Operator::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Splits a selector into tokens; the last one is [`Token::End`].
fn lex(text: &str) -> Vec<(Token, String)> {
    let is_special = |c: char| "=!(),><".contains(c);
    let is_blank = |c: char| " \t\r\n".contains(c);
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while let Some(first) = rest.chars().next() {
        let (token, length) = if is_special(first) {
            // The longest run of special characters that is an operator.
            let known = [("==", Token::DoubleEquals), ("!=", Token::NotEquals)];
            let single = match first {
                '=' => Token::Equals,
                '!' => Token::Not,
                '(' => Token::Open,
                ')' => Token::Close,
                ',' => Token::Comma,
                '>' => Token::Greater,
                '<' => Token::Less,
                _ => Token::Error,
            };
            known
                .iter()
                .find(|(text, _)| rest.starts_with(text))
                .map_or((single, 1), |(_, token)| (*token, 2))
        } else {
            let length = rest.find(|c| is_special(c) || is_blank(c)).unwrap_or(rest.len());
            let token = match &rest[..length] {
                "in" => Token::In,
                "notin" => Token::NotIn,
                _ => Token::Identifier,
            };
            (token, length)
        };
        tokens.push((token, rest[..length].to_owned()));
        rest = rest[length..].trim_start_matches(is_blank);
    }
    tokens.push((Token::End, String::new()));
    tokens
}

struct Parser {
    tokens: Vec<(Token, String)>,
    position: usize,
}

impl Parser {
    fn look(&self) -> (Token, String) {
        self.tokens.get(self.position).cloned().unwrap_or((Token::End, String::new()))
    }

    fn take(&mut self) -> (Token, String) {
        let token = self.look();
        self.position += 1;
        token
    }

    /// Where a key or a value may stand, `in` and `notin` are ordinary words.
    fn look_for_value(&self) -> (Token, String) {
        as_value(self.look())
    }

    fn take_value(&mut self) -> (Token, String) {
        as_value(self.take())
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.take_value();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.take_value();
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        check_key(&key)?;
        if matches!(self.look_for_value().0, Token::End | Token::Comma) {
            let operator = if negated { Operator::DoesNotExist } else { Operator::Exists };
            return Ok(Requirement { key, operator });
        }
        if negated {
            // `!key` takes no operator; the server's parser returns here and then stumbles over what follows.
            return Ok(Requirement { key, operator: Operator::DoesNotExist });
        }
        let operator = match self.take() {
            (Token::In, _) => Operator::In(self.values(&key)?),
            (Token::NotIn, _) => Operator::NotIn(self.values(&key)?),
            (Token::Equals | Token::DoubleEquals, _) => Operator::In(self.exact_value(&key)?),
            (Token::NotEquals, _) => Operator::NotIn(self.exact_value(&key)?),
            (Token::Greater, _) => Operator::GreaterThan(self.number(&key)?),
            (Token::Less, _) => Operator::LessThan(self.number(&key)?),
            (_, found) => return Err(format!("found '{found}', expected: {BINARY_OPERATORS}")),
        };
        Ok(Requirement { key, operator })
    }

    fn exact_value(&mut self, key: &str) -> Result<BTreeSet<String>, String> {
        let value = match self.look_for_value() {
            (Token::End | Token::Comma, _) => String::new(),
            (Token::Identifier, value) => {
                self.position += 1;
                value
            }
            (_, found) => return Err(format!("found '{found}', expected: identifier")),
        };
        check_value(key, &value)?;
        Ok(BTreeSet::from([value]))
    }

    fn number(&mut self, key: &str) -> Result<i64, String> {
        let value = self.exact_value(key)?.into_iter().next().unwrap_or_default();
        value.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    /// `(a, b,)`: between commas and at either end a value may be empty.
    fn values(&mut self, key: &str) -> Result<BTreeSet<String>, String> {
        let (token, found) = self.take_value();
        if token != Token::Open {
            return Err(format!("found '{found}' expected: '('"));
        }
        let mut values = BTreeSet::new();
        let mut current: Option<String> = None;
        loop {
            match self.take_value() {
                (Token::Identifier, value) if current.is_none() => current = Some(value),
                (Token::Comma, _) => {
                    values.insert(current.take().unwrap_or_default());
                }
                (Token::Close, _) => {
                    values.insert(current.take().unwrap_or_default());
                    break;
                }
                (_, found) if current.is_some() => {
                    return Err(format!("found '{found}', expected: ',' or ')'"));
                }
                (_, found) if values.is_empty() => {
                    return Err(format!("found '{found}', expected: ',', ')' or identifier"));
                }
                (_, found) => return Err(format!("found '{found}', expected: ',', or identifier")),
            }
        }
        values.iter().try_for_each(|value| check_value(key, value))?;
        Ok(values)
    }
}

fn as_value((token, text): (Token, String)) -> (Token, String) {
    match token {
        Token::In | Token::NotIn => (Token::Identifier, text),
        _ => (token, text),
    }
}

/// One to 63 letters, digits, `-`, `_`, `.`, beginning and ending with a letter or a digit.
fn is_qualified(text: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && alphanumeric(text.chars().next())
        && alphanumeric(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_label = |label: &str| {
        is_qualified(label) && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if prefix.is_some_and(|prefix| prefix.len() > 253 || !prefix.split('.').all(is_label)) {
        return Err(format!(
            "<nil>: Invalid value: {key:?}: prefix part a lowercase RFC 1123 subdomain must consist of lower case \
             alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
             'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        ));
    }
    if !is_qualified(name) {
        return Err(format!(
            "<nil>: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and \
             must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex \
             used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        ));
    }
    Ok(())
}

fn check_value(key: &str, value: &str) -> Result<(), String> {
    if value.is_empty() || is_qualified(value) {
        return Ok(());
    }
    Err(format!(
        "values[0][{key}]: Invalid value: {value:?}: a valid label must be an empty string or consist of alphanumeric \
         characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or \
         'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    ))
}
