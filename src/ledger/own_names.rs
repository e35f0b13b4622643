//! The names of packmule's own tables and views, as its scripts have them: an account needs rights on exactly these.

use crate::ledger::here::{CENTRAL_MIGRATIONS, MIGRATIONS};
use crate::model::Role;

/// Packmule's own tables and views at a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNames {
    /// The tables, with those that an application may have made already.
    pub tables: Vec<String>,
    /// The views.
    pub views: Vec<String>,
}

impl OwnNames {
    /// Those of a site of this role.
    pub fn of(role: Role) -> Self {
        let mut tables: Vec<String> =
            ["sync_log", "conflict_log", "packmule_migration"].map(str::to_owned).into();
        let mut views = Vec::new();
        let mut scripts: Vec<&str> = MIGRATIONS.iter().map(|one| one.sql).collect();
        if role == Role::Central {
            tables.push("packmule_central_migration".to_owned());
            scripts.extend(CENTRAL_MIGRATIONS.iter().map(|one| one.sql));
        }
        for line in
            scripts.iter().flat_map(|script| script.lines()).filter(|line| line.starts_with("CREATE "))
        {
            let name = |kind: &str| {
                let name = line
                    .split_once(kind)?
                    .1
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .next()?;
                (!name.is_empty()).then(|| name.to_owned())
            };
            tables.extend(name("TABLE IF NOT EXISTS "));
            views.extend(name(" VIEW "));
        }
        OwnNames { tables, views }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_view_of_the_scripts_is_named() {
        let (lab, central) = (OwnNames::of(Role::Lab), OwnNames::of(Role::Central));
        assert!(lab.tables.contains(&"packmule_kept".to_owned()) && lab.views.is_empty());
        assert!(!lab.tables.iter().any(|name| name.contains("mail")));
        assert!(central.tables.contains(&"packmule_mail_part".to_owned()));
        let views = [
            "packmule_sent",
            "packmule_sent_part",
            "packmule_waiting",
            "packmule_waiting_part",
            "packmule_centre",
            "packmule_conflicts",
        ];
        assert_eq!(central.views, views);
    }
}
