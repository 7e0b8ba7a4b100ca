//! The tables, in Markdown.

use std::fmt::Write;

use crate::estimates::Ratio;
use crate::figures::{FORMS, Figures, NAIVE, OURS};
use crate::machine::Machine;

/// Every table for which there are figures, and where they come from.
pub(crate) fn all(figures: &Figures, machine: &Machine) -> String {
    let mut out = format!(
        "![Times as fast as serde_json::Value, and what a byte costs by the size of the event](chart.svg)\n\n\
         {}; {}; {}. No target-cpu flag, fat LTO, one thread. Medians of rounds in which all take turns; in brackets the \
         least and the most of the rounds.\n\n",
        machine.cpu,
        machine.rustc,
        machine.crates.join(", "),
    );
    for table in [
        peers(
            figures,
            "page",
            "A page of 1,000 events of 2 KB → request bodies",
        ),
        peers(
            figures,
            "envelope",
            "1,000 EventBridge envelopes, one a message → request bodies",
        ),
        sizes(figures),
        path(figures),
        compression(figures),
    ] {
        out.push_str(&table);
    }
    out
}

/// All peers, the fastest first.
fn peers(figures: &Figures, what: &str, title: &str) -> String {
    let mut out = format!(
        "### {title}\n\n\
         | | × `{NAIVE}`, text as JSON | × `{NAIVE}`, as a string | ours is faster, as JSON | as a string | allocations an event | refuses broken JSON |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for (peer, embedded) in figures.peers(what, "embedded") {
        let escaped = figures.peers(what, "escaped");
        let escaped = escaped.iter().find(|(name, _)| *name == peer);
        let ours = FORMS.map(|form| match figures.ours_against(peer, what, form) {
            Some(ratio) if peer != OURS => format!("{} times", number(ratio.median)),
            _ => String::new(),
        });
        let allocations = FORMS.map(|form| {
            let group = figures.allocations.get(&format!("peers_{what}_{form}"));
            group.and_then(|group| group.get(peer)).copied()
        });
        let refuses = match figures.refuses.get(peer) {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let name = if peer == OURS {
            format!("**{peer}**")
        } else {
            peer.to_owned()
        };
        row(
            &mut out,
            &[
                name,
                ranged(embedded),
                escaped.map(|(_, ratio)| ranged(*ratio)).unwrap_or_default(),
                ours[0].clone(),
                ours[1].clone(),
                either(allocations),
                refuses.to_owned(),
            ],
        );
    }
    out.push('\n');
    out
}

/// What a byte costs us, against ASCII events of 2 KB.
fn sizes(figures: &Figures) -> String {
    let mut out = "### Time per byte by size of the events, against ASCII events of 2 KB\n\n\
         | | 0.5 KB | 2 KB | 8 KB | 64 KB |\n|---|---|---|---|---|\n"
        .to_owned();
    for form in FORMS {
        for script in ["ascii", "unicode"] {
            let ratios = SIZES.map(|size| {
                let ratio = size_ratio(figures, form, script, size);
                ratio.map(|ratio| number(ratio.median)).unwrap_or_default()
            });
            let [a, b, c, d] = ratios;
            let name = match form {
                "embedded" => format!("as JSON, {script}"),
                _ => format!("as a string, {script}"),
            };
            row(&mut out, &[name, a, b, c, d]);
        }
    }
    out.push('\n');
    out
}

pub(crate) const SIZES: [u32; 4] = [512, 2_048, 8_192, 65_536];

/// What a byte of such events costs, against ASCII events of 2 KB.
pub(crate) fn size_ratio(figures: &Figures, form: &str, script: &str, size: u32) -> Option<Ratio> {
    let group = format!("peers_size_{form}");
    figures
        .estimates
        .ratio(&group, &format!("{script}-{size}B"), "ascii-2048B")
}

/// What the workspace's own benches have measured beyond that; empty if they have not been run.
fn path(figures: &Figures) -> String {
    let estimates = &figures.estimates;
    let mut rows = String::new();
    let mut add = |what: &str, ratio: Option<String>| {
        if let Some(ratio) = ratio {
            row(&mut rows, &[what.to_owned(), ratio]);
        }
    };
    let text = estimates.ratio_between(("peers_page_escaped", OURS), ("peers_page_embedded", OURS));
    add(
        "text as a string against text as JSON: time",
        text.map(|ratio| format!("{} times", number(ratio.median))),
    );
    for (form, name) in [("embedded", "as JSON"), ("escaped", "as a string")] {
        let whole = estimates.ratio(&format!("path_{form}"), "gzip", "plain");
        // The path takes 1, so that the compressor takes the rest.
        let beyond = whole.map(|whole| percent(1.0 / (whole.median - 1.0)));
        add(
            &format!("gzip, text {name}: time beyond the compressor's own"),
            beyond,
        );
    }
    for (group, name) in [("plain", "not compressed"), ("gzip", "gzip")] {
        let share = estimates.ratio(&format!("pipeline_{group}"), "bare", "memory");
        add(
            &format!("pipeline between ends in memory, {name}: throughput of the bare path's"),
            share.map(|share| percent(share.median)),
        );
    }
    let sockets = estimates.ratio_between(("pipeline_gzip", "bare"), ("pipeline_sockets", "gzip"));
    add(
        "source, pipeline and sink over sockets, simulators counted: throughput of the bare path's with gzip",
        sockets.map(|share| percent(share.median)),
    );
    match rows.is_empty() {
        true => rows,
        false => format!("### The rest of the way\n\n| | |\n|---|---|\n{rows}\n"),
    }
}

/// The request bodies of a page by compressor and level, the fastest first.
fn compression(figures: &Figures) -> String {
    const GROUP: &str = "peers_compress";
    let estimates = &figures.estimates;
    let mut compressors: Vec<(&str, Ratio)> = estimates
        .names(GROUP)
        .into_iter()
        .filter_map(|name| {
            Some((
                name,
                estimates.ratio_between((GROUP, name), ("peers_page_escaped", OURS))?,
            ))
        })
        .collect();
    if compressors.is_empty() {
        return String::new();
    }
    compressors.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
    let mut out = "### Compressing the bodies of a page\n\n\
         | compressor and level | time, against the path's (text as a string) | times smaller |\n|---|---|---|\n"
        .to_owned();
    for (name, time) in compressors {
        let smaller = figures.compression.get(name).map(|ratio| number(*ratio));
        row(
            &mut out,
            &[
                name.to_owned(),
                format!("{} times", number(time.median)),
                smaller.unwrap_or_default(),
            ],
        );
    }
    out
}

fn row(out: &mut String, cells: &[String]) {
    writeln!(out, "| {} |", cells.join(" | ")).expect("writing to a string does not fail");
}

/// Two places below ten, one below a hundred, none above.
pub(crate) fn number(value: f64) -> String {
    let places = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.places$}")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn ranged(ratio: Ratio) -> String {
    let [median, least, most] = [ratio.median, ratio.least, ratio.most].map(number);
    match least == most {
        true => median,
        false => format!("{median} ({least} to {most})"),
    }
}

/// One figure if both forms have the same.
fn either([embedded, escaped]: [Option<f64>; 2]) -> String {
    let [embedded, escaped] =
        [embedded, escaped].map(|count| count.map(number).unwrap_or_default());
    match embedded == escaped {
        true => embedded,
        false => format!("{embedded}; {escaped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_about_three_digits() {
        assert_eq!(number(1.0), "1.00");
        assert_eq!(number(15.27), "15.3");
        assert_eq!(number(306.4), "306");
        assert_eq!(percent(0.634), "63 %");
        let ratio = Ratio {
            median: 15.27,
            least: 14.0,
            most: 16.01,
        };
        assert_eq!(ranged(ratio), "15.3 (14.0 to 16.0)");
        assert_eq!(either([Some(50.0), Some(52.0)]), "50.0; 52.0");
    }
}
