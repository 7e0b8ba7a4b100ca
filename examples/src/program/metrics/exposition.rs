//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

use super::histogram::Histogram;

/// The `Content-Type` of the text.
pub(in crate::program) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Collects families of samples.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// The type of a family.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Labels of a sample: names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// Writes the samples of one family.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Exposition {
    /// Begins a family. `help` has no line break.
    pub(super) fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Family<'a> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\");
        let head = format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n").to_string();
        self.0.push_str(&head);
        Family {
            text: &mut self.0,
            name,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.line("", labels, None, value);
    }

    /// The cumulative buckets of a histogram, its sum and its count.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        let (buckets, sum) = histogram.read();
        let mut count = 0;
        for (bound, within) in buckets {
            count += within;
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            self.line("_bucket", labels, Some(("le", &bound)), count);
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, count);
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        last: Option<(&str, &str)>,
        value: impl Display,
    ) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (name, value) in labels.iter().copied().chain(last) {
            self.text.push(before);
            self.text.push_str(name);
            self.text.push_str("=\"");
            push_escaped(self.text, value);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        writeln!(self.text, " {value}").expect("a string takes all");
    }
}

fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn label_values_are_escaped_and_help_is_one_line() {
        let mut text = Exposition::default();
        let mut family = text.family("a_total", Kind::Counter, r"With a \ in it.");
        family.sample(&[("org", "a\"b\\c\nd"), ("source", "pull")], 7);
        family.sample(&[], 0.5);
        let expected = "# HELP a_total With a \\\\ in it.\n# TYPE a_total counter\n\
                        a_total{org=\"a\\\"b\\\\c\\nd\",source=\"pull\"} 7\na_total 0.5\n";
        assert_eq!(text.into_text(), expected);
    }

    #[test]
    fn histogram_buckets_are_cumulative_and_end_at_infinity() {
        let histogram = Histogram::new(&[0.5, 1.0, 60.0]);
        for millis in [0, 500, 501, 60_000, 3_600_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut text = Exposition::default();
        let mut family = text.family("a_seconds", Kind::Histogram, "A.");
        family.histogram(&[("org", "x")], &histogram);
        let text = text.into_text();
        let samples: Vec<_> = text.lines().skip(2).collect();
        let expected = [
            "a_seconds_bucket{org=\"x\",le=\"0.5\"} 2",
            "a_seconds_bucket{org=\"x\",le=\"1\"} 3",
            "a_seconds_bucket{org=\"x\",le=\"60\"} 4",
            "a_seconds_bucket{org=\"x\",le=\"+Inf\"} 5",
            "a_seconds_sum{org=\"x\"} 3661.001",
            "a_seconds_count{org=\"x\"} 5",
        ];
        assert_eq!(samples, expected);
    }
}
