//! The table that is measured, and the edits: the same on every server, from the row's number alone.

use packmule::demo::{Flavour, PrivateServer};

use crate::Size;

/// The table: an inventory as universities have it.
pub(crate) const TABLE: &str = "CREATE TABLE items (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tag VARCHAR(20) NOT NULL,
  name VARCHAR(60) NOT NULL,
  room VARCHAR(20),
  price DECIMAL(10,2),
  quantity INT NOT NULL,
  bought DATE,
  note VARCHAR(200)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4";

/// Makes the table in a new database and fills it with `rows` rows, without writing the binary log.
pub(crate) fn fill(server: &PrivateServer, database: &str, rows: u64) {
    server.sql("", &format!("CREATE DATABASE {database}")).unwrap();
    server.sql(database, TABLE).unwrap();
    let numbers = match server.binary().flavour() {
        Flavour::MariaDb => format!("SELECT seq FROM seq_1_to_{rows}"),
        Flavour::MySql => format!(
            "WITH RECURSIVE s (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s WHERE seq < {rows}) SELECT seq FROM s"
        ),
    };
    let recursion = match server.binary().flavour() {
        Flavour::MariaDb => "",
        Flavour::MySql => "SET cte_max_recursion_depth = 4000000000;",
    };
    let columns = row_sql("seq");
    let fill = format!(
        "{recursion} INSERT INTO items SELECT {columns} FROM ({numbers}) numbers; ANALYZE TABLE items"
    );
    server.sql(database, &fill).unwrap();
}

/// The columns of the row with a number, as SQL over that number.
fn row_sql(number: &str) -> String {
    format!(
        "{number}, CONCAT('KU-', LPAD({number}, 8, '0')), CONCAT('microscope ', HEX({number} * 2654435761 & 4294967295), HEX({number} * 40503 & 65535)), \
         CONCAT('room ', {number} % 97), ({number} % 10000) / 7, {number} % 50, \
         '2020-01-01' + INTERVAL {number} % 2000 DAY, IF({number} % 3 = 0, NULL, REPEAT(CHAR(97 + {number} % 26), 30))"
    )
}

/// The mix: 60 % updates, 30 % inserts, 10 % deletes, spread over the whole table, as statements of 1000 rows.
pub(crate) fn mix(size: &Size) -> Vec<String> {
    let (updates, inserts, deletes) = (size.changes * 6 / 10, size.changes * 3 / 10, size.changes / 10);
    // A stride that shares no factor with the number of rows meets every row once.
    const STRIDE: u64 = 7919;
    let place = |at: u64| at * STRIDE % size.rows + 1;
    let mut statements = Vec::new();
    let lists = |from: u64, count: u64| {
        let places: Vec<u64> = (from..from + count).map(place).collect();
        places
            .chunks(1000)
            .map(|ids| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
            .collect::<Vec<_>>()
    };
    for ids in lists(0, updates) {
        statements.push(format!(
            "UPDATE items SET quantity = quantity + 1, room = CONCAT('moved ', id % 31) WHERE id IN ({ids})"
        ));
    }
    for start in (0..inserts).step_by(1000) {
        let rows: Vec<String> = (start..(start + 1000).min(inserts))
            .map(|at| {
                let id = size.rows + 1 + at;
                format!(
                    "({id}, 'KU-{id:08}', 'balance {id}', 'room {}', {}.5, {}, '2026-03-01', 'new')",
                    id % 97,
                    id % 900,
                    id % 50
                )
            })
            .collect();
        statements.push(format!("INSERT INTO items VALUES {}", rows.join(",")));
    }
    for ids in lists(updates, deletes) {
        statements.push(format!("DELETE FROM items WHERE id IN ({ids})"));
    }
    statements
}
