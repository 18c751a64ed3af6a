//! Tables of text for people: as wide as the terminal, or as what stands in them where there is none.

use super::terminal::{columns as columns_of, fitted, plain, stdout_columns};

/// Most characters shown of a cell; names have at most 255.
const CELL_CHARS: usize = 1_000;

/// Space between two columns.
const GAP: &str = "  ";

/// A column is not made narrower than this.
const LEAST: usize = 8;

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    /// Left, and made narrower before the others.
    Yielding,
}

/// The lines of a table, without newlines, for stdout. Characters that would control a terminal are escaped. On a
/// terminal the widest columns are cut until a line fits, with an ellipsis; elsewhere all is there.
pub(super) fn lines<const N: usize>(columns: [(&str, Align); N], rows: Vec<[String; N]>) -> Vec<String> {
    lines_within(columns, rows, stdout_columns())
}

fn lines_within<const N: usize>(
    columns: [(&str, Align); N],
    rows: Vec<[String; N]>,
    most: Option<usize>,
) -> Vec<String> {
    let heads = columns.map(|(head, _)| head.to_owned());
    let cells = rows.into_iter().map(|row| row.map(|cell| plain(&cell, CELL_CHARS)));
    let rows: Vec<[String; N]> = std::iter::once(heads).chain(cells).collect();
    let width = |column: usize| rows.iter().map(|row| columns_of(&row[column])).max().unwrap_or_default();
    let mut widths: [usize; N] = std::array::from_fn(width);
    if let Some(most) = most {
        let most = most.saturating_sub(GAP.len() * N.saturating_sub(1));
        narrow(&mut widths, most, |column| columns[column].1 == Align::Yielding);
        narrow(&mut widths, most, |_| true);
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&columns).zip(widths).map(|((cell, (_, align)), width)| {
            let cell = fitted(cell, width);
            let space = " ".repeat(width.saturating_sub(columns_of(&cell)));
            match align {
                Align::Left | Align::Yielding => cell + &space,
                Align::Right => space + &cell,
            }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Makes the widest of some columns narrower until all columns together have at most `most`, if that is possible.
fn narrow(widths: &mut [usize], most: usize, may_yield: impl Fn(usize) -> bool) {
    while widths.iter().sum::<usize>() > most {
        let some = widths.iter_mut().enumerate().filter(|(column, _)| may_yield(*column));
        match some.map(|(_, width)| width).max_by_key(|width| **width) {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const N: usize>(rows: &[[&str; N]]) -> Vec<[String; N]> {
        rows.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them_and_cells_cannot_act() {
        let columns = [("NAME", Align::Left), ("SIZE", Align::Right)];
        let lines = lines_within(columns, rows(&[["é.zip", "5 B"], ["a\x1b[2Jb", "12.00 MB"]]), None);
        assert_eq!(lines, ["NAME             SIZE", "é.zip             5 B", "a\\u{1b}[2Jb  12.00 MB"]);
        assert_eq!(lines_within([("X", Align::Left)], Vec::new(), None), ["X"]);
    }

    #[test]
    fn on_a_terminal_the_widest_columns_are_cut_and_elsewhere_none_is() {
        let columns = [("NAME", Align::Left), ("SIZE", Align::Right), ("ID", Align::Left)];
        let long = "n".repeat(300);
        let cells = || rows(&[["a-name-of-thirty-characters-xx", "5 B", "0123456789"], [&long, "6 B", "0123456789"]]);
        let lines = lines_within(columns, cells(), Some(40));
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:#?}");
        assert_eq!(lines[1], "a-name-of-thirty-char…   5 B  0123456789");
        assert!(lines_within(columns, cells(), None)[2].contains(&long), "all of it is there");
        let yielding = [("NAME", Align::Left), ("SIZE", Align::Right), ("ID", Align::Yielding)];
        assert_eq!(
            lines_within(yielding, rows(&[["abcdefghijkl", "5 B", "0123456789"]]), Some(28))[1],
            "abcdefghijkl   5 B  0123456…"
        );
        assert_eq!(lines_within(columns, cells(), Some(1))[1], "a-name-…   5 B  0123456…", "it stays legible");
    }
}
