//! What people in a random world have to do with: small tables that have all that is awkward between sites, with so few keys
//! that people meet, and what is done to them.

/// Some tables, and what people do with them.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The statements that make the tables.
    pub(crate) schema: &'static str,
    /// Rows with which a world may start.
    pub(crate) rows: &'static str,
    /// The tables' names.
    pub(crate) tables: &'static [&'static str],
    /// All cells in which a word may stand: the table, and its cells of one row as a text.
    pub(super) cells: &'static [(&'static str, &'static str)],
    /// What people do in one go: `{i}` and `{j}` are keys, `{p}` a parent, `{s}` a stock, `{c}` a code, `{k}` and `{l}` a word that
    /// may be a key, `{w}` a word that nobody has typed before.
    pub(super) deeds: &'static [&'static str],
}

/// Rows of plain columns.
pub(crate) const PLAIN: Subject = Subject {
    schema: "CREATE TABLE plain (id INT PRIMARY KEY, a VARCHAR(20), b VARCHAR(20));",
    rows: "INSERT INTO plain VALUES (1, 'a', 'a'), (2, 'b', 'b'), (3, 'c', 'c');",
    tables: &["plain"],
    cells: &[("plain", "CONCAT_WS(' ', a, b)")],
    deeds: PLAIN_DEEDS,
};

/// Parents and children of every sort of foreign key.
pub(crate) const PARENTS: Subject = Subject {
    schema: "
    CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE cascades (id INT PRIMARY KEY, parent INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE below (id INT PRIMARY KEY, cascade_id INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (cascade_id) REFERENCES cascades (id) ON DELETE CASCADE);
    CREATE TABLE restricts (id INT PRIMARY KEY, parent INT NOT NULL, name VARCHAR(20),
      FOREIGN KEY (parent) REFERENCES parents (id));
    CREATE TABLE nulls (id INT PRIMARY KEY, parent INT, name VARCHAR(20),
      FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE SET NULL ON UPDATE CASCADE);",
    rows: "
    INSERT INTO parents VALUES (1, 'a'), (2, 'b'); INSERT INTO cascades VALUES (1, 1, 'a'), (2, 2, 'b');
    INSERT INTO below VALUES (1, 1, 'a'), (2, 2, 'b'); INSERT INTO restricts VALUES (1, 1, 'a');
    INSERT INTO nulls VALUES (1, 1, 'a'), (2, 2, 'b');",
    tables: &["parents", "cascades", "below", "restricts", "nulls"],
    cells: &[
        ("parents", "name"),
        ("cascades", "name"),
        ("below", "name"),
        ("restricts", "name"),
        ("nulls", "name"),
    ],
    deeds: PARENTS_DEEDS,
};

/// Rows that must not be alike.
pub(crate) const UNIQUES: Subject = Subject {
    schema: "CREATE TABLE uniques (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE, name VARCHAR(20));",
    rows: "INSERT INTO uniques VALUES (1, 'c1', 'a'), (2, 'c2', 'b'), (3, 'c3', 'c');",
    tables: &["uniques"],
    cells: &[("uniques", "name")],
    deeds: UNIQUES_DEEDS,
};

/// Rows below rows of the same table.
pub(crate) const TREE: Subject = Subject {
    schema: "CREATE TABLE tree (id INT PRIMARY KEY, up INT, name VARCHAR(20),
      FOREIGN KEY (up) REFERENCES tree (id) ON DELETE CASCADE);",
    rows: "INSERT INTO tree VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, 2, 'c');",
    tables: &["tree"],
    cells: &[("tree", "name")],
    deeds: TREE_DEEDS,
};

/// Keys that are texts, and equal in their column's collation; keys of two columns.
pub(crate) const WORDS: Subject = Subject {
    schema: "
    CREATE TABLE words (word VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, name VARCHAR(20));
    CREATE TABLE uses (id INT PRIMARY KEY, word VARCHAR(10) COLLATE utf8mb4_general_ci NOT NULL, name VARCHAR(20),
      FOREIGN KEY (word) REFERENCES words (word) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE pairs (a INT, b VARCHAR(5) COLLATE utf8mb4_general_ci, name VARCHAR(20), PRIMARY KEY (a, b));",
    rows: "
    INSERT INTO words VALUES ('ape', 'a'), ('bee', 'b'); INSERT INTO uses VALUES (1, 'ape', 'a'), (2, 'BEE', 'b');
    INSERT INTO pairs VALUES (1, 'ape', 'a'), (2, 'bee', 'b');",
    tables: &["words", "uses", "pairs"],
    cells: &[("words", "name"), ("uses", "name"), ("pairs", "name")],
    deeds: WORDS_DEEDS,
};

/// Columns of types that are easily written in another way.
pub(crate) const DOCS: Subject = Subject {
    schema: "CREATE TABLE docs (id INT PRIMARY KEY, data JSON, weight FLOAT, price DECIMAL(10,3), moment TIMESTAMP(6) NULL);",
    rows: "INSERT INTO docs VALUES (1, '{}', 0.5, 1.5, '2026-01-01 00:00:00');",
    tables: &["docs"],
    cells: &[("docs", "CAST(data AS CHAR)")],
    deeds: DOCS_DEEDS,
};

/// Stocks. Their rows are there from the start, and are never made or deleted: what is taken from a row must be found in it.
pub(crate) const COUNTS: Subject = Subject {
    schema:
        "CREATE TABLE counts (id INT PRIMARY KEY, amount INT UNSIGNED NOT NULL, price DECIMAL(10,2) NOT NULL,
      a VARCHAR(20), b VARCHAR(20));",
    rows: "INSERT INTO counts VALUES (1, 20, 1.50, 'a', 'a'), (2, 20, -2.25, 'b', 'b'), (3, 5, 0, 'c', 'c');",
    tables: &["counts"],
    cells: &[("counts", "CONCAT_WS(' ', a, b)")],
    deeds: COUNTS_DEEDS,
};

/// All of them.
pub(crate) const ALL: &[&Subject] = &[&PLAIN, &PARENTS, &UNIQUES, &TREE, &WORDS, &DOCS, &COUNTS];

const PLAIN_DEEDS: &[&str] = &[
    "INSERT INTO plain VALUES ({i}, '{w}', '{w}')",
    "UPDATE plain SET a = '{w}' WHERE id = {i}",
    "UPDATE plain SET b = '{w}' WHERE id = {i}",
    "UPDATE plain SET a = '{w}', b = '{w}' WHERE id = {i}",
    "DELETE FROM plain WHERE id = {i}",
    "DELETE FROM plain WHERE id = {i}; INSERT INTO plain VALUES ({i}, '{w}', NULL)",
    "UPDATE plain SET id = {j} WHERE id = {i}",
    "SET @old = (SELECT a FROM plain WHERE id = {i}); UPDATE plain SET a = '{w}' WHERE id = {i}; \
     UPDATE plain SET a = @old WHERE id = {i}",
    "INSERT INTO plain VALUES ({i}, '{w}', '{w}'); DELETE FROM plain WHERE id = {i}",
    // An application that logs its own writes, in a session that the triggers do not hear.
    "SET @packmule_silent = 1; UPDATE plain SET b = '{w}' WHERE id = {i}; INSERT INTO sync_log (table_name, record_id, action) \
     SELECT 'plain', id, 'UPDATE' FROM plain WHERE id = {i}; SET @packmule_silent = NULL",
];

const PARENTS_DEEDS: &[&str] = &[
    "INSERT INTO parents VALUES ({p}, '{w}')",
    "INSERT INTO parents VALUES ({p}, '{w}'); INSERT INTO cascades VALUES ({i}, {p}, '{w}')",
    "UPDATE parents SET name = '{w}' WHERE id = {p}",
    "DELETE FROM parents WHERE id = {p}",
    "DELETE FROM parents WHERE id = {p}",
    "UPDATE parents SET id = {i} WHERE id = {p}",
    "INSERT INTO cascades VALUES ({i}, {p}, '{w}')",
    "UPDATE cascades SET name = '{w}' WHERE id = {i}",
    "UPDATE cascades SET parent = {p} WHERE id = {i}",
    "DELETE FROM cascades WHERE id = {i}",
    "INSERT INTO below VALUES ({i}, {j}, '{w}')",
    "UPDATE below SET name = '{w}' WHERE id = {i}",
    "UPDATE below SET cascade_id = {j} WHERE id = {i}",
    "INSERT INTO restricts VALUES ({i}, {p}, '{w}')",
    "UPDATE restricts SET name = '{w}', parent = {p} WHERE id = {i}",
    "DELETE FROM restricts WHERE id = {i}",
    "DELETE FROM restricts WHERE parent = {p}; DELETE FROM parents WHERE id = {p}",
    "INSERT INTO nulls VALUES ({i}, {p}, '{w}')",
    "UPDATE nulls SET name = '{w}' WHERE id = {i}",
    "UPDATE nulls SET parent = {p} WHERE id = {i}",
    "DELETE FROM nulls WHERE id = {i}",
];

const UNIQUES_DEEDS: &[&str] = &[
    "INSERT INTO uniques VALUES ({i}, '{c}', '{w}')",
    "INSERT INTO uniques VALUES ({i}, NULL, '{w}')",
    "UPDATE uniques SET code = '{c}', name = '{w}' WHERE id = {i}",
    "UPDATE uniques SET name = '{w}' WHERE id = {i}",
    "DELETE FROM uniques WHERE id = {i}",
    "SET @i = (SELECT code FROM uniques WHERE id = {i}), @j = (SELECT code FROM uniques WHERE id = {j}); \
     UPDATE uniques SET code = NULL WHERE id = {i}; UPDATE uniques SET code = @i WHERE id = {j}; \
     UPDATE uniques SET code = @j WHERE id = {i}",
    "SET @i = (SELECT code FROM uniques WHERE id = {i}); DELETE FROM uniques WHERE id = {i}; \
     UPDATE uniques SET code = @i WHERE id = {j}",
];

const TREE_DEEDS: &[&str] = &[
    "INSERT INTO tree VALUES ({i}, NULL, '{w}')",
    "INSERT INTO tree VALUES ({i}, {j}, '{w}')",
    "UPDATE tree SET up = {j} WHERE id = {i}",
    "UPDATE tree SET up = NULL, name = '{w}' WHERE id = {i}",
    "UPDATE tree SET name = '{w}' WHERE id = {i}",
    "DELETE FROM tree WHERE id = {i}",
];

const WORDS_DEEDS: &[&str] = &[
    "INSERT INTO words VALUES ('{k}', '{w}')",
    "UPDATE words SET name = '{w}' WHERE word = '{k}'",
    "UPDATE words SET word = '{l}' WHERE word = '{k}'",
    "DELETE FROM words WHERE word = '{k}'",
    "DELETE FROM words WHERE word = '{k}'; INSERT INTO words VALUES ('{l}', '{w}')",
    "INSERT INTO uses VALUES ({i}, '{k}', '{w}')",
    "UPDATE uses SET name = '{w}' WHERE id = {i}",
    "UPDATE uses SET word = '{k}' WHERE id = {i}",
    "INSERT INTO pairs VALUES ({i}, '{k}', '{w}')",
    "UPDATE pairs SET name = '{w}' WHERE a = {i} AND b = '{k}'",
    "UPDATE pairs SET b = '{l}' WHERE a = {i} AND b = '{k}'",
    "DELETE FROM pairs WHERE a = {i} AND b = '{k}'",
];

const DOCS_DEEDS: &[&str] = &[
    "INSERT INTO docs VALUES ({i}, '{\"b\": 1.0, \"a\": \"{w}\"}', {i} / 3, {j} / 8, NOW(6))",
    "UPDATE docs SET data = '{\"a\":[\"{w}\",1e3,{\"z\":null,\"y\":1.50}]}', moment = NOW(6) WHERE id = {i}",
    "UPDATE docs SET weight = weight * 1.1, price = price + 0.1 WHERE id = {i}",
    "DELETE FROM docs WHERE id = {i}",
];

const COUNTS_DEEDS: &[&str] = &[
    "UPDATE counts SET amount = amount + 3 WHERE id = {s}",
    "UPDATE counts SET amount = amount - 2 WHERE id = {s}",
    "UPDATE counts SET amount = amount - 2 WHERE id = {s}",
    "UPDATE counts SET amount = amount - 4, a = '{w}' WHERE id = {s}",
    "UPDATE counts SET price = price + 0.25 WHERE id = {s}",
    "UPDATE counts SET amount = amount + 1, price = price - 1.05, b = '{w}' WHERE id = {s}",
    "UPDATE counts SET a = '{w}' WHERE id = {s}",
    "UPDATE counts SET b = '{w}' WHERE id = {s}",
];
