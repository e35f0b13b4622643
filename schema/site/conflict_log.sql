-- Every conflict ever met, whoever won, for good. The rows are JSON objects of column -> text.

CREATE TABLE conflict_log (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  site          VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  table_name    VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  record_id     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  kind          ENUM('changed', 'missing', 'exists', 'unique', 'orphan', 'value') NOT NULL,
  action        ENUM('INSERT', 'UPDATE', 'DELETE') NOT NULL,
  before_row    LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  central_row   LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  lab_row       LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  central_time  DATETIME(6) NULL,
  lab_time      DATETIME(6) NULL,
  clock_note    VARCHAR(400) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  status        ENUM('open', 'decided') NOT NULL,
  outcome       ENUM('central', 'lab', 'merged') NOT NULL,
  written_row   LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  decided_by    VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  decided_at    DATETIME(6) NULL,
  decision_note TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  note          TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  bundle        VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  met_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  KEY packmule_status (status, site),
  KEY packmule_row (table_name, record_id(48)),
  KEY packmule_waits (status, site, table_name, record_id(48)),
  KEY packmule_kind (status, kind, site, table_name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
