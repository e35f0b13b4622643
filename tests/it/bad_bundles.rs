//! Bundles that must not be applied: foreign, forged, swapped, too new, of a site that may not speak. Whatever is wrong,
//! nothing is changed, the file is named, and bundles that are good are applied beside it.

use std::fs;
use std::path::{Path, PathBuf};

use packmule::bundle::SigningKey;

use crate::harness::{
    Anatomy, Pair, Ran, TestSite, bundles_in, contents, files, resigned, signing_key, stripped_and_signed,
};

#[test]
fn a_bundle_that_is_not_what_its_site_signed_is_code_14() {
    let scene = Scene::new();
    let (of_a, of_b) = (&scene.of_a, &scene.of_b);
    let (key_a, key_b) = (signing_key(scene.pair.lab()), signing_key(scene.pair.other("lab-b")));
    let stranger = SigningKey::generate().unwrap();
    let swapped = |bundle: &[u8], other: &[u8]| {
        let (ours, theirs) = (Anatomy::of(bundle).payload, Anatomy::of(other).payload);
        [&bundle[..ours.start], &other[theirs.start..]].concat()
    };
    // From somebody whose key nobody knows, in the name of a lab.
    scene.refused(
        &resigned(of_a, "\"changes\"", "\"receipt\"", &stranger),
        &["is signed with key", "which belongs to no enrolled site"],
    );
    // From an enrolled lab, in the name of another.
    scene.refused(
        &resigned(of_b, "\"lab-b\"", "\"lab-a\"", &key_b),
        &["says that it is from lab-a, but lab-b has signed it", "tell the centre"],
    );
    // The content of another lab, stripped of its manifest and signed again.
    scene.refused(&stripped_and_signed(of_a, of_b, &key_b), &["holds the content of another bundle"]);
    // The content of two good bundles of one lab exchanged.
    scene.refused(&swapped(of_a, of_b), &["is damaged"]);
    scene.refused(
        &stripped_and_signed(&scene.second_of_a, of_a, &key_a),
        &["holds the content of another bundle"],
    );
    // Signed properly by a program that is newer than this one.
    scene.refused(
        &resigned(of_a, "packmule/1", "packmule/2", &key_a),
        &["needs a newer packmule: ", "install the newer packmule here"],
    );
    // Changed and not signed again.
    let mut altered = of_a.clone();
    let manifest = Anatomy::of(of_a).manifest;
    let at = of_a[manifest.clone()].windows(9).position(|bytes| bytes == b"\"changes\"").unwrap();
    altered[manifest.start + at..manifest.start + at + 9].copy_from_slice(b"\"receipt\"");
    scene.refused(&altered, &["is damaged or was altered: its signature does not fit"]);
    // Another file under a bundle's name, and a bundle packed again.
    scene.refused(&fs::read(scene.pair.lab().config()).unwrap(), &["is not a bundle", "nothing was changed"]);
    scene.refused(&packed_again(of_a), &["is not a bundle", "packed again by another program"]);
    scene.rest_is_applied();
}

#[test]
fn a_bundle_for_another_site_is_left_for_it() {
    let scene = Scene::new();
    let lab = scene.pair.other("lab-b");
    let before = (contents(lab), files(&lab.state()));
    let at_lab = |arguments: &[&str]| lab.run(arguments);
    at_lab(&["import", "--no-reply", scene.pair.stick()])
        .code(14)
        .says("bundle 1 is not for this site")
        .says("cause: it is from lab-a, for central; this is lab-b; nothing was changed")
        .says("hint: pass the stick on to central");
    let file = bundles_in(&scene.pair.stick).remove(0);
    at_lab(&["verify", word(&file)]).never_says("insert");
    at_lab(&["inspect", word(&file)]).ok().says("lab-a").never_says("shelves");
    assert_eq!((contents(lab), files(&lab.state())), before);
    scene.rest_is_applied();
}

#[test]
fn a_site_that_was_suspended_or_revoked_is_not_listened_to() {
    let scene = Scene::new();
    let central = scene.pair.central();
    for state in ["suspended", "revoked"] {
        central.sql(&format!("UPDATE packmule_site SET state = '{state}' WHERE name = 'lab-a'"));
        let before = (contents(central), files(&central.state()));
        let folder = scene.pair.stick.join("packmule/lab-a-to-central");
        central
            .run(&["import", "--no-reply", word(&folder)])
            .code(14)
            .says(&format!("lab-a is {state} here; nothing was changed"));
        assert_eq!((contents(central), files(&central.state())), before);
    }
    central.sql("UPDATE packmule_site SET state = 'active'");
    scene.rest_is_applied();
}

#[test]
fn a_bundle_whose_key_was_never_enrolled_here_is_not_known() {
    let scene = Scene::new();
    let central = scene.pair.central();
    central.sql(
        "CREATE TABLE kept AS SELECT * FROM packmule_site; DELETE FROM packmule_site WHERE name = 'lab-a'",
    );
    let before = contents(central);
    let folder = scene.pair.stick.join("packmule/lab-a-to-central");
    let ran =
        central.run(&["import", "--no-reply", word(&folder)]).code(14).says("belongs to no enrolled site");
    ran.says("packmule enrol lab-a.card");
    assert_eq!(contents(central), before);
    central.sql("INSERT INTO packmule_site SELECT * FROM kept WHERE name = 'lab-a'; DROP TABLE kept");
    scene.rest_is_applied();
}

#[test]
fn a_bundle_sealed_for_other_keys_cannot_be_opened_and_changes_nothing() {
    let scene = Scene::new();
    let central = scene.pair.central();
    let key = central.state().join("keys/encrypt.key");
    let good = fs::read(&key).unwrap();
    fs::write(&key, packmule::bundle::Identity::generate().to_text().as_bytes()).unwrap();
    let before = contents(central);
    let folder = scene.pair.stick.join("packmule/lab-a-to-central");
    central
        .run(&["import", "--no-reply", word(&folder)])
        .code(14)
        .says("cannot be opened with this site's encryption key")
        .says("was this site set up anew?");
    assert_eq!(contents(central), before);
    fs::write(&key, good).unwrap();
    scene.rest_is_applied();
}

#[test]
fn a_bundle_that_deletes_most_of_a_table_needs_a_person() {
    let pair = Pair::new();
    let rows: Vec<String> = (1..=1_500).map(|at| format!("({at}, 'shelf {at}')")).collect();
    pair.lab().sql(&format!("INSERT INTO shelves VALUES {}", rows.join(", ")));
    pair.exchange();
    pair.lab().sql("DELETE FROM shelves WHERE id > 100");
    pair.export().ok();
    let before = contents(pair.central());
    pair.import()
        .code(1)
        .says("stopped before changing anything")
        .says("of 1 500 rows (")
        .says("in table shelves")
        .says("the limit is 20%");
    assert_eq!(contents(pair.central()), before);
    let percent = ["import", "--max-delete", "95", pair.stick()];
    pair.central().run(&percent).code(18);
    pair.central()
        .run(&["import", "--no-reply", "-n", "--yes", "--max-delete", "95", pair.stick()])
        .ok()
        .says("would apply 1 400 changes");
    assert_eq!(contents(pair.central()), before);
    pair.central().run(&["import", "--no-reply", "--yes", "--max-delete", "95", pair.stick()]).ok();
    pair.assert_exactly_once();
}

/// Bundles of two labs on one stick, none of them applied.
struct Scene {
    pair: Pair,
    of_a: Vec<u8>,
    second_of_a: Vec<u8>,
    of_b: Vec<u8>,
}

impl Scene {
    fn new() -> Scene {
        let pair = Pair::among(&["lab-a", "lab-b"]);
        let other = pair.other("lab-b");
        other.sql("INSERT INTO shelves VALUES (500, 'of lab-b')");
        other.run(&["export", pair.stick()]).ok();
        for _ in 0..2 {
            pair.edit();
            pair.export().ok();
        }
        let read = |folder: &str| {
            let paths = bundles_in(&pair.stick.join("packmule").join(folder));
            paths.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
        };
        let [of_a, second_of_a] = read("lab-a-to-central").try_into().unwrap();
        let [of_b] = read("lab-b-to-central").try_into().unwrap();
        Scene { pair, of_a, second_of_a, of_b }
    }

    /// Fails the test unless the centre refuses this file with these words and changes nothing.
    #[track_caller]
    fn refused(&self, bundle: &[u8], words: &[&str]) {
        let central = self.pair.central();
        let stick = tempfile::tempdir().unwrap();
        let path = stick.path().join("bad.mule");
        fs::write(&path, bundle).unwrap();
        let state = |site: &TestSite<'_>| (contents(site), files(&site.state()));
        let before = state(central);
        // By the stick and by its name; verified, too.
        let by_stick = ["import", "--no-reply", word(stick.path())];
        let by_name = ["import", "--no-reply", word(&path)];
        for arguments in [&by_stick[..], &by_name[..], &["verify", word(&path)][..]] {
            let ran = central.run(arguments).code(14).says(".mule").says("  cause: ").says("  hint: ");
            words.iter().fold(ran, |ran: Ran, words| ran.says(words));
            assert_eq!(state(central), before, "{words:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), bundle, "the file is left as it is");
    }

    /// What is good is applied after all that.
    #[track_caller]
    fn rest_is_applied(&self) {
        let central = self.pair.central();
        self.pair.import().ok();
        let applied = central.query("SELECT from_site, seq FROM packmule_bundle ORDER BY 1, 2");
        assert_eq!(applied.len(), 3, "{applied:?}");
        assert_eq!(central.value("SELECT name FROM shelves WHERE id = 500"), "of lab-b");
        assert_eq!(central.rows("items"), self.pair.lab().rows("items"));
        assert_eq!(files(&central.state().join("inbox")), [] as [PathBuf; 0]);
    }
}

/// The same three members, packed by GNU tar with owners and times.
fn packed_again(bundle: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let Anatomy { manifest, signature, payload } = Anatomy::of(bundle);
    let members = [
        ("manifest.json", manifest),
        ("manifest.json.minisig", signature),
        ("changes.ndjson.zst.age", payload),
    ];
    let mut tar = std::process::Command::new("tar");
    tar.current_dir(&folder).args(["--format=ustar", "--mtime=2026-11-08", "-cf", "packed.tar"]);
    for (name, content) in members {
        fs::write(folder.path().join(name), &bundle[content]).unwrap();
        tar.arg(name);
    }
    assert!(tar.status().unwrap().success());
    fs::read(folder.path().join("packed.tar")).unwrap()
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
