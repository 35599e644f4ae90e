//! Draws a table as an SVG picture.
//!
//! Colours are those of a light page, each from one short list, so that the page's style sheet can put others in
//! their place on a dark one. The table beside a picture says the same in numbers.

use charts_rs::{
    BarChart, ChartBase, Color, HorizontalBarChart, LegendCategory, Position, SankeyChart, SankeyLink,
    SankeyNode, Series, YAxisConfig,
};

use super::{Drawn, Table};

/// Why a table could not be drawn: a fault of this program.
#[derive(Debug, thiserror::Error)]
#[error("failed to draw the table `{table}`")]
pub struct DrawError {
    /// Which.
    pub table: String,
    /// What the drawing library said.
    pub source: charts_rs::Error,
}

/// Pixels from side to side, before the page scales it.
const WIDTH: f32 = 720.0;
/// Pixels of a bar with what is around it.
const BAR: f32 = 40.0;
/// Pixels of legend and axis.
const AROUND: f32 = 70.0;

/// What has one meaning in every picture has one colour in each; neighbours differ in lightness too.
const MEANINGS: &[(&str, &str)] = &[
    ("disclosed_in_full", BLUE),
    ("disclosed", BLUE),
    ("preserved", BLUE),
    ("disclosed_in_part", SKY),
    ("refused", RED),
    ("not_disclosed", RED),
    ("redirected", AMBER),
    ("conflict", PURPLE),
    ("no_data", TEAL),
    ("withdrawn", BROWN),
    ("inside", TEAL),
    ("inside_and_abroad", AMBER),
    ("abroad", RED),
    ("unknown", GREY),
    ("others", GREY),
];
const BLUE: &str = "#1F6FB2";
const SKY: &str = "#7DB8DE";
const RED: &str = "#C8502B";
const AMBER: &str = "#D99A1C";
const PURPLE: &str = "#8A4FA3";
const TEAL: &str = "#2A8C7A";
const BROWN: &str = "#94724A";
const GREY: &str = "#6B7280";
/// What is not told.
const HIDDEN: &str = "#CFD4DC";
/// Every colour of data, for what has no meaning of its own.
const PALETTE: &[&str] = &[BLUE, TEAL, AMBER, PURPLE, RED, SKY];
/// Text, axes and grid.
const INK: &str = "#3B4252";
const AXIS: &str = "#8B93A1";
const GRID: &str = "#E3E7ED";

/// The picture of a table, as SVG.
pub(super) fn draw(table: &Table) -> Result<String, DrawError> {
    let svg = match table.drawn {
        Drawn::Bars => bars(table),
        Drawn::Columns => columns(table),
        Drawn::Streams => streams(table),
    };
    svg.map_err(|source| DrawError { table: table.id.clone(), source })
}

fn bars(table: &Table) -> charts_rs::Result<String> {
    // The library draws the first at the bottom.
    let names: Vec<String> = table.rows.iter().rev().map(|row| row.label.name.clone()).collect();
    let mut series = series(table);
    series.iter_mut().for_each(|series| series.data.reverse());
    let mut chart = HorizontalBarChart::new(series, names);
    chart.series_label_position = Some(Position::Right);
    chart.y_axis_configs.iter_mut().for_each(axis);
    style(&mut chart, table);
    chart.height = BAR.mul_add(table.rows.len() as f32, AROUND);
    chart.svg()
}

fn columns(table: &Table) -> charts_rs::Result<String> {
    let names = table.rows.iter().map(|row| row.label.name.clone()).collect();
    let mut chart = BarChart::new(series(table), names);
    chart.y_axis_configs.iter_mut().for_each(axis);
    style(&mut chart, table);
    chart.height = 320.0;
    chart.svg()
}

fn streams(table: &Table) -> charts_rs::Result<String> {
    // A place can be on both sides: a blank, which nobody sees, keeps the two apart.
    let origin = |name: &str| format!("{name}\u{a0}");
    let links = table.rows.iter().flat_map(|row| {
        let cells = table.columns.iter().zip(&row.cells);
        cells.filter_map(|(column, count)| {
            let value = (*count)? as f32;
            Some(SankeyLink { source: origin(&row.label.name), target: column.name.clone(), value })
        })
    });
    let links: Vec<SankeyLink> = links.collect();
    let sources = table.rows.iter().enumerate().map(|(at, row)| SankeyNode {
        name: origin(&row.label.name),
        color: Some(meaning(&row.label.id, at).into()),
    });
    let targets =
        table.columns.iter().map(|column| SankeyNode { name: column.name.clone(), color: Some(GREY.into()) });
    let named =
        |node: &SankeyNode| links.iter().any(|link| link.source == node.name || link.target == node.name);
    let nodes: Vec<SankeyNode> = sources.chain(targets).filter(named).collect();
    let mut chart = SankeyChart::new(nodes, links);
    style(&mut chart, table);
    chart.height = BAR.mul_add(table.rows.len().max(table.columns.len()) as f32, AROUND);
    chart.svg()
}

/// A series for each column, and one for what is not told; for a table without columns, one of its counts.
fn series(table: &Table) -> Vec<Series> {
    if table.columns.is_empty() {
        let counts = table.rows.iter().map(|row| row.count as f32).collect();
        return vec![Series { label_show: true, ..Series::new(String::from("Count"), counts) }];
    }
    let stacked = |name: &str, counts: Vec<Option<f32>>| Series {
        stack: Some(String::from("all")),
        ..Series::new_nullable(name.to_owned(), counts)
    };
    let cell = |row: &super::Row, at: usize| row.cells.get(at).copied().flatten().filter(|count| *count > 0);
    let mut all: Vec<Series> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            stacked(
                &column.name,
                table.rows.iter().map(|row| cell(row, at).map(|count| count as f32)).collect(),
            )
        })
        .collect();
    let rest = |row: &super::Row| row.count.saturating_sub(row.cells.iter().flatten().sum());
    if table.rows.iter().any(|row| rest(row) > 0) {
        let counts =
            table.rows.iter().map(|row| Some(rest(row)).filter(|count| *count > 0).map(|count| count as f32));
        all.push(stacked("Not told apart", counts.collect()));
    }
    all
}

fn meaning(id: &str, at: usize) -> &'static str {
    let known = MEANINGS.iter().find(|(known, _)| *known == id).map(|(_, colour)| *colour);
    known.or_else(|| PALETTE.get(at % PALETTE.len()).copied()).unwrap_or(BLUE)
}

fn style(chart: &mut ChartBase, table: &Table) {
    let columns = table.columns.iter().enumerate().map(|(at, column)| meaning(&column.id, at));
    chart.series.colors = match table.columns.len() {
        0 => vec![BLUE.into()],
        _ => columns.chain([HIDDEN]).map(Color::from).collect(),
    };
    chart.width = WIDTH;
    chart.background_color = Color::transparent();
    chart.font_family = String::from("Roboto, system-ui, sans-serif");
    chart.compact = true;
    chart.tooltip.show = true;
    chart.legend.category = LegendCategory::RoundRect;
    chart.legend.show = Some(!table.columns.is_empty() && table.drawn != Drawn::Streams);
    chart.legend.font.color = INK.into();
    chart.x_axis.font.color = INK.into();
    chart.x_axis.stroke_color = AXIS.into();
    chart.grid.stroke_color = GRID.into();
    chart.series.label.font.color = INK.into();
    chart.tooltip.font.color = INK.into();
}

fn axis(axis: &mut YAxisConfig) {
    axis.font.color = INK.into();
}
