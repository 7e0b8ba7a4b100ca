//! Reads the part of DataPrime that the simulator knows. What it does not know is a compiler error.

use chrono::{DateTime, Utc};

/// A query in parts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Query {
    pub(super) filters: Vec<Condition>,
    pub(super) aggregate: Option<Aggregate>,
    pub(super) limit: Option<u64>,
}

/// `count()`, of each group if there is one.
#[derive(Debug, PartialEq)]
pub(super) struct Aggregate {
    pub(super) group: Option<(Path, String)>,
    pub(super) count: String,
}

/// An expression that is true or false.
#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare(Path, Operator, Literal),
    Contains(Vec<String>, Path),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// `m`, `l` or `d`.
    pub(super) root: char,
    pub(super) names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Time(DateTime<Utc>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Root(char),
    Text(String),
    Time(DateTime<Utc>),
    Symbol(&'static str),
}

/// Longer symbols before their beginnings.
const SYMBOLS: [&str; 15] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "|", "(", ")", "[", "]", ",", ".",
];

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
    };
    parser.query()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else if first == '\'' {
            let (text, behind) = quoted(&rest[1..])?;
            tokens.push(Token::Text(text));
            rest = behind;
        } else if let Some(time) = rest.strip_prefix("@'") {
            let (time, behind) = quoted(time)?;
            let time = time.parse().map_err(|_| format!("{time} is no time"))?;
            tokens.push(Token::Time(time));
            rest = behind;
        } else if let Some(path) = rest.strip_prefix('$') {
            let root = path
                .chars()
                .next()
                .filter(|root| "mld".contains(*root))
                .ok_or("no such prefix")?;
            tokens.push(Token::Root(root));
            rest = &path[1..];
        } else {
            let end = rest
                .find(|char: char| !(char.is_ascii_alphanumeric() || char == '_'))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("unexpected {first:?}"));
            }
            tokens.push(Token::Word(rest[..end].into()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// The text up to the quote that ends it, and what is behind.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '\'' => return Ok((out, &text[place + 1..])),
            '\\' => out.push(chars.next().ok_or("a backslash at the end")?.1),
            char if char.is_control() => return Err("a control character in a string".into()),
            char => out.push(char),
        }
    }
    Err("a string has no end".into())
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn query(&mut self) -> Result<Query, String> {
        self.words(&["source", "logs"])?;
        let mut query = Query::default();
        while self.next < self.tokens.len() {
            self.symbol("|")?;
            match &*self.word()? {
                "filter" if query.aggregate.is_none() => query.filters.push(self.any()?),
                "groupby" => {
                    let path = self.path()?;
                    self.words(&["as"])?;
                    let alias = self.word()?;
                    self.words(&["aggregate"])?;
                    query.aggregate = Some(Aggregate {
                        group: Some((path, alias)),
                        count: self.count()?,
                    });
                }
                "aggregate" => {
                    query.aggregate = Some(Aggregate {
                        group: None,
                        count: self.count()?,
                    })
                }
                "limit" => {
                    query.limit = Some(self.word()?.parse().map_err(|_| "a limit is a number")?)
                }
                other => return Err(format!("unknown command {other}")),
            }
        }
        Ok(query)
    }

    /// `count() as n`.
    fn count(&mut self) -> Result<String, String> {
        self.words(&["count"])?;
        self.symbol("(")?;
        self.symbol(")")?;
        self.words(&["as"])?;
        self.word()
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.all()?];
        while self.take("||") {
            parts.push(self.all()?);
        }
        Ok(Condition::Any(parts))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.term()?];
        while self.take("&&") {
            parts.push(self.term()?);
        }
        Ok(Condition::All(parts))
    }

    fn term(&mut self) -> Result<Condition, String> {
        if self.take("(") {
            let inner = self.any()?;
            self.symbol(")")?;
            return Ok(inner);
        }
        if self.take("[") {
            let mut texts = Vec::new();
            while !self.take("]") {
                match self.token()? {
                    Token::Text(text) => texts.push(text),
                    other => return Err(format!("unexpected {other:?} in an array")),
                }
                self.take(",");
            }
            self.symbol(".")?;
            self.words(&["arrayContains"])?;
            self.symbol("(")?;
            let path = self.path()?;
            self.symbol(")")?;
            return Ok(Condition::Contains(texts, path));
        }
        let path = self.path()?;
        let operator = match self.token()? {
            Token::Symbol("==") => Operator::Equal,
            Token::Symbol("!=") => Operator::NotEqual,
            Token::Symbol("<") => Operator::Less,
            Token::Symbol("<=") => Operator::LessOrEqual,
            Token::Symbol(">") => Operator::Greater,
            Token::Symbol(">=") => Operator::GreaterOrEqual,
            other => return Err(format!("unexpected {other:?} behind a path")),
        };
        let literal = match self.token()? {
            Token::Text(text) => Literal::Text(text),
            Token::Time(time) => Literal::Time(time),
            other => return Err(format!("unexpected {other:?} in a comparison")),
        };
        Ok(Condition::Compare(path, operator, literal))
    }

    fn path(&mut self) -> Result<Path, String> {
        let Token::Root(root) = self.token()? else {
            return Err("a path begins with $m, $l or $d".into());
        };
        let mut names = Vec::new();
        loop {
            if self.take(".") {
                names.push(self.word()?);
            } else if self.take("[") {
                match self.token()? {
                    Token::Text(name) => names.push(name),
                    other => return Err(format!("unexpected {other:?} in a path")),
                }
                self.symbol("]")?;
            } else {
                return Ok(Path { root, names });
            }
        }
    }

    fn token(&mut self) -> Result<Token, String> {
        let token = self
            .tokens
            .get(self.next)
            .cloned()
            .ok_or("the query ends too early")?;
        self.next += 1;
        Ok(token)
    }

    fn word(&mut self) -> Result<String, String> {
        match self.token()? {
            Token::Word(word) => Ok(word),
            other => Err(format!("unexpected {other:?}")),
        }
    }

    fn words(&mut self, words: &[&str]) -> Result<(), String> {
        for expected in words {
            let word = self.word()?;
            if word != *expected {
                return Err(format!("{word} in place of {expected}"));
            }
        }
        Ok(())
    }

    fn take(&mut self, symbol: &'static str) -> bool {
        let is_next = self.tokens.get(self.next) == Some(&Token::Symbol(symbol));
        self.next += usize::from(is_next);
        is_next
    }

    fn symbol(&mut self, symbol: &'static str) -> Result<(), String> {
        match self.take(symbol) {
            true => Ok(()),
            false => Err(format!("{symbol} is missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_dataprime_refuses_what_it_does_not_know() {
        for query in [
            "source logs | filter $l.applicationname == 'it\\'s' && ($d['a/b'].c != 'x' || $m.timestamp < @'2026-11-28T00:00:00Z') | limit 5",
            "source logs | filter ['a', 'b'].arrayContains($d.uuid) | groupby $d.uuid as u aggregate count() as n | limit 7",
            "source logs | aggregate count() as n",
        ] {
            assert!(parse(query).is_ok(), "{query}: {:?}", parse(query));
        }
        for query in [
            "",
            "source spans",
            "source logs | filter $d.a == 'it's'",
            "source logs | filter $d.a == 'x",
            "source logs | filter $x.a == 'x'",
            "source logs | filter $d.a = 'x'",
            "source logs | limit many",
            "source logs | remove $d",
            "source logs | filter $d.a == 'x' extra",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
