-- Earlier states of conflicts that wait: a later edit of the same row by the same lab has joined them. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_joined (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  conflict      BIGINT UNSIGNED NOT NULL,
  kind          ENUM('changed', 'missing', 'exists', 'unique', 'orphan', 'value') NOT NULL,
  action        ENUM('INSERT', 'UPDATE', 'DELETE') NOT NULL,
  central_row   LONGTEXT NULL,
  lab_row       LONGTEXT NULL,
  central_time  DATETIME(6) NULL,
  lab_time      DATETIME(6) NULL,
  clock_note    VARCHAR(400) NULL,
  note          TEXT NULL,
  bundle        VARCHAR(80) NULL,
  joined_at     DATETIME(6) NOT NULL,
  KEY conflict (conflict)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
