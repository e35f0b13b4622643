//! Cells that a page must show whole and harmless.

/// The item with each sort of cell: its number, what the centre writes, what the lab writes.
pub(crate) fn hostile() -> Vec<(u32, String, String)> {
    let note = |text: &str| format!("note = '{text}'");
    vec![
        (10, note(r#""><img src=x onerror=alert(1)>"#), note("<script>alert(1)</script>")),
        (11, note(&long("shelf")), note(&long("store"))),
        (12, "photo = 0x00010203FFFE".to_owned(), "photo = 0x3C7363726970743E00FF".to_owned()),
        // The override turns round what follows it, unless the page keeps it in the cell.
        (13, note("كتاب المختبر"), note("invoice \u{202E}gpj.exe\u{202C} مرحبا")),
        (14, "note = NULL, label = ''".to_owned(), "note = 'NULL', label = NULL".to_owned()),
        (15, note("\u{1F9EA} test tube"), note("\u{1F468}\u{200D}\u{1F52C} and e\u{301}")),
        (16, format!("{LONG_COLUMN} = 'central'"), format!("{LONG_COLUMN} = 'a lab'")),
        (17, note("two\nlines"), note("  leading\tand trailing  ")),
    ]
}

/// 64 KiB of text, with one word in its middle that tells two of them apart.
fn long(word: &str) -> String {
    const BYTES: usize = 65_536;
    let half = "lorem ipsum ".repeat(BYTES / 24);
    let mut text = format!("begin {half}{word} {half}");
    text.truncate(BYTES - 4);
    text + " end"
}

/// As long as a name may be.
pub(crate) const LONG_COLUMN: &str = "counted_by_hand_at_the_last_stocktaking_in_the_old_storage_rooms";

/// What the tables' columns are.
pub(crate) fn schema() -> String {
    format!(
        "CREATE TABLE shelves (id INT PRIMARY KEY, code VARCHAR(20) UNIQUE, place VARCHAR(40));
         CREATE TABLE items (id INT PRIMARY KEY, shelf INT NOT NULL, name VARCHAR(80) NOT NULL, quantity INT UNSIGNED,
           note LONGTEXT, label VARCHAR(40), photo LONGBLOB, {LONG_COLUMN} VARCHAR(40), FOREIGN KEY (shelf) REFERENCES shelves (id));
         CREATE TABLE prices (id INT PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2));
         CREATE TABLE spans (id INT PRIMARY KEY, low INT, high INT, CONSTRAINT span CHECK (low <= high));
         CREATE TABLE loans (id INT PRIMARY KEY, who VARCHAR(40), due_on DATE)"
    )
}
