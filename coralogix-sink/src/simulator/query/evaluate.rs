//! Evaluates a query on stored logs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::stored::Stored;
use super::syntax::{Aggregate, Condition, Literal, Operator, Path, Query};

/// The rows of a query, and whether the path of its groups was found in any log.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) rows: Vec<Value>,
    pub(super) unknown_path: Option<Path>,
}

/// The rows of a query about these logs, in the order of their groups.
pub(super) fn rows<'a>(query: &Query, logs: impl Iterator<Item = &'a Stored>) -> Evaluated {
    let logs = logs.filter(|log| query.filters.iter().all(|filter| is_met(filter, log)));
    match &query.aggregate {
        None => Evaluated {
            rows: logs.map(|log| log.data(&[])).collect(),
            unknown_path: None,
        },
        Some(Aggregate { group: None, count }) => Evaluated {
            rows: vec![json!({ &**count: logs.count() })],
            unknown_path: None,
        },
        Some(Aggregate {
            group: Some((path, alias)),
            count,
        }) => {
            let mut groups: BTreeMap<String, (Value, u64)> = BTreeMap::new();
            for log in logs {
                let value = value(path, log);
                groups.entry(value.to_string()).or_insert((value, 0)).1 += 1;
            }
            let is_unknown =
                !groups.is_empty() && groups.values().all(|(value, _)| value.is_null());
            let row = |(value, number): (Value, u64)| {
                Value::Object(Map::from_iter([
                    (alias.clone(), value),
                    (count.clone(), number.into()),
                ]))
            };
            Evaluated {
                rows: groups.into_values().map(row).collect(),
                unknown_path: is_unknown.then(|| path.clone()),
            }
        }
    }
}

fn is_met(condition: &Condition, log: &Stored) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| is_met(part, log)),
        Condition::Any(parts) => parts.iter().any(|part| is_met(part, log)),
        Condition::Contains(texts, path) => match value(path, log) {
            Value::String(text) => texts.contains(&text),
            _ => false,
        },
        Condition::Compare(path, operator, Literal::Time(time)) => {
            is_time(path) && holds(*operator, log.timestamp.cmp(time))
        }
        Condition::Compare(path, operator, Literal::Text(text)) => match value(path, log) {
            Value::String(value) => holds(*operator, (*value).cmp(text)),
            _ => *operator == Operator::NotEqual,
        },
    }
}

fn holds(operator: Operator, order: std::cmp::Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
    }
}

fn is_time(path: &Path) -> bool {
    path.root == 'm' && path.names == ["timestamp"]
}

fn value(path: &Path, log: &Stored) -> Value {
    match (path.root, &path.names[..]) {
        ('d', names) => log.data(names),
        ('l', [name]) if name == "applicationname" => log.application().into(),
        ('l', [name]) if name == "subsystemname" => log.subsystem().into(),
        _ => Value::Null,
    }
}
