//! Tables of text for people.

use super::terminal::plain;

/// Most characters shown of a cell.
const CELL_CHARS: usize = 100;

/// Space between two columns.
const GAP: &str = "  ";

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// The lines of a table, without newlines. Characters that would control a terminal are escaped.
pub(super) fn lines<const N: usize>(columns: [(&str, Align); N], rows: Vec<[String; N]>) -> Vec<String> {
    let heads = columns.map(|(head, _)| head.to_owned());
    let cells = rows.into_iter().map(|row| row.map(|cell| plain(&cell, CELL_CHARS)));
    let rows: Vec<[String; N]> = std::iter::once(heads).chain(cells).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&columns).zip(widths).map(|((cell, (_, align)), width)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them_and_cells_cannot_act() {
        let rows = vec![["é.zip", "5 B"], ["a\x1b[2Jb", "12.00 MB"]].into_iter().map(|row| row.map(str::to_owned));
        let lines = lines([("NAME", Align::Left), ("SIZE", Align::Right)], rows.collect());
        assert_eq!(lines, ["NAME             SIZE", "é.zip             5 B", "a\\u{1b}[2Jb  12.00 MB"]);
        assert_eq!(super::lines([("X", Align::Left)], Vec::new()), ["X"]);
    }
}
