-- What people decided of conflicts, and the conflicts as people read them. Only the centre has these. See schema/README.md.

CREATE TABLE IF NOT EXISTS packmule_decision (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  conflict      BIGINT UNSIGNED NOT NULL,
  action        ENUM('approve', 'reject', 'merge', 'reopen') NOT NULL,
  decided_by    VARCHAR(80) NOT NULL,
  decided_at    DATETIME(6) NOT NULL,
  note          TEXT NULL,
  row_before    LONGTEXT NULL,
  row_after     LONGTEXT NULL,
  log_id        BIGINT UNSIGNED NULL,
  new_record    TEXT NULL,
  new_row       LONGTEXT NULL,
  new_log_id    BIGINT UNSIGNED NULL,
  followed      TEXT NULL,
  line_outcome  ENUM('central', 'lab', 'merged') NOT NULL,
  line_row      LONGTEXT NULL,
  KEY conflict (conflict)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE SQL SECURITY DEFINER VIEW packmule_conflicts AS
  SELECT id, site AS lab, table_name, record_id, kind,
    CASE action WHEN 'INSERT' THEN 'made the row' WHEN 'UPDATE' THEN 'changed it' ELSE 'deleted it' END AS what_the_lab_did,
    IF(status = 'open', 'yes', 'no') AS waits,
    CASE outcome WHEN 'central' THEN 'the centre' WHEN 'lab' THEN 'the lab' ELSE 'both' END AS whose_row_stands,
    decided_by, decided_at, decision_note,
    CONCAT_WS('; ', note, clock_note) AS why,
    lab_time, central_time, met_at, bundle,
    before_row, central_row, lab_row, written_row AS row_that_stands,
    (SELECT COUNT(*) FROM packmule_joined WHERE packmule_joined.conflict = conflict_log.id) AS earlier_states,
    (SELECT COUNT(*) FROM packmule_decision WHERE packmule_decision.conflict = conflict_log.id) AS decisions
  FROM conflict_log;
