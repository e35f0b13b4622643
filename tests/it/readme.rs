//! The settings that README.md shows are settings.

use crate::harness::{Role, TestSite, server};

const README: &str = include_str!("../../README.md");

#[test]
fn the_settings_of_the_readme_are_read() {
    let blocks: Vec<&str> =
        README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [line, mail, keys, rules, lab, sync] = blocks.as_slice() else {
        panic!("{} examples of settings", blocks.len())
    };
    let site = TestSite::new(server(), Role::Lab, "lab-a");
    std::fs::write(site.config(), format!("{lab}{line}{keys}")).unwrap();
    site.run(&["config", "show"])
        .ok()
        .says("telephone 4711")
        .says("/etc/packmule/passphrase")
        .says("50KiB")
        .says("/var/lib/packmule/db.password");
    let central = lab.replace("role = \"lab\"", "role = \"central\"").replace("lab-a", "central");
    std::fs::write(site.config(), central + sync + mail + "\n" + rules).unwrap();
    site.run(&["config", "show"])
        .ok()
        .says("sync.tables")
        .says("mail.quota_bundles")
        .says("tables.stock.updated_at");
}
