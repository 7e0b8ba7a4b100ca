//! Events over time, as bars of a picture that needs no script.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

use super::data::{Counts, Series};

const WIDTH: i64 = 960;
const HEIGHT: u64 = 240;
/// Of the part of a bar for one event, however high the others are: it is to be seen.
const LEAST: f64 = 3.0;
/// Below the bars.
const AXIS: u64 = 24;
const MAX_BARS: i64 = 96;

/// A bar for each hour, or for several where there are too many; empty if there is no event.
pub(super) fn chart(hours: &BTreeMap<DateTime<Utc>, Counts>) -> String {
    let (Some((first, _)), Some((last, _))) = (hours.first_key_value(), hours.last_key_value())
    else {
        return String::new();
    };
    let all = (*last - *first).num_hours() + 1;
    let each = (all + MAX_BARS - 1) / MAX_BARS;
    let bars = usize::try_from((all + each - 1) / each).unwrap_or_default();
    let mut counts = vec![Counts::default(); bars];
    for (hour, found) in hours {
        let bar = usize::try_from((*hour - *first).num_hours() / each).unwrap_or_default();
        for (sum, count) in counts[bar].iter_mut().zip(found) {
            *sum += count;
        }
    }
    let most = counts
        .iter()
        .map(|bar| bar.iter().sum())
        .max()
        .unwrap_or(1_u64)
        .max(1);
    let width = WIDTH as f64 / bars as f64;
    let scale = (HEIGHT as f64 - LEAST * Series::ALL.len() as f64) / most as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"events over time\">\n",
        HEIGHT + AXIS
    );
    for (index, bar) in counts.iter().enumerate() {
        let begins = *first + TimeDelta::hours(each) * i32::try_from(index).unwrap_or_default();
        let mut below = 0.0;
        for series in Series::ALL {
            let count = bar[series as usize];
            if count > 0 {
                let height = LEAST + scale * count as f64;
                svg.push_str(&format!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{}\"><title>{} UTC: {count} {}</title></rect>\n",
                    width * index as f64,
                    HEIGHT as f64 - below - height,
                    (width - 1.0).max(0.5),
                    series.colour(),
                    begins.format("%b %d %H:%M"),
                    series.label(),
                ));
                below += height;
            }
        }
    }
    svg.push_str(&format!(
        "<line x1=\"0\" y1=\"{HEIGHT}\" x2=\"{WIDTH}\" y2=\"{HEIGHT}\" stroke=\"#5a6675\"/>\n"
    ));
    let ends = *first + TimeDelta::hours(each) * i32::try_from(bars).unwrap_or_default();
    for (x, anchor, time) in [(0, "start", *first), (WIDTH, "end", ends)] {
        let y = HEIGHT + AXIS - 6;
        let time = time.format("%Y-%m-%d %H:%M UTC");
        svg.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{time}</text>\n"
        ));
    }
    let unit = if each == 1 {
        "an hour".into()
    } else {
        format!("{each} hours")
    };
    svg.push_str(&format!( "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">a bar is {unit}, the highest is {most} events</text>\n</svg>\n", WIDTH / 2, HEIGHT + AXIS - 6));
    svg
}
