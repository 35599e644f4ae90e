//! Curves as an SVG: both axes grow by factors of ten, so that a cost that does not grow is a level line.

use std::fmt::Write;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 200.0;
/// Around each panel.
const SPACE: f64 = 50.0;
/// The costs at the bottom and at the top, in microseconds, as powers of ten.
const POWERS: (f64, f64) = (0.0, 4.0);
const COLOURS: [&str; 2] = ["#1f5fa8", "#c05a1c"];

/// The cost of a question by size.
pub struct Curve {
    name: &'static str,
    points: Vec<(usize, f64)>,
}

impl Curve {
    pub fn new(name: &'static str, points: Vec<(usize, f64)>) -> Self {
        Self { name, points }
    }
}

/// Draws panels beside each other, each with its name and its curves.
pub fn draw(path: &str, panels: &[(&str, &[Curve])]) {
    let width = SPACE + panels.len() as f64 * (WIDTH + SPACE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        HEIGHT + 2.0 * SPACE
    );
    for (number, (name, curves)) in panels.iter().enumerate() {
        let left = SPACE + number as f64 * (WIDTH + SPACE);
        panel(&mut svg, left, name, curves).unwrap();
    }
    svg.push_str("</svg>\n");
    std::fs::write(path, svg).unwrap();
}

fn panel(svg: &mut String, left: f64, name: &str, curves: &[Curve]) -> std::fmt::Result {
    let sizes = || curves.iter().flat_map(|curve| &curve.points).map(|(size, _)| (*size as f64).log10());
    let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    let x = |power: f64| left + (power - least) / (most - least).max(1.0) * WIDTH;
    let y = |power: f64| SPACE + HEIGHT - (power - POWERS.0) / (POWERS.1 - POWERS.0) * HEIGHT;
    let bottom = SPACE + HEIGHT;
    for power in POWERS.0 as i32..=POWERS.1 as i32 {
        let (at, cost) = (y(f64::from(power)), 10_u32.pow(power.unsigned_abs()));
        writeln!(svg, "<path d=\"M{left} {at}h{WIDTH}\" stroke=\"#ddd\"/>")?;
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{cost}</text>", left - 6.0, at + 4.0)?;
    }
    for power in least.round() as i32..=most.round() as i32 {
        let (at, size) = (x(f64::from(power)), 10_u64.pow(power.unsigned_abs()));
        writeln!(svg, "<text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{size}</text>", bottom + 18.0)?;
    }
    let middle = left + WIDTH / 2.0;
    writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", bottom + 38.0)?;
    writeln!(svg, "<text x=\"{left}\" y=\"{}\">us of CPU a decision</text>", SPACE - 12.0)?;
    for (curve, colour) in curves.iter().zip(COLOURS) {
        let mut path = String::new();
        for (number, (size, cost)) in curve.points.iter().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            write!(path, "{command}{:.1} {:.1}", x((*size as f64).log10()), y(cost.log10()))?;
        }
        writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>")?;
        if let Some((_, cost)) = curve.points.first() {
            let at = y(cost.log10()) - 8.0;
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{at:.1}\" fill=\"{colour}\">{}</text>",
                left + 8.0,
                curve.name
            )?;
        }
    }
    Ok(())
}
