//! What is printed: results to standard output, remarks to standard error.

use crate::error::Error;
use clap::ValueEnum;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;
use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

/// How lists and records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, as wide as the terminal
    Table,
    /// Values separated by tabs, without a heading
    #[value(alias = "tsv")]
    Plain,
    /// JSON, as the API gives it
    Json,
    /// Comma-separated values (RFC 4180), with a heading
    Csv,
    /// SARIF 2.1.0, for code hosts; only of `validate`
    Sarif,
}

/// What a value means; decides its colour on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Even,
    /// As it should be.
    Good,
    /// Under way.
    Busy,
    /// Needs a person.
    Bad,
    /// Of little interest.
    Faint,
}

impl Tone {
    fn colour(self) -> Option<Color> {
        match self {
            Self::Even => None,
            Self::Good => Some(Color::Green),
            Self::Busy => Some(Color::Yellow),
            Self::Bad => Some(Color::Red),
            Self::Faint => Some(Color::DarkGrey),
        }
    }
}

/// One column of a list: its heading and how an item fills it.
pub struct Column<T> {
    heading: &'static str,
    value: Box<dyn Fn(&T) -> String>,
    tone: fn(&T) -> Tone,
}

impl<T> Column<T> {
    /// A column without colours.
    pub fn new(heading: &'static str, value: impl Fn(&T) -> String + 'static) -> Self {
        Self {
            heading,
            value: Box::new(value),
            tone: |_| Tone::Even,
        }
    }

    /// The same column in colours.
    pub fn toned(mut self, tone: fn(&T) -> Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// Where and how results are printed.
pub struct Output {
    results: RefCell<Box<dyn Write>>,
    format: Format,
    /// Headings of the columns wanted, in order; all when empty.
    columns: Vec<String>,
    quiet: bool,
    colour: bool,
    width: Option<u16>,
}

impl Output {
    /// Colours and width are those of standard output: none when it is no terminal.
    pub fn new(format: Format, columns: Vec<String>, quiet: bool, no_color: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let no_color = no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            results: RefCell::new(Box::new(io::stdout())),
            format,
            columns,
            quiet,
            colour: terminal && !no_color,
            width: terminal.then(|| crossterm::terminal::size().map_or(80, |(columns, _)| columns)),
        }
    }

    /// Whether only results are wanted.
    pub fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether lists are written as tables, so that words may stand between them.
    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Whether a program reads the results as JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a code host reads the findings as SARIF.
    pub fn is_sarif(&self) -> bool {
        self.format == Format::Sarif
    }

    /// How many columns the terminal has; `None` when standard output is none.
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether colours are wanted.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Prints one line of result.
    pub fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        let mut results = self.results.borrow_mut();
        writeln!(results, "{}", text.as_ref())?;
        results.flush()
    }

    /// Prints a remark to standard error, unless only results are wanted.
    pub fn remark(&self, text: impl AsRef<str>) {
        if !self.quiet {
            // There is nowhere to complain when standard error is closed.
            let _ = writeln!(io::stderr(), "{}", text.as_ref());
        }
    }

    /// Prints a list; `none` is the remark when it is empty.
    pub fn list<T: Serialize>(&self, items: &[T], columns: &[Column<T>], none: &str) -> Result<(), Error> {
        let columns = self.wanted(columns)?;
        if items.is_empty() && self.format != Format::Json {
            self.remark(none);
            return Ok(());
        }
        Ok(self.line(self.render_list(items, &columns)?)?)
    }

    /// The columns that `--columns` names, in its order. JSON has no columns: it is always whole.
    fn wanted<'a, T>(&self, columns: &'a [Column<T>]) -> Result<Vec<&'a Column<T>>, Error> {
        if self.columns.is_empty() || columns.is_empty() {
            return Ok(columns.iter().collect());
        }
        let find = |wanted: &String| {
            let same = |column: &&Column<T>| spoken(column.heading) == spoken(wanted);
            columns.iter().find(same).ok_or_else(|| Error::NoColumn {
                column: wanted.clone(),
                known: columns.iter().map(|column| spoken(column.heading)).collect(),
            })
        };
        self.columns.iter().map(find).collect()
    }

    /// Prints one thing with its properties; the name of a property stands before its value.
    pub fn record<T: Serialize>(&self, item: &T, fields: &[(&str, String)]) -> io::Result<()> {
        self.line(self.render_record(item, fields)?)
    }

    fn render_list<T: Serialize>(&self, items: &[T], columns: &[&Column<T>]) -> io::Result<String> {
        let rows = || {
            items
                .iter()
                .map(|item| columns.iter().map(|column| (column.value)(item)))
        };
        Ok(match self.format {
            Format::Json | Format::Sarif => serde_json::to_string_pretty(items)?,
            Format::Plain => {
                lines(rows().map(|row| row.map(|value| tab_free(&value)).collect::<Vec<_>>().join("\t")))
            }
            Format::Csv => {
                let heading = columns
                    .iter()
                    .map(|column| column.heading.to_lowercase())
                    .collect::<Vec<_>>()
                    .join(",");
                let rows = rows().map(|row| row.map(|value| csv(&value)).collect::<Vec<_>>().join(","));
                lines(std::iter::once(heading).chain(rows))
            }
            Format::Table => {
                let mut table = self.table();
                table.set_header(
                    columns
                        .iter()
                        .map(|column| self.cell(column.heading, Tone::Faint)),
                );
                for item in items {
                    table.add_row(
                        columns
                            .iter()
                            .map(|column| self.cell(&(column.value)(item), (column.tone)(item))),
                    );
                }
                finish(table)
            }
        })
    }

    fn render_record<T: Serialize>(&self, item: &T, fields: &[(&str, String)]) -> io::Result<String> {
        Ok(match self.format {
            Format::Json | Format::Sarif => serde_json::to_string_pretty(item)?,
            Format::Plain => lines(
                fields
                    .iter()
                    .map(|(name, value)| format!("{name}\t{}", tab_free(value))),
            ),
            Format::Csv => {
                let rows = fields
                    .iter()
                    .map(|(name, value)| format!("{},{}", csv(name), csv(value)));
                lines(std::iter::once("property,value".into()).chain(rows))
            }
            Format::Table => {
                let mut table = self.table();
                for (name, value) in fields {
                    table.add_row([self.cell(name, Tone::Faint), self.cell(value, Tone::Even)]);
                }
                finish(table)
            }
        })
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match self.width {
            Some(width) => table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table
    }

    fn cell(&self, text: &str, tone: Tone) -> Cell {
        // A control character in a name or a command line must not move the cursor.
        let cell = Cell::new(
            text.chars()
                .map(|c| {
                    if c.is_control() && c != '\n' {
                        '\u{fffd}'
                    } else {
                        c
                    }
                })
                .collect::<String>(),
        );
        match tone.colour() {
            Some(colour) if self.colour => cell.fg(colour),
            _ => cell,
        }
    }
}

/// A heading as it is typed: `default_branch`.
fn spoken(heading: &str) -> String {
    heading.to_lowercase().replace([' ', '-'], "_")
}

fn finish(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

fn tab_free(value: &str) -> String {
    value.replace(['\t', '\n'], " ")
}

fn csv(value: &str) -> String {
    if value.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.into()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::rc::Rc;

    /// An output as wide as told, for snapshots.
    pub fn output(format: Format, width: Option<u16>) -> Output {
        Output {
            results: RefCell::new(Box::new(io::sink())),
            format,
            columns: Vec::new(),
            quiet: false,
            colour: false,
            width,
        }
    }

    /// What was printed to an output.
    #[derive(Clone, Default)]
    pub struct Printed(Rc<RefCell<Vec<u8>>>);

    impl Printed {
        /// An output whose results come here, not to standard output; without remarks.
        pub fn output(&self, columns: Vec<String>) -> Output {
            Output {
                results: RefCell::new(Box::new(self.clone())),
                columns,
                quiet: true,
                ..output(Format::Table, None)
            }
        }

        /// All of it.
        pub fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    impl Write for Printed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a list looks like.
    pub fn rendered<T: Serialize>(output: &Output, items: &[T], columns: &[Column<T>]) -> String {
        output
            .render_list(items, &output.wanted(columns).unwrap())
            .unwrap()
    }

    fn columns() -> Vec<Column<(u32, &'static str)>> {
        vec![
            Column::new("NUMBER", |row: &(u32, &str)| row.0.to_string()),
            Column::new("TEXT", |row: &(u32, &str)| row.1.to_string()),
        ]
    }

    const ROWS: [(u32, &str); 2] = [(1, "plain"), (200, "comma, \"quote\"\tand tab")];

    #[test]
    fn a_list_is_written_in_every_format() {
        insta::assert_snapshot!(rendered(&output(Format::Table, None), &ROWS[..1], &columns()), @r"
        NUMBER  TEXT
        1       plain
        ");
        insta::assert_snapshot!(rendered(&output(Format::Plain, None), &ROWS, &columns()), @r#"
        1	plain
        200	comma, "quote" and tab
        "#);
        insta::assert_snapshot!(rendered(&output(Format::Csv, None), &ROWS, &columns()), @r#"
        number,text
        1,plain
        200,"comma, ""quote""	and tab"
        "#);
        insta::assert_snapshot!(rendered(&output(Format::Json, None), &ROWS[..1], &columns()), @r#"
        [
          [
            1,
            "plain"
          ]
        ]
        "#);
    }

    #[test]
    fn columns_are_chosen_by_their_headings() {
        let mut output = output(Format::Csv, None);
        output.columns = vec!["Text".into(), "number".into()];
        insta::assert_snapshot!(rendered(&output, &ROWS[..1], &columns()), @r"
        text,number
        plain,1
        ");
        output.columns = vec!["colour".into()];
        let error = output.list(&ROWS, &columns(), "").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.hints(), ["There are: number, text."]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = rendered(
            &output(Format::Table, Some(80)),
            &[(1, "\u{1b}[2Jgone")],
            &columns(),
        );
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
