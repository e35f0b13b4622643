//! Imports go down only, as the table in ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};

use super::{assert_none, read, texts};

/// What each module may import.
type Table = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_import_in_src_is_allowed_by_the_table() {
    let table = table(&read("ARCHITECTURE.md"));
    assert!(table.len() > 10, "the table in ARCHITECTURE.md was not found");
    let sources = sources();
    assert!(sources.len() > 10, "no sources were found");
    assert_none(&sources.iter().flat_map(|(path, text)| forbidden(&table, path, text)).collect::<Vec<_>>());
}

#[test]
fn every_module_has_a_row_and_imports_in_the_table_make_no_circle() {
    let table = table(&read("ARCHITECTURE.md"));
    let modules: BTreeSet<String> = sources().iter().filter_map(|(path, _)| module(path)).collect();
    let homeless = modules.iter().filter(|module| !table.contains_key(*module));
    assert_none(
        &homeless.map(|module| format!("src/{module} has no row in ARCHITECTURE.md")).collect::<Vec<_>>(),
    );
    assert_none(&circles(&table));
}

#[test]
fn only_db_and_demo_name_the_driver() {
    assert_none(&sources().iter().flat_map(|(path, text)| driver(path, text)).collect::<Vec<_>>());
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    let table =
        table("| `seal` | x | `model` `bundle` |\n| `db` | y | `model` |\n| `model` | z | nothing |\n");
    let fine = "use crate::model::Site;\nuse crate::{bundle::Writer, model};\nuse crate::seal::plan;\n// crate::db is not for us";
    assert_none(&forbidden(&table, "src/seal/mod.rs", fine));
    for text in [
        "use crate::db::Session;",
        "fn f() { crate::db::open() }",
        "use crate::{model::Site, db::Session};",
        "use crate::{\n    model::{Site, Seq},\n    db,\n};",
        "pub(crate) use crate::db;",
        "use super::super::db::Session;",
        "#[cfg(test)]\nmod tests { use crate::db::Session; }",
    ] {
        assert_eq!(forbidden(&table, "src/seal/mod.rs", text).len(), 1, "{text}");
    }
    assert_eq!(
        forbidden(&table, "src/seal/deep/file.rs", "use crate::db;"),
        ["src/seal/deep/file.rs:1: seal may not import db"]
    );
}

#[test]
fn a_circle_in_the_table_is_found() {
    let circle = table("| `a` | x | `b` |\n| `b` | x | `c` |\n| `c` | x | `a` |\n");
    assert!(!circles(&circle).is_empty());
}

#[test]
fn the_driver_in_another_module_is_found() {
    assert_eq!(driver("src/apply/write.rs", "use mysql::Conn;").len(), 1);
    assert_eq!(driver("src/apply/write.rs", "fn f(c: &mut mysql::Conn) {}").len(), 1);
    assert_none(&driver("src/apply/write.rs", "let url = \"mysql://root@localhost\"; // mysql::Conn"));
    assert_none(&driver("src/db/session.rs", "use mysql::Conn;"));
}

fn sources() -> Vec<(String, String)> {
    texts(&["src"]).into_iter().filter(|(path, _)| path.ends_with(".rs")).collect()
}

/// Reads the rows `| module | for | may import |`, names in backquotes.
fn table(text: &str) -> Table {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').collect();
        let [module, _, imports] = cells.as_slice() else { return None };
        let module = quoted(module).into_iter().next()?;
        Some((module, quoted(imports).into_iter().collect()))
    };
    text.lines().filter_map(row).collect()
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The module of a file in `src`; the crate's own two files have none.
fn module(path: &str) -> Option<String> {
    let inside = path.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib" && name != "main").then(|| name.to_owned())
}

/// Imports of a file that its module's row does not allow. Code and its tests are held to the same.
fn forbidden(table: &Table, path: &str, text: &str) -> Vec<String> {
    let Some(module) = module(path) else { return Vec::new() };
    let none = BTreeSet::new();
    let allowed = table.get(&module).unwrap_or(&none);
    let code = without_comments(text);
    let found = named(&code, "crate::").into_iter().chain(named(&code, "super::super::"));
    found
        .filter(|(_, other)| *other != module && table.contains_key(other) && !allowed.contains(other))
        .map(|(line, other)| format!("{path}:{line}: {module} may not import {other}"))
        .collect()
}

/// The modules that follow `prefix`, alone or in braces, with their lines.
fn named(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let line = code[..at].matches('\n').count() + 1;
        let names = match rest.strip_prefix('{') {
            Some(list) => outer_names(list),
            None => vec![word(rest)],
        };
        found.extend(names.into_iter().map(|name| (line, name)));
    }
    found
}

/// The first name of each member of a `{a::b, c::{d, e}}` list, whose brace is already open.
fn outer_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut expected) = (1, Vec::new(), true);
    for (at, sign) in list.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => expected = true,
            _ if expected && !sign.is_whitespace() => {
                names.push(word(&list[at..]));
                expected = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect()
}

/// The text with `//` comments blanked and its lines kept. A `//` in a string ends that line too early, which is
/// harmless: no import follows a string on its line.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Modules that can reach themselves by what the table allows.
fn circles(table: &Table) -> Vec<String> {
    let reaches_itself = |module: &&String| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = table.get(*module).into_iter().flatten().collect();
        while let Some(other) = next.pop() {
            if seen.insert(other) {
                next.extend(table.get(other).into_iter().flatten());
            }
        }
        seen.contains(module)
    };
    table
        .keys()
        .filter(reaches_itself)
        .map(|module| format!("{module} may import itself by a circle"))
        .collect()
}

/// Lines that name the MySQL driver in a module that is neither `db` nor `demo`.
fn driver(path: &str, text: &str) -> Vec<String> {
    if module(path).is_some_and(|module| module == "db" || module == "demo") {
        return Vec::new();
    }
    let code = without_comments(text);
    let hits =
        code.lines().enumerate().filter(|(_, line)| line.contains("mysql::") || line.contains("use mysql"));
    hits.map(|(number, _)| format!("{path}:{}: the driver is for db and demo", number + 1)).collect()
}
