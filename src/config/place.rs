//! Where settings and state are when nobody says.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::config::error::Error;

/// Returns the settings file to use: the one that was given, or the first that exists in the usual places.
pub fn find(given: Option<&Path>) -> Result<PathBuf, Error> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => first_existing(usual_places(|name| env::var_os(name).map(PathBuf::from))),
    }
}

/// Returns where `init` writes a settings file: where it was told, or in the system's folder once packmule is
/// installed there, else in the user's own.
pub fn for_new(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let places = usual_places(|name| env::var_os(name).map(PathBuf::from));
    let installed = places.iter().find(|place| place.parent().is_some_and(Path::is_dir));
    installed.or(places.last()).cloned().ok_or(Error::NoSettings { looked: Vec::new() })
}

/// Returns the state folder that belongs to a settings file which names none: the file's own name without `.toml`.
pub fn state_for(settings: &Path) -> PathBuf {
    if settings == Path::new("/etc/packmule/packmule.toml") {
        return PathBuf::from("/var/lib/packmule");
    }
    if settings.extension() == Some(OsStr::new("toml")) {
        return settings.with_extension("");
    }
    // Without `.toml` to take away, the folder would have the file's own name.
    let mut name = settings.file_name().unwrap_or_default().to_owned();
    name.push(".state");
    settings.with_file_name(name)
}

fn first_existing(places: Vec<PathBuf>) -> Result<PathBuf, Error> {
    match places.iter().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => Err(Error::NoSettings { looked: places }),
    }
}

fn usual_places(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let (system, user) = if cfg!(windows) {
        (variable("ProgramData"), variable("APPDATA"))
    } else {
        let home = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        (Some(PathBuf::from("/etc")), home.or_else(|| Some(variable("HOME")?.join(".config"))))
    };
    [system, user].into_iter().flatten().map(|folder| folder.join("packmule").join("packmule.toml")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_is_the_settings_file_without_toml() {
        assert_eq!(state_for(Path::new("lab-a.toml")), PathBuf::from("lab-a"));
        assert_eq!(state_for(Path::new("/x/lab.a.toml")), PathBuf::from("/x/lab.a"));
        assert_eq!(state_for(Path::new("/x/lab")), PathBuf::from("/x/lab.state"));
        assert_eq!(state_for(Path::new("/etc/packmule/packmule.toml")), PathBuf::from("/var/lib/packmule"));
    }

    #[cfg(unix)]
    #[test]
    fn the_system_is_asked_before_the_user() {
        let variable = |name: &str| (name == "HOME").then(|| PathBuf::from("/u/grace"));
        let places = usual_places(variable);
        assert_eq!(places[0], Path::new("/etc/packmule/packmule.toml"));
        assert_eq!(places[1], Path::new("/u/grace/.config/packmule/packmule.toml"));
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("b");
        std::fs::write(&there, "").unwrap();
        assert_eq!(first_existing(vec![folder.path().join("a"), there.clone()]).unwrap(), there);
        assert!(matches!(first_existing(vec![]), Err(Error::NoSettings { .. })));
    }
}
