//! `packmule config show`: every value in use, and where it came from.

use serde_json::json;

use crate::cli::{Context, Grid};
use crate::config::{Settings, Shown, Source};
use crate::report::{Exit, Report};

/// Prints every setting. A password is not a setting: only where it is kept is shown.
pub fn run(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings()?;
    context.out.result(&format!("Settings from {}", settings.path.display()));
    context.out.grid(&grid_of(&settings));
    let values: Vec<_> = settings.shown().iter().map(json_of).collect();
    context.out.json(
        "packmule.config.v1",
        json!({ "file": settings.path.display().to_string(), "settings": values }),
    );
    Ok(Exit::Done)
}

fn grid_of(settings: &Settings) -> Grid {
    let mut grid = Grid::new(&["name", "value", "from"]);
    for Shown { name, value, source } in settings.shown() {
        grid.row(&[name, value, &words_of(source)]);
    }
    grid
}

fn json_of(shown: &Shown) -> serde_json::Value {
    json!({ "name": shown.name, "value": shown.value, "from": words_of(&shown.source) })
}

fn words_of(source: &Source) -> String {
    match source {
        Source::Line(line) => format!("line {line}"),
        Source::Default => "default".to_owned(),
        Source::ClientFile(path) => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_says_where_it_came_from_and_none_is_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab-a.toml");
        let text = "role = \"lab\"\nsite = \"lab-a\"\nstate = \"/s\"\n\n[database]\nurl = \"mysql://p:hunter2@localhost/ive_ims\"\n";
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(
            grid_of(&Settings::open(&path).unwrap()).render(Some(80)),
            "name               value                        from\n\
             role               lab                          line 1\n\
             site               lab-a                        line 2\n\
             state              /s                           line 3\n\
             database.url       mysql://p@localhost/ive_ims  line 6\n\
             database.host      localhost                    line 6\n\
             database.port      3306                         default\n\
             database.user      p                            line 6\n\
             database.name      ive_ims                      line 6\n\
             database.tls       off                          default\n\
             database.password  (not shown)                  line 6\n\
             stick.bundle_max   512MiB                       default\n\
             keep               30d                          default\n\
             agent.sticks       false                        default\n"
        );
    }
}
