//! How fast every peer is. Bars begin at zero, so that their lengths can be compared.

use plotters::style::RGBColor;

use super::canvas::{Canvas, FAINT, GRID, INK, Place};
use super::{MARGIN, Panel, WIDTH};
use crate::figures::{Figures, NAIVE, OURS};
use crate::tables::number;

/// Where the bars begin: right of the longest name.
const LEFT: i32 = 200;
/// Room for the figure at the end of the longest bar.
const RIGHT: i32 = WIDTH - 90;
const BAR: i32 = 19;

/// Text as JSON and as a string, of ours and of the others.
const OUR_COLORS: [RGBColor; 2] = [RGBColor(11, 114, 133), RGBColor(102, 198, 214)];
const COLORS: [RGBColor; 2] = [RGBColor(134, 142, 150), RGBColor(206, 212, 218)];

pub(super) fn draw(canvas: &mut Canvas<'_>, figures: &Figures, panel: Panel) -> Result<(), String> {
    panel.title(
        canvas,
        "From a page of System Log events to request bodies",
        &format!(
            "Times as fast as {NAIVE}, 1,000 events of 2 KB a page, one thread. Longer is faster."
        ),
    )?;
    legend(canvas, panel)?;
    let embedded = figures.peers("page", "embedded");
    let escaped = figures.peers("page", "escaped");
    let most = embedded
        .iter()
        .chain(&escaped)
        .map(|(_, ratio)| ratio.median)
        .fold(1.0, f64::max);
    let step = step(most);
    let x = |ratio: f64| LEFT + (f64::from(RIGHT - LEFT) * ratio / most) as i32;

    let top = panel.top + 112;
    let bottom = panel.bottom - 40;
    for tick in (0..)
        .map(|index| f64::from(index) * step)
        .take_while(|tick| *tick <= most)
    {
        canvas.line(vec![(x(tick), top), (x(tick), bottom)], GRID, 1)?;
        canvas.text(
            &format!("{tick:.0}×"),
            (x(tick), bottom + 14),
            12,
            FAINT,
            Place::Middle,
        )?;
    }
    let count = i32::try_from(embedded.len()).map_err(|error| error.to_string())?;
    let row = (bottom - top) / count.max(1);
    for (index, (peer, ratio)) in (0..).zip(&embedded) {
        // What takes broken JSON does less work: that must be seen where the bars are.
        let takes_all = figures.refuses.get(*peer) == Some(&false);
        let middle = top + row * index + row / 2;
        let is_ours = *peer == OURS;
        let colors = if is_ours { OUR_COLORS } else { COLORS };
        match is_ours {
            true => canvas.bold(peer, (LEFT - 12, middle), 15, INK, Place::Left)?,
            false if takes_all => {
                canvas.text(peer, (LEFT - 12, middle - 8), 14, INK, Place::Left)?;
                let note = "takes broken JSON";
                canvas.text(note, (LEFT - 12, middle + 10), 12, FAINT, Place::Left)?;
            }
            false => canvas.text(peer, (LEFT - 12, middle), 14, INK, Place::Left)?,
        }
        let other = escaped
            .iter()
            .find(|(name, _)| name == peer)
            .map(|(_, ratio)| ratio.median);
        let bars = [Some(ratio.median), other];
        for ((bar, color), top) in bars.into_iter().zip(colors).zip([middle - BAR, middle + 1]) {
            let Some(ratio) = bar else { continue };
            canvas.bar((LEFT, top), (x(ratio), top + BAR - 1), color)?;
            let label = format!("{}×", number(ratio));
            let at = (x(ratio) + 7, top + BAR / 2);
            match is_ours {
                true => canvas.bold(&label, at, 13, INK, Place::Right)?,
                false => canvas.text(&label, at, 12, INK, Place::Right)?,
            }
        }
    }
    canvas.line(vec![(LEFT, top), (LEFT, bottom)], FAINT, 1)
}

fn legend(canvas: &mut Canvas<'_>, panel: Panel) -> Result<(), String> {
    let y = panel.top + 92;
    let mut x = MARGIN;
    for (index, name) in ["the event as JSON", "the event as an escaped string"]
        .iter()
        .enumerate()
    {
        canvas.bar((x, y - 6), (x + 12, y + 6), OUR_COLORS[index])?;
        canvas.bar((x + 14, y - 6), (x + 26, y + 6), COLORS[index])?;
        canvas.text(name, (x + 34, y), 13, INK, Place::Right)?;
        x += 250;
    }
    Ok(())
}

/// Between the lines of the grid, so that there are four to eight.
fn step(most: f64) -> f64 {
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
    steps
        .into_iter()
        .find(|step| most / step <= 8.0)
        .unwrap_or(100.0)
}
