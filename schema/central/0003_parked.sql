-- How far the rows that wait because they do not fit have been tried again, table by table. Only the centre has this. See
-- schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_parked (
  table_name   VARCHAR(64) NOT NULL PRIMARY KEY,
  tried_batch  BIGINT UNSIGNED NOT NULL,
  tried_log    BIGINT UNSIGNED NOT NULL,
  tried_as     CHAR(64) NOT NULL,
  tried_at     DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
