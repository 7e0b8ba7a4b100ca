//! The chart: how fast the peers are, and what a byte costs by the size of the event.

mod bars;
mod canvas;
mod lines;

use canvas::{Canvas, FAINT, INK, Place};

use crate::figures::Figures;
use crate::machine::Machine;

const WIDTH: i32 = 960;
const BARS_HEIGHT: i32 = 520;
const LINES_HEIGHT: i32 = 380;
const MARGIN: i32 = 32;

/// The picture, as the text of an SVG file.
pub(crate) fn draw(figures: &Figures, machine: &Machine) -> Result<String, String> {
    let height = BARS_HEIGHT + LINES_HEIGHT + MARGIN;
    let mut svg = String::new();
    let mut canvas = Canvas::new(&mut svg, WIDTH, height)?;
    bars::draw(&mut canvas, figures, Panel::at(0, BARS_HEIGHT))?;
    lines::draw(&mut canvas, figures, Panel::at(BARS_HEIGHT, LINES_HEIGHT))?;
    let from = format!(
        "{}; {}; medians of rounds in one run",
        machine.cpu, machine.rustc
    );
    canvas.text(&from, (MARGIN, height - 22), 12, FAINT, Place::Right)?;
    canvas.finish()?;
    Ok(svg)
}

/// Where one of the two parts stands.
#[derive(Debug, Clone, Copy)]
struct Panel {
    top: i32,
    bottom: i32,
}

impl Panel {
    fn at(top: i32, height: i32) -> Self {
        Self {
            top,
            bottom: top + height,
        }
    }

    /// A title and a line below it.
    fn title(self, canvas: &mut Canvas<'_>, title: &str, below: &str) -> Result<(), String> {
        canvas.bold(title, (MARGIN, self.top + 42), 21, INK, Place::Right)?;
        canvas.text(below, (MARGIN, self.top + 66), 13, FAINT, Place::Right)
    }
}
