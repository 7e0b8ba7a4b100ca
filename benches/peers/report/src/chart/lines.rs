//! What a byte costs by the size of the event. Sizes are doubled from mark to mark; the cost begins at zero.

use plotters::style::RGBColor;

use super::canvas::{Canvas, FAINT, GRID, INK, Place};
use super::{MARGIN, Panel, WIDTH};
use crate::figures::Figures;
use crate::tables::{SIZES, size_ratio};

const LEFT: i32 = MARGIN + 38;
/// The names of the lines stand behind them.
const RIGHT: i32 = WIDTH - 240;

const LINES: [(&str, &str, &str, RGBColor); 4] = [
    (
        "escaped",
        "unicode",
        "as a string, not ASCII",
        RGBColor(240, 140, 0),
    ),
    (
        "escaped",
        "ascii",
        "as a string, ASCII",
        RGBColor(102, 198, 214),
    ),
    (
        "embedded",
        "unicode",
        "as JSON, not ASCII",
        RGBColor(156, 54, 181),
    ),
    (
        "embedded",
        "ascii",
        "as JSON, ASCII",
        RGBColor(11, 114, 133),
    ),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, figures: &Figures, panel: Panel) -> Result<(), String> {
    panel.title(
        canvas,
        "What a byte costs us, by the size of the event",
        "Time per byte against ASCII events of 2 KB with the same form of text. Flat is good.",
    )?;
    let lines: Vec<_> = LINES
        .iter()
        .map(|(form, script, name, color)| {
            let costs = SIZES.map(|size| size_ratio(figures, form, script, size).map(|r| r.median));
            (*name, *color, costs)
        })
        .collect();
    let highest = lines
        .iter()
        .flat_map(|(_, _, costs)| costs)
        .flatten()
        .fold(1.5, |a: f64, b| a.max(*b));
    let most = (highest / 0.5).ceil() * 0.5;

    let top = panel.top + 96;
    let bottom = panel.bottom - 44;
    let y = |cost: f64| bottom - (f64::from(bottom - top) * cost / most) as i32;
    let doublings = f64::from(SIZES[SIZES.len() - 1] / SIZES[0]).log2();
    let x = |size: u32| {
        let share = f64::from(size / SIZES[0]).log2() / doublings;
        LEFT + (f64::from(RIGHT - LEFT) * share) as i32
    };
    for tick in (0..)
        .map(|index| f64::from(index) * 0.5)
        .take_while(|tick| *tick <= most)
    {
        canvas.line(vec![(LEFT, y(tick)), (RIGHT, y(tick))], GRID, 1)?;
        canvas.text(
            &format!("{tick:.1}"),
            (LEFT - 10, y(tick)),
            12,
            FAINT,
            Place::Left,
        )?;
    }
    for (size, name) in SIZES.into_iter().zip(["0.5 KB", "2 KB", "8 KB", "64 KB"]) {
        canvas.line(vec![(x(size), bottom), (x(size), bottom + 5)], FAINT, 1)?;
        canvas.text(name, (x(size), bottom + 18), 12, FAINT, Place::Middle)?;
    }
    canvas.line(vec![(LEFT, bottom), (RIGHT, bottom)], FAINT, 1)?;

    let mut ends = Vec::new();
    for (name, color, costs) in lines {
        let points: Vec<_> = SIZES
            .into_iter()
            .zip(costs)
            .filter_map(|(size, cost)| Some((x(size), y(cost?))))
            .collect();
        for point in &points {
            canvas.dot(*point, 4, color)?;
        }
        ends.extend(points.last().map(|(_, y)| (*y, name, color)));
        canvas.line(points, color, 2)?;
    }
    ends.sort_by_key(|(y, ..)| *y);
    let heights: Vec<i32> = ends.iter().map(|(y, ..)| *y).collect();
    for (y, (_, name, color)) in apart(&heights, 18).into_iter().zip(ends) {
        canvas.bar((RIGHT + 18, y - 5), (RIGHT + 28, y + 5), color)?;
        canvas.text(name, (RIGHT + 36, y), 13, INK, Place::Right)?;
    }
    Ok(())
}

/// The heights, which ascend, moved so far that none is closer than `gap` to the one above, around where they were.
fn apart(heights: &[i32], gap: i32) -> Vec<i32> {
    let mut apart: Vec<i32> = Vec::new();
    for height in heights {
        let least = apart.last().map_or(*height, |last| last + gap);
        apart.push(least.max(*height));
    }
    let moved: i32 = apart.iter().zip(heights).map(|(new, old)| new - old).sum();
    let count = i32::try_from(heights.len()).unwrap_or(1).max(1);
    apart.iter().map(|height| height - moved / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        assert_eq!(apart(&[10, 50, 90], 18), [10, 50, 90]);
        let close = apart(&[50, 52, 54, 120], 18);
        assert!(
            close.windows(2).all(|pair| pair[1] - pair[0] >= 18),
            "{close:?}"
        );
        assert!(apart(&[], 18).is_empty());
    }
}
