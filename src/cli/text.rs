//! Text for a person: labelled blocks, wrapped with indentation, with colour on a terminal only.

use std::io::IsTerminal;

/// Characters of the column of labels.
const LABEL: usize = 10;
/// Where a text breaks when nobody says how wide the terminal is.
const WIDTH: usize = 100;

/// How a piece of text stands out on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Good,
    Bad,
    Strong,
    Faint,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// How to write for whoever reads standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    width: usize,
    colour: bool,
}

// === impl Printer ===

impl Printer {
    /// As standard output and the environment (`NO_COLOR`, `COLUMNS`) say.
    pub fn for_stdout() -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            // Narrower than this the labels leave no room, and wider lines are hard to read.
            width: columns.unwrap_or(WIDTH).clamp(60, 120),
            colour: !plain && std::io::stdout().is_terminal(),
        }
    }

    /// As wide as that, and without colour.
    #[cfg(test)]
    pub fn plain(width: usize) -> Self {
        Self { width, colour: false }
    }

    /// The text, standing out.
    pub fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
    }

    /// A block: the label beside the first line, every line wrapped and indented to the same column; nothing
    /// where there are no lines.
    pub fn block(&self, label: &str, lines: &[Line]) -> String {
        let mut block = String::new();
        for line in lines {
            let indent = LABEL + line.indent;
            for (index, text) in
                wrap(&line.text, self.width.saturating_sub(indent), line.hang).iter().enumerate()
            {
                let hang = if index == 0 { 0 } else { line.hang };
                let label = if block.is_empty() { label } else { "" };
                let label = self.paint(Style::Faint, &format!("{label:<LABEL$}"));
                let text = line.style.map_or_else(|| text.clone(), |style| self.paint(style, text));
                block.push_str(&format!("{label}{:width$}{text}\n", "", width = line.indent + hang));
            }
        }
        block
    }
}

/// A line of a block, before it is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    indent: usize,
    hang: usize,
    style: Option<Style>,
}

impl Line {
    /// A line whose continuation stands below its beginning.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), indent: 0, hang: 0, style: None }
    }

    /// A line that explains the one above.
    pub fn detail(text: impl Into<String>) -> Self {
        Self { text: text.into(), indent: 2, hang: 2, style: Some(Style::Faint) }
    }

    /// The same, standing out.
    pub fn standing_out(self) -> Self {
        Self { style: Some(Style::Strong), ..self }
    }

    /// The same, not indented.
    pub fn flush(self) -> Self {
        Self { indent: 0, ..self }
    }

    /// The same, with its continuation indented by two more.
    pub fn hanging(self) -> Self {
        Self { hang: 2, ..self }
    }
}

/// Breaks a text between words; a word that is longer than a line has one of its own.
fn wrap(text: &str, width: usize, hang: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        let room = if lines.len() > 1 { width.saturating_sub(hang) } else { width };
        match lines.last_mut() {
            Some(line) if length + 1 + word_length <= room => {
                line.push(' ');
                line.push_str(word);
                length += 1 + word_length;
            }
            _ => {
                lines.push(word.to_owned());
                length = word_length;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_hang() {
        assert_eq!(wrap("one two three", 7, 0), ["one two", "three"]);
        assert_eq!(wrap("one two three four", 10, 4), ["one two", "three", "four"]);
        assert_eq!(wrap("  a-word-of-its-own x", 4, 0), ["a-word-of-its-own", "x"]);
        assert_eq!(wrap("", 4, 0), Vec::<String>::new());
    }

    #[test]
    fn a_block_has_its_label_once_and_no_line_too_long() {
        let printer = Printer::plain(30);
        let block = printer.block("why", &[Line::of("a b c d e f g h i j k l m n"), Line::detail("x y")]);
        assert_eq!(block, "why       a b c d e f g h i j\n          k l m n\n            x y\n");
        assert_eq!(printer.block("none", &[]), "");
        let painted = Printer { width: 30, colour: true }.paint(Style::Good, "ALLOW");
        assert_eq!(painted, "\u{1b}[1;32mALLOW\u{1b}[0m");
    }
}
