//! A stick, and the kernel that it is plugged into.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use packmule::model::BundleName;

/// What the program is to do inside; see [`crate::inside`].
pub(crate) const ACTS: &str = "MEDIA_ACTS";

/// Where the outbox lies inside.
pub(crate) const OUTBOX: &str = "/run/media/outbox";

/// A stick, and an outbox with bundles for it. Both outlive every power cut.
pub(crate) struct Stick {
    work: tempfile::TempDir,
    size_bytes: u64,
}

impl Stick {
    /// A new stick of so many MiB with a file system of FAT16 or FAT32, and bundles 1 to `bundles` of so many bytes each.
    pub(crate) fn new(mib: u64, fat: u32, bundles: u64, bundle_bytes: usize) -> Self {
        let work = tempfile::tempdir().unwrap();
        let stick = Stick { work, size_bytes: mib << 20 };
        File::create(stick.image()).unwrap().set_len(stick.size_bytes).unwrap();
        let formatted = Command::new("mkfs.vfat")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .args(["-F", &fat.to_string(), "-s", "8"])
            .arg(stick.image())
            .output();
        let formatted = formatted.expect("mkfs.vfat is Debian's package dosfstools");
        assert!(formatted.status.success(), "{formatted:?}");
        let outbox = stick.work.path().join("outbox");
        fs::create_dir(&outbox).unwrap();
        for seq in 1..=bundles {
            fs::write(outbox.join(name(seq).to_string()), bundle(seq, bundle_bytes)).unwrap();
        }
        stick
    }

    fn image(&self) -> PathBuf {
        self.work.path().join("stick.img")
    }

    /// The stick's size in sectors of 512 bytes.
    pub(crate) fn sectors(&self) -> u64 {
        self.size_bytes / 512
    }

    /// Boots a kernel with this stick, lets it do `acts`, and takes its power. Returns what it told, line by line.
    #[track_caller]
    pub(crate) fn boot(&self, acts: &str) -> Vec<String> {
        let init = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/init.sh");
        let program = std::env::current_exe().unwrap();
        let output = Command::new("timeout")
            .args(["120", "linux.uml", "rootfstype=hostfs", "rootflags=/", "ro", "mem=256M", "quiet"])
            .args(["con=null", "con0=null,fd:1", "con1=null"])
            .arg(format!("init={init}"))
            .arg(format!("ubd0={}", self.image().display()))
            .arg(format!("MEDIA_WORK={}", self.work.path().display()))
            .arg(format!("MEDIA_PROGRAM={}", program.display()))
            .arg(format!("{ACTS}={acts}"))
            .stdin(Stdio::null())
            .output()
            .expect("linux.uml is Debian's package user-mode-linux");
        let console = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let told: Vec<String> =
            console.lines().filter_map(|line| Some(line.split_once("media: ")?.1.to_owned())).collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!told.is_empty(), "the kernel told nothing: {console}\n{errors}");
        if let Some(panic) = told.iter().find(|line| line.starts_with("panic")) {
            panic!("inside: {panic}\n{console}");
        }
        told
    }

    /// The bundles that a kernel, booted anew, finds on the stick: their numbers, whole ones only, each compared by its bytes.
    #[track_caller]
    pub(crate) fn whole_bundles(&self) -> Vec<u64> {
        let told = self.boot("mount:plain:rw,read");
        told.iter().filter_map(|line| line.strip_prefix("whole ")?.parse().ok()).collect()
    }
}

/// The name of the lab's bundle `seq`.
pub(crate) fn name(seq: u64) -> BundleName {
    format!("lab-a.central.7f3a9c21.{seq:010}.mule").parse().unwrap()
}

/// Bytes that begin as a bundle does and then are like no other bundle's.
fn bundle(seq: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..14].copy_from_slice(b"manifest.json\0");
    bytes[257..265].copy_from_slice(b"ustar\x0000");
    let mut random = fastrand::Rng::with_seed(seq);
    bytes.resize_with(length, || random.u8(..));
    bytes
}
