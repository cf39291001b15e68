//! Label selectors: `app=web,tier in (a, b),env notin (c),owner,!legacy,size>3`.
//!
//! Grammar, matching and messages are those of k8s.io/apimachinery pkg/labels/selector.go (`Parser`,
//! `NewRequirement`, `Requirement.Matches`).

use std::collections::{BTreeMap, BTreeSet};

use super::syntax::{check_key, value_error};

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
    /// A requirement with values; all that is wrong with them is told at once.
    fn new(key: String, operator: Token, values: BTreeSet<String>) -> Result<Self, String> {
        let mut errors = Vec::new();
        let mut bound = 0;
        if matches!(operator, Token::Greater | Token::Less) {
            for (index, value) in values.iter().enumerate() {
                match value.parse() {
                    Ok(number) => bound = number,
                    Err(_) => errors.push(format!(
                        "values[{index}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
                    )),
                }
            }
        }
        errors.extend(values.iter().enumerate().filter_map(|(index, value)| value_error(&key, index, value)));
        match &errors[..] {
            [] => {}
            [error] => return Err(error.clone()),
            _ => return Err(format!("[{}]", errors.join(", "))),
        }
        let operator = match operator {
            Token::Greater => Operator::GreaterThan(bound),
            Token::Less => Operator::LessThan(bound),
            Token::NotIn | Token::NotEquals => Operator::NotIn(values),
            _ => Operator::In(values),
        };
        Ok(Self { key, operator })
    }

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
        let (operator, found) = self.take();
        let values = match operator {
            Token::In | Token::NotIn => self.values()?,
            Token::Equals | Token::DoubleEquals | Token::NotEquals | Token::Greater | Token::Less => {
                BTreeSet::from([self.exact_value()?])
            }
            _ => return Err(format!("found '{found}', expected: {BINARY_OPERATORS}")),
        };
        Requirement::new(key, operator, values)
    }

    /// The value after `=` and its like; nothing there is the empty value.
    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.look_for_value().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.take_value() {
            (Token::Identifier, value) => Ok(value),
            (_, found) => Err(format!("found '{found}', expected: identifier")),
        }
    }

    /// `(a, b,)`: between commas and at either end a value may be empty.
    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let (token, found) = self.take_value();
        if token != Token::Open {
            return Err(format!("found '{found}' expected: '('"));
        }
        match self.look_for_value() {
            (Token::Identifier | Token::Comma, first) => {
                let values = self.value_list()?;
                match self.take_value() {
                    (Token::Close, _) => Ok(values),
                    _ => Err(format!("found '{first}', expected: ')'")),
                }
            }
            (Token::Close, _) => {
                self.position += 1;
                Ok(BTreeSet::from([String::new()]))
            }
            (_, found) => Err(format!("found '{found}', expected: ',', ')' or identifier")),
        }
    }

    fn value_list(&mut self) -> Result<BTreeSet<String>, String> {
        let mut values = BTreeSet::new();
        loop {
            match self.take_value() {
                (Token::Identifier, value) => {
                    values.insert(value);
                    match self.look_for_value() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(values),
                        (_, found) => return Err(format!("found '{found}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.look_for_value().0 {
                        Token::Close => {
                            values.insert(String::new());
                            return Ok(values);
                        }
                        Token::Comma => {
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                (_, found) => return Err(format!("found '{found}', expected: ',', or identifier")),
            }
        }
    }
}

fn as_value((token, text): (Token, String)) -> (Token, String) {
    match token {
        Token::In | Token::NotIn => (Token::Identifier, text),
        _ => (token, text),
    }
}
