//! What the program does inside the kernel that is going to lose its power. It tells on the console what came of it.
//!
//! The acts, one after the other, with commas between them:
//!
//! | act | does |
//! |---|---|
//! | `mount:DRIVE:OPTIONS` | mounts the stick at /mnt; DRIVE is `plain`, `lying` (says that it stores, and does not), `half` (its second half is its first), `holed-FROM-COUNT` (sectors that cannot be read) |
//! | `put:COUNT` | puts bundles 1 to COUNT on the stick as an export does, and tells of each |
//! | `cut-at:SEQ:STEP` | a later `put` loses the power at this step of this bundle |
//! | `pull-at:SEQ:STEP` | a later `put` loses the stick at this step: every access fails from then on |
//! | `cut-after:MS` | the power goes so many milliseconds later, whatever happens then |
//! | `cut` | the power goes now |
//! | `read` | looks for bundles on the stick and compares each with the outbox |
//! | `fill:KIB` | fills the stick with a large file until so much is free |
//! | `shout` | makes the folder that packmule uses in capitals, as old systems do |
//! | `rename` | writes a bundle the usual way: another name, sync, rename, sync of the folder |

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use packmule::mailbox::{Outcome, Stick};
use packmule::monitor::{Monitor, Step};

use crate::kernel::{OUTBOX, name};

const MOUNT: &str = "/mnt";

/// Does everything in `acts`.
pub(crate) fn act(acts: &str) {
    std::panic::set_hook(Box::new(|panic| tell(&format!("panic {}", panic.to_string().replace('\n', " ")))));
    let mut fate = Fate::default();
    for act in acts.split(',') {
        let words: Vec<&str> = act.split(':').collect();
        match words[..] {
            ["mount", drive, options] => mount(drive, options),
            ["put", count] => put(count.parse().unwrap(), &fate),
            ["cut-at", seq, step] => fate.cut = Some((seq.parse().unwrap(), step.to_owned())),
            ["pull-at", seq, step] => fate.pull = Some((seq.parse().unwrap(), step.to_owned())),
            ["cut-after", ms] => {
                let wait = Duration::from_millis(ms.parse().unwrap());
                // Before the clock starts: a power that goes at once must not look like a kernel that never came up.
                tell(&format!("cut in {ms} ms"));
                std::thread::spawn(move || {
                    std::thread::sleep(wait);
                    cut();
                });
            }
            ["cut"] => cut(),
            ["read"] => read(),
            ["fill", kib] => fill(kib.parse().unwrap()),
            ["shout"] => fs::create_dir_all(Path::new(MOUNT).join("PACKMULE/LAB-A-TO-CENTRAL")).unwrap(),
            ["rename"] => rename(),
            _ => panic!("no such act: {act}"),
        }
    }
    tell("end");
}

/// A word to the test outside.
fn tell(words: &str) {
    println!("media: {words}");
}

/// Ends the kernel at once. Nothing that waits in its memory reaches the stick.
fn cut() -> ! {
    let _ = std::io::stdout().flush();
    fs::write("/proc/sysrq-trigger", "o").unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn run(program: &str, arguments: &[&str]) {
    let ended = Command::new(program).args(arguments).status();
    assert!(ended.unwrap().success(), "{program} {arguments:?}");
}

fn mount(drive: &str, options: &str) {
    let disk = "/dev/ubda";
    let sectors: u64 = fs::read_to_string("/sys/block/ubda/size").unwrap().trim().parse().unwrap();
    let half = sectors / 2;
    let table = match drive.split('-').collect::<Vec<_>>()[..] {
        ["plain"] => format!("0 {sectors} linear {disk} 0"),
        // Never up, and down for good: reads go on, writes are dropped and reported as done.
        ["lying"] => format!("0 {sectors} flakey {disk} 0 0 1 1 drop_writes"),
        ["half"] => format!("0 {half} linear {disk} 0\n{half} {half} linear {disk} 0"),
        ["holed", from, count] => {
            let (from, count): (u64, u64) = (from.parse().unwrap(), count.parse().unwrap());
            let (behind, rest) = (from + count, sectors - from - count);
            format!("0 {from} linear {disk} 0\n{from} {count} error\n{behind} {rest} linear {disk} {behind}")
        }
        _ => panic!("no such drive: {drive}"),
    };
    fs::write("/run/table", table).unwrap();
    run("dmsetup", &["create", "--noudevsync", "stick", "/run/table"]);
    run("dmsetup", &["mknodes"]);
    run("mount", &["-t", "vfat", "-o", options, "/dev/mapper/stick", MOUNT]);
}

/// What is to happen at which step of which bundle.
#[derive(Default)]
struct Fate {
    cut: Option<(u64, String)>,
    pull: Option<(u64, String)>,
}

/// Hears at which step the work is.
struct Listening<'a> {
    seq: u64,
    fate: &'a Fate,
}

impl Monitor for Listening<'_> {
    fn step(&self, step: Step) {
        let now = Some((self.seq, step.name().to_owned()));
        if self.fate.cut == now {
            tell(&format!("cut at {}", step.name()));
            cut();
        }
        if self.fate.pull == now {
            tell(&format!("pulled at {}", step.name()));
            run("dmsetup", &["suspend", "--noflush", "--nolockfs", "stick"]);
            run("dmsetup", &["wipe_table", "--noflush", "--nolockfs", "stick"]);
        }
    }
}

/// As `export` does: each bundle is put, then all are looked at once more.
fn put(count: u64, fate: &Fate) {
    let stick = Stick::open(MOUNT).unwrap();
    let mut done = Vec::new();
    for seq in 1..=count {
        let path = Path::new(OUTBOX).join(name(seq).to_string());
        let mut source = File::open(&path).unwrap();
        let size_bytes = source.metadata().unwrap().len();
        // Whole is what is equal to a bundle of the outbox.
        let is_whole = |path: &Path| is_whole(path);
        let monitor = Listening { seq, fate };
        match stick.put(&name(seq), &mut source, size_bytes, &is_whole, &monitor) {
            Ok(put) => {
                let outcome = match put.outcome {
                    Outcome::Written => "written",
                    Outcome::Replaced => "replaced",
                    Outcome::AlreadyThere => "there",
                };
                tell(&format!("put {seq} {outcome}"));
                done.push((seq, put, source));
            }
            Err(error) => {
                tell(&format!("refused {seq} {error:?}: {error}").replace('\n', " "));
                return;
            }
        }
    }
    for (seq, put, mut source) in done {
        if let Err(error) = stick.check(&put, &mut source, &Listening { seq, fate: &Fate::default() }) {
            tell(&format!("refused {seq} {error:?}: {error}").replace('\n', " "));
            return;
        }
    }
    tell("done");
}

fn is_whole(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    let outbox = fs::read_dir(OUTBOX).unwrap().map(|entry| entry.unwrap().path());
    outbox.map(|path| fs::read(path).unwrap()).any(|bundle| bundle == bytes)
}

fn read() {
    const SIZE_MAX: u64 = 512 << 20;
    let stick = Stick::open(MOUNT).unwrap();
    let scan = stick.list(SIZE_MAX);
    let mut found: Vec<_> = scan.bundles.iter().chain(&scan.torn).map(|found| found.path.clone()).collect();
    found.sort();
    for path in found {
        let shown = path.display();
        let mut bytes = Vec::new();
        let opened = stick.open_bundle(&path).map_err(|error| error.to_string());
        let read =
            opened.and_then(|mut file| file.read_to_end(&mut bytes).map_err(|error| error.to_string()));
        let seq = (1..1_000).take_while(|seq| Path::new(OUTBOX).join(name(*seq).to_string()).exists());
        let mut same =
            seq.filter(|seq| fs::read(Path::new(OUTBOX).join(name(*seq).to_string())).unwrap() == bytes);
        match (read, same.next()) {
            (Err(error), _) => tell(&format!("unreadable {shown}: {error}")),
            (Ok(_), Some(seq)) => tell(&format!("whole {seq}")),
            (Ok(_), None) => tell(&format!("torn {shown}")),
        }
    }
}

fn fill(kib: u64) {
    let free = Stick::open(MOUNT).unwrap().free_bytes().unwrap();
    let mut file = File::create(Path::new(MOUNT).join("holiday.avi")).unwrap();
    let piece = vec![7; 1 << 16];
    let mut left = free - (kib << 10);
    while left > 0 {
        let length = left.min(piece.len() as u64);
        file.write_all(&piece[..length as usize]).unwrap();
        left -= length;
    }
    file.sync_all().unwrap();
}

/// How a file is written safely on other file systems; see the test that uses it.
fn rename() {
    let bytes = fs::read(Path::new(OUTBOX).join(name(1).to_string())).unwrap();
    let (part, whole) = (Path::new(MOUNT).join("1.part"), Path::new(MOUNT).join("1.mule"));
    let mut file = File::create(&part).unwrap();
    file.write_all(&bytes).unwrap();
    file.sync_all().unwrap();
    fs::rename(&part, &whole).unwrap();
    drop(file);
    File::open(MOUNT).unwrap().sync_all().unwrap();
    tell(&format!("renamed {}", fs::metadata(&whole).unwrap().len()));
}
