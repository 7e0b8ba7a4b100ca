//! Shapes and texts at places in pixels.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) const INK: RGBColor = RGBColor(33, 37, 41);
pub(super) const FAINT: RGBColor = RGBColor(108, 117, 125);
pub(super) const GRID: RGBColor = RGBColor(233, 236, 239);

/// Which side of its point a text stands on. Its middle is at the height of the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Left,
    Middle,
    Right,
}

/// A white picture.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(svg: &'a mut String, width: i32, height: i32) -> Result<Self, String> {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(said)?;
        Ok(Self { area })
    }

    pub(super) fn finish(self) -> Result<(), String> {
        self.area.present().map_err(said)
    }

    pub(super) fn text(
        &mut self,
        text: &str,
        at: (i32, i32),
        size: i32,
        color: RGBColor,
        place: Place,
    ) -> Result<(), String> {
        self.write(text, at, font(size).color(&color), place)
    }

    pub(super) fn bold(
        &mut self,
        text: &str,
        at: (i32, i32),
        size: i32,
        color: RGBColor,
        place: Place,
    ) -> Result<(), String> {
        let font = font(size).style(FontStyle::Bold);
        self.write(text, at, font.color(&color), place)
    }

    fn write(
        &mut self,
        text: &str,
        at: (i32, i32),
        style: TextStyle<'_>,
        place: Place,
    ) -> Result<(), String> {
        let across = match place {
            Place::Left => HPos::Right,
            Place::Middle => HPos::Center,
            Place::Right => HPos::Left,
        };
        let style = style.pos(Pos::new(across, VPos::Center));
        self.area.draw(&Text::new(text, at, style)).map_err(said)
    }

    pub(super) fn bar(
        &mut self,
        from: (i32, i32),
        to: (i32, i32),
        color: RGBColor,
    ) -> Result<(), String> {
        self.area
            .draw(&Rectangle::new([from, to], color.filled()))
            .map_err(said)
    }

    pub(super) fn line(
        &mut self,
        points: Vec<(i32, i32)>,
        color: RGBColor,
        width: u32,
    ) -> Result<(), String> {
        let line = PathElement::new(points, color.stroke_width(width));
        self.area.draw(&line).map_err(said)
    }

    pub(super) fn dot(
        &mut self,
        at: (i32, i32),
        radius: i32,
        color: RGBColor,
    ) -> Result<(), String> {
        self.area
            .draw(&Circle::new(at, radius, color.filled()))
            .map_err(said)
    }
}

/// A font of that height in pixels; the backend divides what it is given by 1.24.
fn font(size: i32) -> FontDesc<'static> {
    ("Helvetica, Arial, sans-serif", f64::from(size) * 1.24).into_font()
}

fn said(error: impl Display) -> String {
    format!("the chart cannot be drawn: {error}")
}
