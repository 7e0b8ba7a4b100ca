//! The page itself: one file, without a script and without anything from elsewhere.

use okta_coralogix_core::LogEntry;
use serde_json::Value;

use super::chart::chart;
use super::data::{Data, Series};
use crate::pull::dry_run::report::{Report, Row};

/// Event types in the table.
const MAX_ROWS: usize = 100;

/// How every page begins.
pub(super) const BEGINS: &str = "<!doctype html>";

/// A page may show what a person called themselves: with this no browser runs anything of it, whatever the escaping misses.
const HEAD: &str = r#"
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width">
<title>What would reach Coralogix</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { font-weight: 600; line-height: 1.2 } h2 { margin-top: 2.5rem }
.cards { display: flex; flex-wrap: wrap; gap: .75rem } .cards div { border: 1px solid #d9dee6; border-radius: 8px; padding: .6rem 1rem; min-width: 8rem }
.cards b { display: block; font-size: 1.4rem } svg { width: 100%; height: auto } svg text { font-size: 12px; fill: #5a6675 }
.legend span { margin-right: 1.2rem; white-space: nowrap } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px }
table { border-collapse: collapse; width: 100% } th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #e8ebf0 }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere } meter { width: 6rem }
pre { background: #f5f7fa; padding: 1rem; border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px }
</style>
"#;

pub(super) fn page(data: &Data, report: &Report) -> String {
    let mut page = format!("{BEGINS}{HEAD}");
    page.push_str("<h1>What would reach Coralogix</h1>\n");
    let read = match report.seconds {
        Some(seconds) => format!("{:.1} hours of the log were read", seconds as f64 / 3600.0),
        None => "too short a time was read to say what a day has".into(),
    };
    let summary = &report.summary;
    page.push_str(&format!( "<p>A dry run: nothing was sent and no position was saved. {read}.</p>\n<div class=\"cards\">"));
    let cards = [
        ("events would be sent", summary.delivered.to_string()),
        (
            "events a day",
            known(report.all.events_per_day, |n| n.to_string()),
        ),
        (
            "a day, as Okta gives them",
            known(report.all.bytes_per_day, size),
        ),
        ("of entries in this run", size(report.entry_bytes)),
    ];
    for (label, value) in cards {
        page.push_str(&format!("<div><b>{value}</b>{label}</div>"));
    }
    page.push_str("</div>\n<h2>Over time</h2>\n");
    page.push_str(&chart(&data.hours));
    page.push_str("<p class=\"legend\">");
    for series in Series::ALL {
        page.push_str(&format!(
            "<span><i style=\"background:{}\"></i>{}</span>",
            series.colour(),
            series.label()
        ));
    }
    page.push_str("</p>\n");
    if data.elsewhere > 0 {
        page.push_str(&format!(
            "<p>{} events were published at other times.</p>\n",
            data.elsewhere
        ));
    }
    rules(&mut page, data, report);
    types(&mut page, report);
    samples(&mut page, &data.samples);
    page.push_str("</html>\n");
    page
}

/// What the settings keep from Coralogix, or change.
fn rules(page: &mut String, data: &Data, report: &Report) {
    let summary = &report.summary;
    page.push_str("<h2>What the settings do</h2>\n<p>Of the events that were read:</p>\n<ul>\n");
    let lines = [
        (
            "Age rule (--too-old)",
            summary.too_old,
            "dropped, being more than 24 hours old",
        ),
        ("Filters", summary.filtered, "left out"),
        ("Copies", summary.duplicate, "came a second time"),
        (
            "Dead letters",
            summary.dead_lettered,
            "cannot be delivered; the log says why",
        ),
        (
            "Redaction and labels",
            data.changed,
            "have another text than Okta's",
        ),
    ];
    for (rule, count, effect) in lines {
        page.push_str(&format!("<li>{rule}: <b>{count}</b> {effect}.</li>\n"));
    }
    page.push_str("</ul>\n");
}

fn types(page: &mut String, report: &Report) {
    page.push_str("<h2>By event type</h2>\n<table><tr><th>event type<th>events<th>bytes<th>events a day<th>bytes a day<th></tr>\n");
    let most = report
        .event_types
        .iter()
        .map(|row| row.row.bytes)
        .max()
        .unwrap_or_default();
    for row in report.event_types.iter().take(MAX_ROWS) {
        let Row {
            events,
            bytes,
            events_per_day,
            bytes_per_day,
        } = row.row;
        page.push_str(&format!(
            "<tr><td>{}<td>{events}<td>{}<td>{}<td>{}<td><meter max=\"{most}\" value=\"{bytes}\"></meter></tr>\n",
            escaped(&row.event_type),
            size(bytes),
            known(events_per_day, |n| n.to_string()),
            known(bytes_per_day, size),
        ));
    }
    page.push_str("</table>\n");
    let more = report.event_types.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        page.push_str(&format!(
            "<p>{more} more types have fewer bytes each.</p>\n"
        ));
    }
}

fn samples(page: &mut String, samples: &[LogEntry]) {
    page.push_str("<h2>Sample entries</h2>\n<p>As Coralogix would get them, each of another event type. Its <code>text</code> is shown as the JSON that it is.</p>\n");
    for entry in samples {
        let category = entry.category.as_ref().map(|category| category.plain());
        let shown = escaped(&pretty(entry));
        page.push_str(&format!(
            "<details><summary>{}</summary><pre>{shown}</pre></details>\n",
            escaped(category.as_deref().unwrap_or("no event type"))
        ));
    }
}

/// The entry as JSON on several lines, with its text in place of the string that it is sent as.
fn pretty(entry: &LogEntry) -> String {
    let mut json = Vec::new();
    entry.write_json(&mut json);
    let read = serde_json::from_slice::<Value>(&json).and_then(|mut value| {
        if let Ok(text) = serde_json::from_slice::<Value>(entry.text.document()) {
            value["text"] = text;
        }
        serde_json::to_string_pretty(&value)
    });
    read.unwrap_or_else(|_| String::from_utf8_lossy(&json).into_owned())
}

fn known(number: Option<u64>, shown: impl FnOnce(u64) -> String) -> String {
    number.map_or_else(|| "?".into(), shown)
}

fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        ..1e4 => format!("{bytes} B"),
        ..1e7 => format!("{:.1} kB", bytes / 1e3),
        ..1e10 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

/// Text that a browser shows as text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_an_event_is_text() {
        let hostile = "\"><script>alert('&')</script>";
        let shown = escaped(hostile);
        assert!(!shown.contains(['<', '>', '"', '\'']), "{shown}");
        assert_eq!(
            shown,
            "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"
        );
    }

    #[test]
    fn sizes_have_a_unit() {
        for (bytes, shown) in [
            (0, "0 B"),
            (9_999, "9999 B"),
            (10_000, "10.0 kB"),
            (12_340_000, "12.3 MB"),
            (10_000_000_000, "10.0 GB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
