//! What a table is made of, in one text: by it somebody can tell later whether it was altered.

use crate::db::catalog::Table;
use crate::db::error::Error;
use crate::db::session::Session;
use crate::db::sql;

/// The statement that would make the table, and the application's triggers on it. How far its numbers have come is left out.
pub fn definition(session: &mut Session, table: &Table) -> Result<String, Error> {
    let row = session.first(&format!("SHOW CREATE TABLE {}", sql::name(table.shape.name.as_str())))?;
    let statement = row.as_ref().and_then(|row| row.optional(1)).unwrap_or_default();
    let words = statement.split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT="));
    let mut text = words.collect::<Vec<_>>().join(" ");
    for trigger in table.triggers.iter().filter(|trigger| !trigger.is_ours()) {
        text.push_str(&format!("\n{} {} {}", trigger.timing, trigger.event, trigger.body));
    }
    Ok(text)
}
