//! Draws a table as an SVG picture.
//!
//! Colours are those of a light page, each from one short list, so that the page's style sheet can put others in
//! their place on a dark one. The table beside a picture says the same in numbers.

use charts_rs::{
    BarChart, ChartBase, Color, FontConfig, HorizontalBarChart, Position, SankeyChart, SankeyLink,
    SankeyNode, Series, TextConfig, YAxisConfig,
};

use super::{Drawn, Row, Table};

/// Why a table could not be drawn: a fault of this program.
#[derive(Debug, thiserror::Error)]
#[error("failed to draw the table `{table}`")]
pub struct DrawError {
    /// Which.
    pub table: String,
    /// What the drawing library said.
    pub source: charts_rs::Error,
}

/// Pixels from side to side: of a picture with its table beside it, and of one with its table below.
const NARROW: f32 = 620.0;
const WIDE: f32 = 1040.0;
/// Pixels of a bar, and as many for its name above it.
const BAR: f32 = 24.0;
/// Pixels of the axis below.
const AXIS_HEIGHT: f32 = 30.0;
/// Pixels beside a plot, so that what is written at its end is not cut.
const MARGIN: f32 = 36.0;
/// Pixels of text.
const TEXT: f32 = 14.0;
const SMALL: f32 = 12.0;

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
/// What is not told, and what it is called.
const HIDDEN: &str = "#CFD4DC";
const NOT_TOLD: &str = "Not told apart";
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

/// Each bar has its name above it, so that no name is too long, whatever the reader's font.
fn bars(table: &Table) -> charts_rs::Result<String> {
    let mut series = series(table);
    for series in &mut series {
        // The library draws the first at the bottom; the name has a place of its own above.
        series.data = series.data.iter().rev().flat_map(|count| [*count, None]).collect();
        series.colors =
            series.colors.take().map(|all| all.into_iter().rev().flat_map(|one| [one, None]).collect());
    }
    let rows = table.rows.len() as f32;
    let mut chart = HorizontalBarChart::new(series, vec![String::new(); table.rows.len() * 2]);
    chart.series_label_position = Some(Position::Right);
    style(&mut chart, table);
    chart.y_axis_hidden = true;
    chart.margin = charts_rs::Box { right: MARGIN, ..charts_rs::Box::default() };
    chart.height = (2.0 * BAR).mul_add(rows, AXIS_HEIGHT);
    chart.y_axis_configs.iter_mut().for_each(axis);
    let names = table.rows.iter().enumerate().map(|(at, row)| TextConfig {
        text: row.label.name.clone(),
        left: Some(0.0),
        top: Some((2.0 * BAR).mul_add(at as f32, BAR - TEXT - 2.0)),
        font: FontConfig { size: TEXT, color: INK.into(), weight: None },
        ..TextConfig::default()
    });
    chart.texts = names.collect();
    chart.svg()
}

fn columns(table: &Table) -> charts_rs::Result<String> {
    let names = table.rows.iter().map(|row| row.label.name.clone()).collect();
    let mut chart = BarChart::new(series(table), names);
    style(&mut chart, table);
    chart.height = 300.0;
    chart.y_axis_configs.iter_mut().for_each(axis);
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
    chart.height = 2.0 * BAR * table.rows.len().max(table.columns.len()) as f32;
    chart.svg()
}

/// A series for each column, and one for what is not told; for a table without columns, one of its counts.
fn series(table: &Table) -> Vec<Series> {
    if table.columns.is_empty() {
        let counts = table.rows.iter().map(|row| row.count as f32).collect();
        let colours = table.rows.iter().map(|row| Some(meaning(&row.label.id, 0).into()));
        return vec![Series {
            label_show: true,
            colors: Some(colours.collect()),
            ..Series::new(String::from("Count"), counts)
        }];
    }
    let stacked = |name: &str, counts: Vec<Option<f32>>| Series {
        stack: Some(String::from("all")),
        ..Series::new_nullable(name.to_owned(), counts)
    };
    let cell = |row: &Row, at: usize| row.cells.get(at).copied().flatten().filter(|count| *count > 0);
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
    if table.rows.iter().any(|row| rest(row) > 0) {
        let counts =
            table.rows.iter().map(|row| Some(rest(row)).filter(|count| *count > 0).map(|count| count as f32));
        all.push(stacked(NOT_TOLD, counts.collect()));
    }
    all
}

/// How many of a row are in none of the cells that are told.
fn rest(row: &Row) -> u64 {
    row.count.saturating_sub(row.cells.iter().flatten().sum())
}

fn meaning(id: &str, at: usize) -> &'static str {
    let known = MEANINGS.iter().find(|(known, _)| *known == id).map(|(_, colour)| *colour);
    known.or_else(|| PALETTE.get(at % PALETTE.len()).copied()).unwrap_or(BLUE)
}

/// The names of a picture's colours, each with its colour; none where it has one alone.
pub(super) fn legend(table: &Table) -> Vec<(&str, &'static str)> {
    let named =
        table.columns.iter().enumerate().map(|(at, column)| (column.name.as_str(), meaning(&column.id, at)));
    match table.drawn {
        Drawn::Streams => Vec::new(),
        _ if table.columns.is_empty() => Vec::new(),
        _ if table.rows.iter().any(|row| rest(row) > 0) => named.chain([(NOT_TOLD, HIDDEN)]).collect(),
        _ => named.collect(),
    }
}

fn style(chart: &mut ChartBase, table: &Table) {
    let columns = table.columns.iter().enumerate().map(|(at, column)| meaning(&column.id, at));
    chart.series.colors = columns.chain([HIDDEN]).map(Color::from).collect();
    chart.width = if table.is_wide() { WIDE } else { NARROW };
    chart.background_color = Color::transparent();
    // What the library measures with; the page shows its own font.
    chart.font_family = String::from("Roboto");
    chart.tooltip.show = true;
    chart.tooltip.font = FontConfig { size: SMALL, color: INK.into(), weight: None };
    chart.legend.show = Some(false);
    chart.x_axis.font = FontConfig { size: SMALL, color: INK.into(), weight: None };
    chart.x_axis.height = AXIS_HEIGHT;
    chart.x_axis.stroke_color = AXIS.into();
    chart.grid.stroke_color = GRID.into();
    chart.series.label.font = FontConfig { size: SMALL, color: INK.into(), weight: None };
}

fn axis(axis: &mut YAxisConfig) {
    axis.font = FontConfig { size: SMALL, color: INK.into(), weight: None };
    axis.split_number = 4;
}
