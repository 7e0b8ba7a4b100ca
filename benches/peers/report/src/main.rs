//! Rewrites the figures in `benches/README.md`, and `benches/chart.svg`, from what the last runs of the benches left in the
//! target folders. Nothing is measured here.

mod chart;
mod estimates;
mod figures;
mod machine;
mod page;
mod tables;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use figures::Figures;
use machine::Machine;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let benches = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let figures = Figures::read(benches)?;
    let machine = Machine::read(benches)?;
    let svg = chart::draw(&figures, &machine)?;
    write(&benches.join("chart.svg"), &svg)?;
    let readme = benches.join("README.md");
    let text = fs::read_to_string(&readme).map_err(|error| format!("README.md: {error}"))?;
    let text = page::with_figures(&text, &tables::all(&figures, &machine))?;
    write(&readme, &text)?;
    println!("benches/README.md and benches/chart.svg are written");
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
