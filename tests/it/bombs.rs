//! Small bundles of an enrolled lab that would become large, deep or endless when they are read: each is refused, and 64 MiB are
//! enough for that, because the system gives the program no more.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::{Pair, Ran, TestSite, Villain, contents, inserted, peak_memory_kib, table};

use packmule::model::ColumnKind::{Integer, Text};

/// What may be in memory beside the program's own code; with that it is 64 MiB.
const PEAK_KIB_MAX: u64 = 48 << 10;

/// What it may ask for, the stacks of its threads and all that it has freed again included.
const DATA_KIB_MAX: u64 = 72 << 10;

/// The largest block of a zstd frame.
const BLOCK: usize = 128 << 10;

/// A bomb's name, its compressed bytes, how much the manifest says they become, and what is said of it.
type Bomb = (&'static str, Vec<u8>, u64, &'static str);

#[test]
fn bombs_signed_by_an_enrolled_lab_are_refused_in_64_mib_and_nothing_is_changed() {
    let pair = Pair::among(&["lab-a", "lab-b"]);
    let central = pair.central();
    let mut villain = Villain::new(pair.lab(), central);
    let head = villain.head_line();
    let before = contents(central);
    for (name, compressed, plaintext_bytes, words) in bombs(&head) {
        assert!(compressed.len() < 1 << 20, "{name} has {} bytes", compressed.len());
        let stick = pair.lab().stick(name);
        fs::write(stick.join("bomb.mule"), villain.around(&compressed, plaintext_bytes)).unwrap();
        let ran = in_64_mib(central, &["import", "--no-reply", stick.to_str().unwrap()]);
        ran.code(14).says(words).says("lab-a.central.").says("  hint: ");
        assert_eq!(contents(central), before, "{name}");
    }
    // The same program in as much memory does its work.
    let shelves = table("shelves", &[("id", Integer), ("name", Text)]);
    let stick = villain.put(&[(shelves, vec![inserted(&["1", "good"])])]);
    in_64_mib(central, &["import", "--no-reply", stick.to_str().unwrap()]).ok();
    assert_eq!(central.value("SELECT name FROM shelves"), "good");
}

fn bombs(head: &str) -> Vec<Bomb> {
    let gib = (1 << 30) / BLOCK;
    let most = (16 << 30) - (1 << 20);
    let columns = r#"{"table":"shelves","columns":[["id","integer"],["name","text"]],"key":["id"]}"#;
    let start = format!("{head}\n{columns}\n");
    let line = |text: &str| zstd::encode_all(format!("{start}{text}\n").as_bytes(), 3).unwrap();
    let twice = head.replacen(r#""seq":1"#, r#""seq":1,"seq":1"#, 1);
    assert_ne!(head, twice);
    let not_utf8 =
        [start.as_bytes(), b"[\"I\",[\"1\",\"\xff\"],null,\"2026-11-08T12:00:00.000000Z\"]\n"].concat();
    vec![
        (
            "line-of-a-gib",
            frame(23, format!("{start}[").as_bytes(), b'[', gib),
            most,
            "longer than a line may be",
        ),
        ("head-of-a-gib", frame(23, b"{", b' ', gib), most, "in line 1: "),
        ("gib-of-empty-lines", frame(23, start.as_bytes(), b'\n', gib), most, "in line 3: "),
        (
            "more-than-is-signed",
            frame(23, start.as_bytes(), b'x', gib),
            1 << 20,
            "more content than the manifest says",
        ),
        ("window-of-2-gib", frame(31, start.as_bytes(), b'x', 1), most, "in line 1: "),
        ("deep", line(&format!("[\"I\",{}", "[".repeat(10_000))), 1 << 20, "in line 3: "),
        ("deep-objects", line(&"{\"a\":".repeat(10_000)), 1 << 20, "in line 3: "),
        ("key-twice", zstd::encode_all(format!("{twice}\n").as_bytes(), 3).unwrap(), 1 << 20, "in line 1: "),
        ("not-utf8", zstd::encode_all(&*not_utf8, 3).unwrap(), 1 << 20, "in line 3: "),
    ]
}

/// A zstd frame that asks for this window and holds `start`, then so many of the largest blocks, all of one byte.
fn frame(window_log: u8, start: &[u8], fill: u8, blocks: usize) -> Vec<u8> {
    const RAW: usize = 0;
    const RUN: usize = 1;
    let head = |size: usize, kind: usize, is_last: bool| {
        let bits = u32::try_from(size << 3 | kind << 1 | usize::from(is_last)).unwrap();
        bits.to_le_bytes()[..3].to_vec()
    };
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    frame.extend(head(start.len(), RAW, false));
    frame.extend_from_slice(start);
    for block in 1..=blocks {
        frame.extend(head(BLOCK, RUN, block == blocks));
        frame.push(fill);
    }
    frame
}

/// Runs a command in 64 MiB: so much of it is in memory at most, as far as that can be seen, and for its data the system gives it
/// little more.
fn in_64_mib(site: &TestSite<'_>, arguments: &[&str]) -> Ran {
    let plain = site.command(arguments);
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit -d {DATA_KIB_MAX} && exec \"$0\" \"$@\"")]);
    command.arg(plain.get_program()).args(plain.get_args()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let (peak, output) = peak_memory_kib(command.spawn().unwrap());
    assert!(peak < PEAK_KIB_MAX, "{arguments:?} had {peak} KiB in memory");
    Ran::new(format!("in {DATA_KIB_MAX} KiB of data: packmule {}", arguments.join(" ")), &output)
}
