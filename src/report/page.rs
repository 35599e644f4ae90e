//! A report as one page of HTML that needs nothing else: no script, no font, no other file.
//!
//! It is light or dark as the reader's system is, can be printed, and says in tables what its pictures show.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::plot::{self, DrawError, draw};
use super::{Report, Row, Table};

const STYLE: &str = include_str!("page.css");

/// What the page is made of: each part with its tables, and a sentence of its own.
const PARTS: &[(&str, &str, &[&str])] = &[
    (
        "Demands for data",
        "What authorities demanded, and what became of it.",
        &["outcomes", "by_month", "by_jurisdiction", "by_instrument", "by_category", "refusals"],
    ),
    (
        "Across borders",
        "A demand is extraterritorial where every copy of the data is outside the state that demands it.",
        &["by_location", "jurisdiction_by_location", "by_stored"],
    ),
    (
        "Notice and time",
        "What customers were told, and how long an answer took.",
        &["notices", "time_to_answer", "basis"],
    ),
    ("Demands to preserve", "Keeping data from deletion hands nothing over.", &["preservations"]),
    (
        "Transfers",
        "Where data was let go, and where it was not.",
        &["transfers", "transfers_refused", "transfer_refusals"],
    ),
];

impl Report {
    /// As a page of HTML that needs nothing else.
    ///
    /// # Errors
    /// [`DrawError`]: a fault of this program.
    pub fn to_html(&self) -> Result<String, DrawError> {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}, {period}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header>\n<p class=\"kicker\">Transparency report</p>\n<h1>{title}</h1>\n\
             <p class=\"period\">{period}</p>\n</header>\n",
            title = escape(&self.title),
            period = escape(&self.period()),
        );
        page.push_str(&self.tiles());
        for (title, about, ids) in PARTS {
            let tables = ids.iter().filter_map(|id| self.tables.iter().find(|table| table.id == *id));
            page.push_str(&part(title, about, tables)?);
        }
        let placed = |table: &&Table| PARTS.iter().any(|(.., ids)| ids.contains(&table.id.as_str()));
        let others = self.tables.iter().filter(|table| !placed(table));
        page.push_str(&part("Demands by other keys", "Demands, and what became of them.", others)?);
        page.push_str(&self.colophon());
        page.push_str("</main>\n</body>\n</html>\n");
        Ok(page)
    }

    /// The period in words: whole days by their dates, the last one included.
    fn period(&self) -> String {
        let date = |at: Timestamp, back: i64| {
            let at = Timestamp::from_second(at.as_second() - back).unwrap_or(at).to_zoned(TimeZone::UTC);
            at.strftime("%-d %B %Y").to_string()
        };
        format!("{} to {}", date(self.from, 0), date(self.to, 1))
    }

    /// The numbers that a reader wants first.
    fn tiles(&self) -> String {
        let row = |table: &str, row: &str| {
            let table = self.tables.iter().find(|known| known.id == table)?;
            Some(table.rows.iter().find(|known| known.label.id == row)?.count)
        };
        let share = |count: Option<u64>| match (count, self.demands) {
            (Some(count), Some(all)) if all > 0 => format!("{} % of demands", (count * 100 + all / 2) / all),
            _ => String::new(),
        };
        let few = format!("fewer than {}", self.threshold);
        let mut tiles = vec![tile("Demands for data", &self.demands.map_or(few, number), "")];
        for (table, id, name) in [
            ("outcomes", "disclosed_in_full", "Disclosed in full"),
            ("outcomes", "disclosed_in_part", "Disclosed in part"),
            ("outcomes", "refused", "Refused"),
            ("by_location", "abroad", "Data abroad alone"),
        ] {
            let count = row(table, id);
            tiles.extend(count.map(|known| tile(name, &number(known), &share(count))));
        }
        tiles
            .extend(self.median_seconds.map(|seconds| tile("Median time to answer", &duration(seconds), "")));
        tiles.push(tile("Told in bands only", &self.in_bands.replace('-', "\u{2013}"), "as the law allows"));
        format!("<dl class=\"tiles\">\n{}</dl>\n", tiles.concat())
    }

    fn colophon(&self) -> String {
        let notes: String = self.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
        let logs: String = self
            .logs
            .iter()
            .map(|log| {
                let checkpoint = match log.checkpoint.as_str() {
                    "" => String::new(),
                    checkpoint => format!("; checkpoint <code>{}</code>", escape(checkpoint)),
                };
                format!(
                    "<li><code>{}</code>, {} entries{checkpoint}</li>\n",
                    escape(&log.origin),
                    number(log.entries)
                )
            })
            .collect();
        let logs =
            if logs.is_empty() { String::new() } else { format!("<h3>Logs</h3>\n<ul>\n{logs}</ul>\n") };
        format!(
            "<section class=\"colophon\">\n<h2>How this was counted</h2>\n<ul>\n{notes}</ul>\n{logs}\
             <p>Made {} by Situs {}; facts <code>{}</code>.</p>\n</section>\n",
            self.made_at.strftime("%Y-%m-%d %H:%M UTC"),
            escape(&self.engine_version),
            escape(self.facts_version.get(..12).unwrap_or(&self.facts_version)),
        )
    }
}

/// A part of the page; nothing where it has no table.
fn part<'a>(title: &str, about: &str, tables: impl Iterator<Item = &'a Table>) -> Result<String, DrawError> {
    let figures: String = tables.map(figure).collect::<Result<_, _>>()?;
    if figures.is_empty() {
        return Ok(figures);
    }
    Ok(format!(
        "<section>\n<h2>{}</h2>\n<p class=\"about\">{}</p>\n{figures}</section>\n",
        escape(title),
        escape(about)
    ))
}

/// A table and its picture.
fn figure(table: &Table) -> Result<String, DrawError> {
    // The table says it all to who cannot see the picture.
    let picture = draw(table)?.replacen("<svg ", "<svg aria-hidden=\"true\" focusable=\"false\" ", 1);
    let wide = if table.is_wide() { " class=\"wide\"" } else { "" };
    Ok(format!(
        "<figure id=\"{id}\"{wide}>\n<figcaption><h3 id=\"{id}-title\">{title}</h3><p>{about}</p></figcaption>\n\
         <div class=\"picture\">{legend}{picture}</div>\n<div class=\"numbers\">{table}</div>\n</figure>\n",
        id = escape(&table.id),
        title = escape(&table.title),
        about = escape(&table.about),
        legend = legend(table),
        table = numbers(table),
    ))
}

fn legend(table: &Table) -> String {
    let names = plot::legend(table);
    let name = |(name, colour): &(&str, &str)| {
        let mark = format!(
            "<svg viewBox=\"0 0 10 10\"><rect width=\"10\" height=\"10\" rx=\"2\" fill=\"{colour}\"/></svg>"
        );
        format!("<li>{mark}{}</li>", escape(name))
    };
    if names.is_empty() {
        return String::new();
    }
    format!("<ul class=\"legend\" aria-hidden=\"true\">{}</ul>", names.iter().map(name).collect::<String>())
}

fn numbers(table: &Table) -> String {
    let head: String = table
        .columns
        .iter()
        .map(|column| format!("<th scope=\"col\">{}</th>", escape(&column.name)))
        .collect();
    let all = if table.columns.is_empty() { "Count" } else { "All" };
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<table aria-labelledby=\"{}-title\">\n<thead><tr><th scope=\"col\">{}</th>{head}<th scope=\"col\">{all}</th></tr>\
         </thead>\n<tbody>\n{rows}</tbody>\n</table>",
        escape(&table.id),
        escape(&table.rows_are),
    )
}

fn row(row: &Row) -> String {
    let cells: String = row
        .cells
        .iter()
        .map(|count| match count {
            Some(count) => format!("<td>{}</td>", number(*count)),
            None => String::from(
                "<td class=\"hidden\" title=\"not told\"><span aria-label=\"not told\">\u{2013}</span></td>",
            ),
        })
        .collect();
    format!(
        "<tr><th scope=\"row\">{}</th>{cells}<td>{}</td></tr>\n",
        escape(&row.label.name),
        number(row.count)
    )
}

fn tile(name: &str, value: &str, about: &str) -> String {
    let about =
        if about.is_empty() { String::new() } else { format!("<dd class=\"about\">{}</dd>", escape(about)) };
    format!("<div><dt>{}</dt><dd>{}</dd>{about}</div>\n", escape(name), escape(value))
}

/// A number, its thousands apart.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time in the unit that says it best.
fn duration(seconds: i64) -> String {
    match seconds {
        ..=5_400 => format!("{} min", seconds / 60),
        5_401..=172_800 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
