//! The picture: bars of a few loads. Its colours follow the reader's, light or dark, and so does its
//! ground: a page need not follow.

use std::fmt::Write;

use crate::figures::Figures;
use crate::peer::Shape::{Batched, Handshake, OneWay, PingPong};
use crate::plan::Transport::Unix;
use crate::plan::{Cell, MIB};

const PANELS: [Cell; 6] = [
    Cell::new(PingPong, Unix, 16),
    Cell::new(OneWay, Unix, 16),
    Cell::new(Batched, Unix, 16),
    Cell::new(OneWay, Unix, MIB),
    Cell::new(OneWay, Unix, 64 * MIB),
    Cell::new(Handshake, Unix, 0),
];

const COLUMNS: usize = 2;

/// All in pixels.
const PANEL: usize = 420;
const LABEL: usize = 160;
const BAR: usize = 180;
const ROW: usize = 18;
const TITLE: usize = 28;
const MARGIN: usize = 12;

const LEGEND: &str = "More is better. Bars are medians, lines go from the least to the most.";

const STYLE: &str = "
    .page { fill: #ffffff; }
    text { font: 12px system-ui, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; }
    .small { font-size: 10px; fill: #59636e; }
    .label { text-anchor: end; }
    .bar { fill: #afb8c1; }
    .ours { fill: #0969da; }
    .spread { stroke: #1f2328; }
    @media (prefers-color-scheme: dark) {
        .page { fill: #0d1117; }
        text { fill: #f0f6fc; }
        .small { fill: #9198a1; }
        .bar { fill: #656c76; }
        .ours { fill: #4493f8; }
        .spread { stroke: #f0f6fc; }
    }
";

pub fn draw(figures: &Figures, machine: &[String]) -> String {
    let panels: Vec<_> = PANELS.iter().map(|cell| bars(figures, *cell)).collect();
    let rows = panels.chunks(COLUMNS).map(|row| row.iter().map(Vec::len).max().unwrap_or(0));
    let mut body = String::new();
    let mut top = MARGIN;
    for (row, height) in rows.enumerate() {
        for column in 0..COLUMNS {
            let place = row * COLUMNS + column;
            if let (Some(cell), Some(bars)) = (PANELS.get(place), panels.get(place)) {
                panel(&mut body, MARGIN + column * PANEL, top, *cell, bars);
            }
        }
        top += TITLE + height * ROW + MARGIN;
    }
    for line in [LEGEND].into_iter().chain(machine.iter().map(String::as_str)) {
        top += 14;
        let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('`', "");
        let _ = writeln!(body, r#"<text class="small" x="{MARGIN}" y="{top}">{line}</text>"#);
    }
    let (width, height) = (COLUMNS * PANEL + MARGIN, top + MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>mpconn beside others: medians, with the least and the most</title>\n\
         <style>{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n\
         {body}</svg>\n"
    )
}

struct Bar {
    name: &'static str,
    text: String,
    /// Pixels: the bar, and where its spread begins and ends.
    length: usize,
    spread: [usize; 2],
}

/// The fastest first. Variants of one contender are left to the table.
fn bars(figures: &Figures, cell: Cell) -> Vec<Bar> {
    let contenders = cell.contenders().into_iter().filter(|c| !c.name.contains(','));
    let mut rates: Vec<_> =
        contenders.filter_map(|c| Some((c.name, figures.rate(cell, c.name)?))).collect();
    rates.sort_by(|(_, one), (_, other)| other.median.total_cmp(&one.median));
    let most = rates.iter().map(|(_, rate)| rate.most).fold(0.0, f64::max);
    let pixels = |rate: f64| (rate / most * BAR as f64).round() as usize;
    let bar = |(name, rate): (&'static str, crate::figures::Spread)| Bar {
        name,
        text: cell.rate(rate.median),
        length: pixels(rate.median).max(1),
        spread: [pixels(rate.least), pixels(rate.most)],
    };
    rates.into_iter().map(bar).collect()
}

fn panel(body: &mut String, left: usize, top: usize, cell: Cell, bars: &[Bar]) {
    let start = left + LABEL;
    let title = cell.title();
    let _ = writeln!(body, r#"<text class="title" x="{left}" y="{}">{title}</text>"#, top + 14);
    for (row, Bar { name, text, length, spread: [least, most] }) in bars.iter().enumerate() {
        let y = top + TITLE + row * ROW;
        let (base, middle, height) = (y + 11, y + 7, ROW - 4);
        let class = if name.starts_with("mpconn") { "bar ours" } else { "bar" };
        let (least, most) = (start + least, start + most);
        let _ = writeln!(
            body,
            r#"<text class="label" x="{}" y="{base}">{name}</text>
<rect class="{class}" x="{start}" y="{y}" width="{length}" height="{height}"/>
<path class="spread" d="M{least} {middle}H{most}"/>
<text x="{}" y="{base}">{text}</text>"#,
            start - 6,
            most + 6,
        );
    }
}
