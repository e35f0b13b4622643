//! Text tables that stay readable in a window of 40 columns.

use crate::report::escape;

/// Rows of cells. Where they do not fit side by side, each row becomes a block of `name  value` lines.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with these names above its columns.
    pub fn new(heads: &[&str]) -> Self {
        Grid { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; control characters in it become harmless.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        self.rows.push(cells.iter().map(|cell| escape(cell.as_ref())).collect());
    }

    /// Writes the table, no line of it longer than `width` where that is possible.
    pub fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths();
        let total = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
        if width.is_none_or(|width| total <= width) { self.side_by_side(&widths) } else { self.in_blocks() }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }

    fn side_by_side(&self, widths: &[usize]) -> String {
        let line = |cells: &Vec<String>| {
            let cells: Vec<String> =
                cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            format!("{}\n", cells.join(GAP).trim_end())
        };
        std::iter::once(&self.heads).chain(&self.rows).map(line).collect()
    }

    fn in_blocks(&self) -> String {
        let width = self.heads.iter().map(|head| head.chars().count()).max().unwrap_or(0);
        let block = |row: &Vec<String>| {
            let lines = self.heads.iter().zip(row).map(|(head, cell)| format!("{head:width$}{GAP}{cell}\n"));
            lines.collect::<String>()
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }
}

const GAP: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(&["table", "changes", "last"]);
        grid.row(&["inventory", "1 284", "8 Nov 2026 16:40"]);
        grid.row(&["it\x1bems", "7", "-"]);
        grid
    }

    #[test]
    fn cells_stand_below_each_other() {
        assert_eq!(
            grid().render(Some(80)),
            "table        changes  last\n\
             inventory    1 284    8 Nov 2026 16:40\n\
             it\\u{1b}ems  7        -\n"
        );
    }

    #[test]
    fn a_narrow_window_gets_blocks() {
        assert_eq!(
            grid().render(Some(30)),
            "table    inventory\nchanges  1 284\nlast     8 Nov 2026 16:40\n\n\
             table    it\\u{1b}ems\nchanges  7\nlast     -\n"
        );
    }
}
