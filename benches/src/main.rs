//! mpconn measured beside everything that could be used in its place. See README.md.
#![forbid(unsafe_code)]

mod calls;
mod contenders;
mod crowd;
mod figures;
mod framing;
mod link;
mod machine;
mod measure;
mod peer;
mod picture;
mod plan;
mod report;
mod targets;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use contenders::End;
use figures::Figures;
use link::Result;
use measure::Effort;
use peer::Task;

/// Names for `--only`, beside those of the cells.
const CALLS: &str = "calls";
const CROWD: &str = "crowd";

const USAGE: &str =
    "usage: bench [--quick] [--only CELL]... [--rounds N] [--time MS] [--to DIRECTORY]";

/// What the command line asks for.
struct Options {
    quick: bool,
    only: Vec<String>,
    effort: Effort,
    to: Option<PathBuf>,
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1).peekable();
    if arguments.next_if_eq("peer").is_some() {
        let end = End::named(&arguments.next().ok_or(USAGE)?)?;
        return end.run(&Task::from_arguments(arguments)?);
    }
    if arguments.next_if_eq("crowd").is_some() {
        let end = End::named(&arguments.next().ok_or(USAGE)?)?;
        return crowd::run(end, arguments);
    }
    let options = Options::parse(arguments)?;
    // So do the peers, who inherit it.
    mpconn_tests::process::stay_on_one_cpu()?;
    let machine = machine::description();
    let mut figures = Figures::default();
    for cell in options.cells() {
        eprintln!("{}", cell.name());
        figures.samples.extend(measure::measure(cell, options.effort)?);
        // Each time, so that a run that is broken off was not for nothing.
        options.write(&figures, &machine)?;
    }
    if options.wants(CALLS) {
        eprintln!("{CALLS}");
        figures.calls = calls::count()?;
    }
    if options.wants(CROWD) && !options.quick {
        eprintln!("{CROWD}");
        figures.crowds = crowd::measure(options.effort)?;
    }
    if figures.is_empty() {
        return Err("--only names nothing that can be measured".into());
    }
    options.write(&figures, &machine)?;
    if options.to.is_none() {
        print!("{}", report::markdown(&figures, &machine));
    }
    Ok(())
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let effort = Effort { rounds: 11, time: Duration::from_millis(75) };
        let mut options = Self { quick: false, only: Vec::new(), effort, to: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--only" => options.only.push(value()?),
                "--rounds" => options.effort.rounds = value()?.parse()?,
                "--time" => options.effort.time = Duration::from_millis(value()?.parse()?),
                "--to" => options.to = Some(value()?.into()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }

    fn write(&self, figures: &Figures, machine: &[String]) -> Result<()> {
        self.to.as_ref().map_or(Ok(()), |directory| report::write(figures, machine, directory))
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only))
    }

    fn cells(&self) -> Vec<plan::Cell> {
        let mut cells = plan::cells(self.quick);
        cells.retain(|cell| self.wants(&cell.name()));
        cells
    }
}
