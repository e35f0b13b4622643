//! Conflicts as programs read them.

use serde_json::{Map, Value as Json, json};

use crate::engine::{Done, Preview, Related, ReviewFault, Shown, ShownRow};
use crate::ledger::{Decision, EarlierState, Line, LineCount, LineHead};
use crate::model::{RowImage, TableShape, Value, hex_from_bytes};

pub(super) fn head_json(head: &LineHead) -> Json {
    json!({
        "id": head.id,
        "site": head.site,
        "table": head.table.as_str(),
        "record": head.record_id,
        "kind": head.kind.word(),
        "action": head.op.as_sql(),
        "status": head.status.word(),
        "outcome": head.outcome.word(),
        "decided_by": head.decided_by,
        "decided_at": head.decided_at.map(|when| when.to_string()),
        "met_at": head.met_at.to_string(),
        "note": head.note,
        "clock_note": head.clock_note,
    })
}

pub(super) fn count_json(count: &LineCount) -> Json {
    json!({
        "site": count.site,
        "table": count.table.as_str(),
        "kind": count.kind.word(),
        "status": count.status.word(),
        "count": count.count,
    })
}

/// A line in full; its rows as they are kept.
pub(super) fn line_json(line: &Line) -> Json {
    let mut value = head_json(&line.head);
    let row = |text: &Option<String>| text.as_deref().map(kept_row).unwrap_or(Json::Null);
    value["before"] = row(&line.before_row);
    value["central"] = row(&line.central_row);
    value["lab"] = row(&line.lab_row);
    value["written"] = row(&line.written_row);
    value["central_time"] = json!(line.central_time.map(|when| when.to_string()));
    value["lab_time"] = json!(line.lab_time.map(|when| when.to_string()));
    value["decision_note"] = json!(line.decision_note);
    value["bundle"] = json!(line.bundle);
    value
}

/// A row of the ledger: an object of texts, or the text itself where it is none.
pub(super) fn kept_row(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

pub(super) fn earlier_json(state: &EarlierState) -> Json {
    json!({
        "kind": state.kind.word(),
        "action": state.op.as_sql(),
        "central": state.central_row.as_deref().map(kept_row),
        "lab": state.lab_row.as_deref().map(kept_row),
        "lab_time": state.lab_time.map(|when| when.to_string()),
        "bundle": state.bundle,
        "joined_at": state.joined_at.to_string(),
    })
}

pub(super) fn shown_json(shown: &Shown) -> Json {
    let shape = &shown.shape;
    let row = |row: Option<&RowImage>| row_json(shape, row);
    let side = |side: &ShownRow| json!({ "known": *side != ShownRow::Unknown, "row": row(side.row()) });
    let wish = |wish: &Result<Option<RowImage>, ReviewFault>| match wish {
        Ok(then) => json!({ "possible": true, "row": row(then.as_ref()) }),
        Err(fault) => json!({ "possible": false, "why": fault.told() }),
    };
    let mut value = line_json(&shown.line);
    value["before"] = side(&shown.before);
    value["central"] = side(&shown.central);
    value["lab"] = side(&shown.lab);
    value["now"] = row(shown.now.as_ref());
    value["has_moved_on"] = json!(shown.has_moved_on);
    value["row"] = json!(shown.fingerprint.to_string());
    value["approve"] = wish(&shown.approve);
    value["reject"] = wish(&shown.reject);
    value["lost_columns"] = json!(shown.lost);
    value["related"] = shown.related.iter().map(related_json).collect();
    value["also_open"] = shown.beside.iter().map(|head| json!(head.id)).collect();
    value["earlier"] = shown.earlier.iter().map(earlier_json).collect();
    value["decisions"] = shown.decisions.iter().map(decision_json).collect();
    value
}

fn decision_json(decision: &Decision) -> Json {
    json!({
        "action": decision.action.to_string(),
        "by": decision.by,
        "at": decision.at.to_string(),
        "note": decision.note,
        "before": decision.row_before.as_deref().map(kept_row),
        "after": decision.row_after.as_deref().map(kept_row),
        "new_record": decision.new_row.as_ref().map(|new| &new.record_id),
        "followed": decision.followed,
    })
}

fn related_json(related: &Related) -> Json {
    let pairs = |values: &[(String, Value)]| {
        Json::Object(values.iter().map(|(name, value)| (name.clone(), cell_json(value))).collect())
    };
    match related {
        Related::ParentMissing { table, values } => {
            json!({ "what": "parent-missing", "table": table.as_str(), "values": pairs(values) })
        }
        Related::Holder { record_id, values } => {
            json!({ "what": "holder", "record": record_id, "values": pairs(values) })
        }
        Related::Children { table, count, .. } => {
            json!({ "what": "children", "table": table.as_str(), "count": count })
        }
    }
}

pub(super) fn done_json(done: &Done, dry_run: bool, next: &str) -> Json {
    let followed = done.followed.iter().map(|(table, count)| (table.to_string(), json!(count)));
    json!({
        "dry_run": dry_run,
        "id": done.id,
        "action": done.action.to_string(),
        "outcome": done.outcome.word(),
        "changed": done.is_edit,
        "before": row_json(&done.shape, done.before.as_ref()),
        "after": row_json(&done.shape, done.after.as_ref()),
        "new_record": done.new.as_ref().map(|(record, _)| record),
        "overruled_columns": done.overruled,
        "followed": followed.collect::<Map<_, _>>(),
        "do_next": next,
    })
}

pub(super) fn preview_json(preview: &Preview) -> Json {
    let counts = preview
        .counts
        .iter()
        .map(|((table, kind), count)| json!({ "table": table.as_str(), "kind": kind, "count": count }));
    let faults = preview.faults.iter().map(|(id, fault)| json!({ "id": id, "why": fault.told() }));
    json!({
        "can_be_decided": preview.picks.len(),
        "counts": counts.collect::<Vec<_>>(),
        "unchanged": preview.unchanged,
        "moved_on": preview.moved_on,
        "cannot": preview.fault_count,
        "faults": faults.collect::<Vec<_>>(),
    })
}

/// A row as an object of texts, as `conflict_log` has it.
pub(super) fn row_json(shape: &TableShape, row: Option<&RowImage>) -> Json {
    let Some(row) = row else {
        return Json::Null;
    };
    let cells =
        shape.columns.iter().zip(&row.0).map(|(column, value)| (column.name.clone(), cell_json(value)));
    Json::Object(cells.collect())
}

fn cell_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => json!(hex_from_bytes(bytes).to_uppercase()),
    }
}
