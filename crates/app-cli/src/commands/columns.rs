//! Rows of texts as columns: each as wide as its widest text.

const GAP: &str = "  ";

/// One line per row, the header first, each with its line end.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|title| (*title).to_owned()).collect();
    let lines = || std::iter::once(&header).chain(rows);
    let width = |column: usize| {
        let texts = lines().filter_map(|line| line.get(column));
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut output = String::new();
    for line in lines() {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        output.push_str(cells.join(GAP).trim_end());
        output.push('\n');
    }
    output
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_texts() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(table(&["NAME", "N"], &rows), "NAME    N\na       1\nlonger\n");
        assert_eq!(table(&["NAME"], &[]), "NAME\n");
    }
}
