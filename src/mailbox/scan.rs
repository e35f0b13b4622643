//! Finds what may be a bundle in the folders and files that a person names: by content, not by name.
//!
//! The stick belongs to people: photos, links, pipes, folders called `x.mule`, a hundred thousand files. The search
//! reads 512 bytes of plain files only, follows nothing, and ends after a fixed number of entries.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::mailbox::error::{Circumstance, Error, classify};
use crate::mailbox::names::{is_litter, is_mule, name_hint};
use crate::mailbox::platform;
use crate::mailbox::stick::HOME;
use crate::model::BundleName;

/// What a search found. One file that cannot be read hides no other.
#[derive(Debug, Default)]
pub struct Scan {
    /// Files that begin as a bundle does, by hinted name and number. They may still be torn or forged.
    pub bundles: Vec<Found>,
    /// Files named `.mule`, or named by the person, that do not begin as a bundle: 0 bytes, zeros, garbage.
    pub torn: Vec<Found>,
    /// What could not be looked at, each with its file or folder.
    pub problems: Vec<Error>,
}

/// A file that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
    /// What its name claims. Never to be believed.
    pub name_hint: Option<BundleName>,
}

/// Searches folders and looks at files. Nothing larger than `size_max` is taken for a bundle.
pub fn scan(places: &[PathBuf], size_max: u64) -> Scan {
    let mut search = Search { size_max, entries_left: ENTRIES_MAX, scan: Scan::default() };
    for place in places {
        search.place(place);
    }
    let mut scan = search.scan;
    for list in [&mut scan.bundles, &mut scan.torn] {
        // Streams in order, and their numbers in order; unnamed ones last.
        list.sort_by(|one, other| {
            let key = |found: &Found| (found.name_hint.is_none(), found.name_hint.clone());
            key(one).cmp(&key(other)).then_with(|| one.path.cmp(&other.path))
        });
        list.dedup_by(|one, other| one.path == other.path);
    }
    scan
}

/// Returns whether the file begins as a bundle does: a ustar header whose member is `manifest.json`. Leaves the
/// file at its beginning.
pub(super) fn looks_like_bundle(file: &mut File) -> io::Result<bool> {
    let mut head = Vec::with_capacity(512);
    file.rewind()?;
    file.take(512).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head.starts_with(b"manifest.json\0") && head.get(257..263) == Some(b"ustar\0"))
}

struct Search {
    size_max: u64,
    entries_left: u64,
    scan: Scan,
}

impl Search {
    /// Looks at one folder or file that the person named. Here, and only here, a link is followed.
    fn place(&mut self, place: &Path) {
        match fs::canonicalize(place).and_then(|real| Ok((fs::metadata(&real)?, real))) {
            Ok((metadata, _)) if metadata.is_dir() => self.folder(place),
            Ok((metadata, real)) if metadata.is_file() => self.file(&real, Wanted::ByPerson),
            Ok(_) => self.scan.problems.push(Error::NotAFile { path: place.to_owned() }),
            // What a person typed may be mistyped: "pulled out" would be a guess.
            Err(source) if source.kind() == ErrorKind::NotFound => {
                self.scan.problems.push(Error::Io { path: place.to_owned(), source });
            }
            Err(source) => self.scan.problems.push(classify(source, &Circumstance::now(place, place, 0))),
        }
    }

    /// Searches a folder: first `packmule` in it, then what lies in it directly, then the rest. So the bundles of
    /// a stick that also holds somebody's music are found before the count runs out.
    fn folder(&mut self, place: &Path) {
        let home = place.join(HOME);
        let has_home = fs::symlink_metadata(&home).is_ok_and(|metadata| metadata.is_dir());
        let is_whole = (!has_home || self.walk(&home, DEPTH_MAX - 1, Part::All))
            && self.walk(place, 1, Part::All)
            && self.walk(place, DEPTH_MAX, Part::Rest);
        if !is_whole {
            let problem = Error::TooManyFiles { place: place.to_owned(), entries_max: ENTRIES_MAX };
            self.scan.problems.push(problem);
        }
    }

    /// Returns whether all of it was looked at before the count ran out.
    fn walk(&mut self, place: &Path, depth_max: usize, part: Part) -> bool {
        // On FAT a folder `PACKMULE` answers to our name, too.
        let is_home = |entry: &DirEntry| {
            entry.file_name().eq_ignore_ascii_case(HOME)
                && platform::same_folder(entry.path(), &place.join(HOME))
        };
        let is_wanted = |entry: &DirEntry| match (entry.depth(), part) {
            (0, _) => true,
            (1, Part::Rest) if entry.file_type().is_file() || is_home(entry) => false,
            (_, Part::All | Part::Rest) => !entry.file_name().to_str().is_some_and(is_litter),
        };
        // No `min_depth`: what it holds back is not shown to the filter either, and litter would be entered.
        let walk = WalkDir::new(place).max_depth(depth_max).follow_links(false);
        for entry in walk.into_iter().filter_entry(is_wanted) {
            if self.entries_left == 0 {
                return false;
            }
            self.entries_left -= 1;
            match entry {
                Ok(entry) if entry.file_type().is_file() => self.file(entry.path(), Wanted::ByName),
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(place).to_owned();
                    // Only a loop of links has no error of the system behind it, and none are followed.
                    let source = error.into_io_error().unwrap_or_else(|| ErrorKind::Other.into());
                    self.problem(&path, source);
                }
            }
        }
        true
    }

    fn file(&mut self, path: &Path, wanted: Wanted) {
        match self.look(path, wanted) {
            Ok(Look::Bundle(found)) => self.scan.bundles.push(found),
            Ok(Look::Torn(found)) => self.scan.torn.push(found),
            Ok(Look::Foreign) => {}
            Ok(Look::TooLarge(size_bytes)) => {
                self.scan.problems.push(Error::TooLarge { path: path.to_owned(), size_bytes });
            }
            Err(error) => self.problem(path, error),
        }
    }

    fn look(&self, path: &Path, wanted: Wanted) -> io::Result<Look> {
        let is_expected = match wanted {
            Wanted::ByPerson => true,
            Wanted::ByName => is_mule(path),
        };
        let size_bytes = fs::symlink_metadata(path)?.len();
        if size_bytes > self.size_max {
            return Ok(if is_expected { Look::TooLarge(size_bytes) } else { Look::Foreign });
        }
        let found = Found { path: path.to_owned(), size_bytes, name_hint: name_hint(path) };
        let is_bundle = size_bytes >= SIZE_MIN_BYTES
            && match platform::open_regular(path)? {
                Some(mut file) => looks_like_bundle(&mut file)?,
                None => return Ok(Look::Foreign),
            };
        Ok(match (is_bundle, is_expected) {
            (true, _) => Look::Bundle(found),
            (false, true) => Look::Torn(found),
            (false, false) => Look::Foreign,
        })
    }

    fn problem(&mut self, path: &Path, source: io::Error) {
        let problem = classify(source, &Circumstance::now(path, path, 0));
        // One bad sector is not a pulled stick: the file is named, and the search goes on.
        let problem = if let Error::Gone { place, source } = problem {
            Error::Io { path: place, source }
        } else {
            problem
        };
        self.scan.problems.push(problem);
    }
}

/// Which entries of a folder a walk looks at.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// All of them.
    All,
    /// What walks through `packmule` and through the folder itself have not seen.
    Rest,
}

/// Why a file is looked at, which decides whether it may be passed over in silence.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// A person named this very file.
    ByPerson,
    /// It lies in a folder; it is missed only where it is called `.mule`.
    ByName,
}

/// What a file turned out to be.
enum Look {
    Bundle(Found),
    Torn(Found),
    TooLarge(u64),
    Foreign,
}

/// How many folders deep a search goes.
const DEPTH_MAX: usize = 6;

/// How many files and folders are looked at in one search.
const ENTRIES_MAX: u64 = 200_000;

/// Less than three tar headers and their contents cannot be a bundle.
const SIZE_MIN_BYTES: u64 = 2_048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::sample::{bundle_bytes, name};

    const LIMIT: u64 = 1 << 20;

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(files: &[(&str, &[u8])]) -> Self {
            let tree = Tree(tempfile::tempdir().unwrap());
            files.iter().for_each(|(path, bytes)| tree.add(path, bytes));
            tree
        }

        fn add(&self, path: &str, bytes: &[u8]) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }

        fn scan(&self) -> Scan {
            scan(&[self.0.path().to_owned()], LIMIT)
        }

        fn paths(&self, list: &[Found]) -> Vec<String> {
            let inside = |found: &Found| found.path.strip_prefix(self.0.path()).unwrap().to_owned();
            list.iter().map(|found| inside(found).to_str().unwrap().to_owned()).collect()
        }
    }

    #[test]
    fn a_bundle_is_found_whatever_it_is_called_and_wherever_it_lies() {
        let bytes = bundle_bytes(3_000, 0);
        let tree = Tree::new(&[
            ("packmule/lab-a-to-central/lab-a.central.7f3a9c21.0000000002.mule", &bytes),
            ("packmule/lab-a-to-central/lab-a.central.7f3a9c21.0000000001 (1).mule", &bytes),
            ("Downloads/attachment.bin", &bytes),
            ("top", &bytes),
            ("1/2/3/4/5/deep", &bytes),
            ("1/2/3/4/5/6/too deep", &bytes),
            ("music/song.mp3", &[7; 9_000]),
        ]);
        let scan = tree.scan();
        let expected = [
            "packmule/lab-a-to-central/lab-a.central.7f3a9c21.0000000001 (1).mule",
            "packmule/lab-a-to-central/lab-a.central.7f3a9c21.0000000002.mule",
            "1/2/3/4/5/deep",
            "Downloads/attachment.bin",
            "top",
        ];
        assert_eq!(tree.paths(&scan.bundles), expected);
        assert_eq!(scan.bundles[0].name_hint, Some(name(1)));
        assert!(scan.torn.is_empty() && scan.problems.is_empty(), "{scan:?}");
    }

    #[test]
    fn what_is_left_of_a_bundle_is_named_and_other_files_are_not() {
        let tree = Tree::new(&[
            ("empty.mule", b""),
            ("zeros.MULE", &[0; 4_096]),
            ("short.mule", &bundle_bytes(1_000, 0)),
            ("._litter.mule", &[0; 4_096]),
            (".Trashes/deleted.mule", &bundle_bytes(3_000, 0)),
            ("System Volume Information/x.mule", &bundle_bytes(3_000, 0)),
            ("$RECYCLE.BIN/y.mule", &bundle_bytes(3_000, 0)),
            ("notes.txt", b"x"),
        ]);
        let scan = tree.scan();
        assert_eq!(tree.paths(&scan.torn), ["empty.mule", "short.mule", "zeros.MULE"]);
        assert!(scan.bundles.is_empty() && scan.problems.is_empty(), "{scan:?}");
    }

    #[test]
    fn a_file_beyond_the_limit_is_named_only_where_it_claims_to_be_a_bundle() {
        let large = bundle_bytes(LIMIT as usize + 1, 0);
        let tree = Tree::new(&[("large.mule", &large), ("film.mkv", &large)]);
        let scan = tree.scan();
        assert!(
            matches!(scan.problems.as_slice(), [Error::TooLarge { size_bytes, .. }] if *size_bytes > LIMIT)
        );
        assert!(scan.bundles.is_empty() && scan.torn.is_empty(), "{scan:?}");
    }

    #[test]
    fn a_file_that_a_person_names_is_never_passed_over() {
        let tree = Tree::new(&[("a", &bundle_bytes(3_000, 0)), ("b", b"no bundle")]);
        let at = |file: &str| tree.0.path().join(file);
        let scan = scan(&[at("a"), at("a"), at("b"), at("missing"), tree.0.path().to_owned()], LIMIT);
        assert_eq!(tree.paths(&scan.bundles), ["a"]);
        assert_eq!(tree.paths(&scan.torn), ["b"]);
        assert_eq!(scan.problems.len(), 1);
        assert!(scan.problems[0].to_string().ends_with("missing"), "{}", scan.problems[0]);
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_folders_with_a_bundle_s_name_are_passed_over() {
        use std::os::unix::fs::symlink;
        let outside =
            Tree::new(&[("secret", &bundle_bytes(3_000, 0)), ("packmule/x", &bundle_bytes(3_000, 0))]);
        let tree = Tree::new(&[("folder.mule/inside.mule", &bundle_bytes(3_000, 0))]);
        let at = |file: &str| tree.0.path().join(file);
        symlink(outside.0.path().join("secret"), at("link.mule")).unwrap();
        symlink(outside.0.path().join("packmule"), at("packmule")).unwrap();
        symlink(tree.0.path(), at("loop")).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe.mule"), fifo, mode, 0).unwrap();
        let name = "evil\u{1b}[2J\n.mule";
        tree.add(name, &bundle_bytes(3_000, 0));

        let scan = tree.scan();
        assert_eq!(tree.paths(&scan.bundles), [name, "folder.mule/inside.mule"]);
        assert!(scan.torn.is_empty() && scan.problems.is_empty(), "{scan:?}");
    }

    #[test]
    fn bundles_in_packmule_s_own_folder_are_found_before_the_count_runs_out() {
        let tree = Tree::new(&[("packmule/a-to-b/x.mule", &bundle_bytes(3_000, 0))]);
        for number in 0..50 {
            tree.add(&format!("photos/{number}.jpg"), b"x");
        }
        let mut search = Search { size_max: LIMIT, entries_left: 20, scan: Scan::default() };
        search.place(tree.0.path());
        assert_eq!(tree.paths(&search.scan.bundles), ["packmule/a-to-b/x.mule",]);
        assert!(matches!(search.scan.problems.as_slice(), [Error::TooManyFiles { .. }]));
    }
}
