//! What people and their computers do to a stick.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Anatomy, Pair, bundles_in, contents, files};

#[test]
fn the_same_stick_imported_again_changes_nothing() {
    let pair = Pair::new();
    for _ in 0..2 {
        pair.edit();
        pair.exchange();
    }
    let before = (contents(pair.central()), files(&pair.central().state()));
    for _ in 0..2 {
        pair.import().ok().says("already applied, skipped").says("Nothing was changed.");
        assert_eq!((contents(pair.central()), files(&pair.central().state())), before);
    }
    pair.assert_exactly_once();
}

#[test]
fn an_export_without_edits_makes_no_bundle() {
    let pair = Pair::new();
    pair.export().ok().says("Nothing has changed yet");
    assert_eq!(bundles_in(&pair.stick), [] as [PathBuf; 0]);
    pair.edit();
    pair.exchange();
    let before = (contents(pair.lab()), read(&pair.stick));
    pair.export().ok().says("Nothing has changed since bundle 1.").says("You can take the stick out now");
    assert_eq!((contents(pair.lab()), read(&pair.stick)), before);
}

#[test]
fn a_stick_destroyed_after_done_costs_nothing() {
    let pair = Pair::new();
    pair.edit();
    pair.export().ok().says("You can take the stick out now");
    let lost = read(&pair.stick);
    fs::remove_dir_all(&pair.stick).unwrap();
    pair.export().code(13).says("there is no folder");
    fs::create_dir(&pair.stick).unwrap();
    pair.edit();
    pair.export().ok().says("Bundle 1 for central is on the stick too, not confirmed yet.");
    let again = read(&pair.stick);
    assert!(lost.iter().all(|file| again.contains(file)), "the same bytes again");
    assert_eq!(bundles_in(&pair.stick).len(), 2);
    pair.import().ok();
    pair.assert_exactly_once();
}

#[test]
fn renamed_copied_and_moved_bundles_are_found_among_litter() {
    let pair = Pair::new();
    for _ in 0..5 {
        pair.edit();
        pair.export().ok();
    }
    let bundles = bundles_in(&pair.stick);
    // On the same drive: files are moved there.
    let outside = tempfile::tempdir_in(pair.stick.parent().unwrap()).unwrap();
    let at = |name: &str| pair.stick.join(name);
    fs::create_dir_all(at("From Grace/2026/nov")).unwrap();
    fs::create_dir_all(at("photos.mule/inside")).unwrap();
    fs::create_dir_all(at(".Trash-1000/files")).unwrap();
    fs::create_dir_all(at("System Volume Information")).unwrap();
    // One renamed, one as a browser names a second download, one moved, one in a folder that looks like a bundle.
    let renamed = at("packmule/lab-a-to-central/\u{1b}[2Jbundle\none");
    fs::rename(&bundles[0], &renamed).unwrap();
    fs::copy(&bundles[1], bundles[1].with_extension("mule (1)")).unwrap();
    fs::rename(&bundles[2], at("From Grace/2026/nov/DATA.BIN")).unwrap();
    fs::rename(&bundles[3], at("photos.mule/inside/4")).unwrap();
    fs::rename(&bundles[4], outside.path().join("five")).unwrap();
    // What must be passed over: links out of the stick and in circles, a pipe, and what systems leave behind.
    symlink(outside.path().join("five"), at("link.mule")).unwrap();
    symlink(outside.path(), at("folder")).unwrap();
    symlink(&pair.stick, at("circle")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe.mule")).status().unwrap().success());
    for name in ["._bundle.mule", ".Trash-1000/files/x.mule", "Thumbs.db", "letter.docx", "autorun.inf"] {
        fs::write(at(name), vec![0xA5; 5_000]).unwrap();
    }
    let before = files(&pair.stick);
    let ran = pair.import().ok();
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    assert_eq!(pair.central().count("packmule_bundle"), 4);
    assert_eq!(files(&pair.stick), before, "an import leaves the stick as it is");
    fs::rename(outside.path().join("five"), at("5 (1).mule")).unwrap();
    pair.import().ok();
    pair.assert_exactly_once();
    // The lab finds its own names free or taken, and puts everything there again.
    pair.export().ok();
    assert_eq!(
        read(&pair.lab().state().join("outbox")),
        read(&at("packmule/lab-a-to-central"))
            .into_iter()
            .filter(|(name, _)| name.ends_with(".mule") && name.starts_with("lab-a."))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_bundle_among_a_hundred_thousand_files_is_found() {
    let pair = Pair::new();
    pair.edit();
    pair.export().ok();
    let bundle = bundles_in(&pair.stick).remove(0);
    let deep = pair.stick.join("DCIM/zz");
    fs::create_dir_all(&deep).unwrap();
    fs::rename(bundle, deep.join("zz (1)")).unwrap();
    for folder in 0..100 {
        let folder = pair.stick.join(format!("DCIM/{folder:02}"));
        fs::create_dir(&folder).unwrap();
        (0..1_000).for_each(|number| drop(fs::File::create(folder.join(number.to_string())).unwrap()));
    }
    pair.import().ok().says("applied");
    pair.assert_exactly_once();
}

#[test]
fn a_torn_copy_is_named_not_applied_and_replaced_by_the_next_export() {
    let pair = Pair::new();
    pair.edit();
    pair.exchange();
    pair.edit();
    pair.export().ok();
    let path = bundles_in(&pair.stick).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let (length, payload) = (whole.len(), Anatomy::of(&whole).payload);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        bytes
    };
    let zero_tail = [&whole[..length / 2], &vec![0; length - length / 2]].concat();
    let torn = [
        (Vec::new(), "damaged"),
        (whole[..100].to_vec(), "damaged"),
        (whole[..2_600].to_vec(), "damaged: "),
        (whole[..length / 2].to_vec(), "damaged: "),
        (whole[..length - 1].to_vec(), "damaged: "),
        (vec![0; length], "it holds only zeros where it should begin"),
        (zero_tail, "damaged"),
        (flipped(payload.start + 7), "damaged: chunk 1 of 1 is not the one that was signed"),
        (flipped(600), "its signature does not fit"),
    ];
    let before = contents(pair.central());
    for (bytes, words) in torn {
        fs::write(&path, &bytes).unwrap();
        let ran = pair.import().code(14).says(words).says("0000000002.mule").says("nothing was changed");
        ran.says(
            "ask lab-a to run `packmule export` again and to wait for \"You can take the stick out now\"",
        );
        assert_eq!(contents(pair.central()), before, "{words}");
        assert_eq!(files(&pair.central().state().join("inbox")), [] as [PathBuf; 0]);
        pair.export().ok().says("You can take the stick out now");
        assert_eq!(fs::read(&path).unwrap(), whole, "{words}");
    }
    pair.import().ok();
    pair.assert_exactly_once();
}

#[test]
fn a_damaged_bundle_holds_up_nothing_but_what_follows_it() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    for _ in 0..3 {
        pair.edit();
        pair.export().ok();
    }
    let other = pair.other("lab-b");
    other.sql("INSERT INTO shelves VALUES (500, 'of lab-b')");
    other.run(&["export", pair.stick()]).ok();
    let second = bundles_in(&pair.stick.join("packmule/lab-a-to-central")).remove(1);
    let length = fs::metadata(&second).unwrap().len();
    fs::File::options().write(true).open(&second).unwrap().set_len(length / 2).unwrap();
    pair.import().code(14).says("bundle 2 of lab-a has not arrived");
    assert_eq!(pair.central().query("SELECT from_site, seq FROM packmule_bundle ORDER BY 1").len(), 2);
    assert_eq!(pair.central().value("SELECT name FROM shelves WHERE id = 500"), "of lab-b");
    pair.export().ok();
    pair.import().ok();
    assert_eq!(pair.central().value("SELECT COUNT(*) FROM packmule_bundle WHERE from_site = 'lab-a'"), "3");
}

#[test]
fn a_stick_of_other_sites_and_other_centres_is_left_as_it_is() {
    let (pair, strangers) = (Pair::new(), Pair::new());
    for one in [&pair, &strangers] {
        one.edit();
        one.lab().run(&["export", pair.stick()]).ok();
    }
    // Both centres have a lab of the same name; the names of the files differ all the same.
    let before = read(&pair.stick);
    assert_eq!(bundles_in(&pair.stick).len(), 2);
    pair.import().code(14).says("belongs to no enrolled site").says("applied");
    assert_eq!(read(&pair.stick), before);
    pair.assert_exactly_once();
    pair.edit();
    pair.export().ok();
    let after = read(&pair.stick);
    assert!(before.iter().all(|file| after.contains(file)), "what was there is there");
}

/// The files of a folder, by their names in it.
fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    files(folder)
        .into_iter()
        .filter(|path| path.symlink_metadata().unwrap().is_file())
        .map(|path| (name(&path), fs::read(&path).unwrap()))
        .collect()
}
