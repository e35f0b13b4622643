//! Signed bundles of a hostile or broken sender: each is refused, soon, and without taking memory for it.

use std::io::{Read, Write};

use super::forge::{
    CENTRAL, LAB_A, around, around_plain, bundle, changes, compressed, encrypted, header, lines,
    payload_head, receive, refusal, resigned, ring, shape, table_line, with_end,
};
use super::limits::{LINE_BYTES_MAX, PLAINTEXT_BYTES_MAX, PLAINTEXT_STEP_BYTES};
use super::*;

/// The refusal of a bundle of lab-a with these lines behind the first, and a last line that fits.
fn with_lines(more: &[&str]) -> String {
    let header = header(&LAB_A);
    let plain = with_end(lines(&header, more), 0);
    refusal(&around_plain(&plain, &header, &LAB_A, &CENTRAL))
}

/// The refusal of a bundle whose plaintext is `start`, then `count` times `piece`.
fn streamed(start: &[u8], piece: &[u8], count: usize, plaintext_max: u64) -> String {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(start).unwrap();
    for _ in 0..count {
        encoder.write_all(piece).unwrap();
    }
    let payload = encrypted(&encoder.finish().unwrap(), &CENTRAL);
    refusal(&around(&payload, plaintext_max, &header(&LAB_A), &LAB_A))
}

#[test]
fn a_bomb_inside_the_signed_size_stops_at_the_signed_ceiling() {
    let start = lines(&header(&LAB_A), &[&table_line()]);
    let text = streamed(&start, &[b'\n'; 65_536], 1000, 100);
    assert_eq!(text, "has wrong content in line 3: it is not written in the one allowed form");
    let text = streamed(&start, &[b'x'; 65_536], 1000, 100);
    assert_eq!(text, "has wrong content in line 3: there is more content than the manifest says");
}

#[test]
fn a_line_longer_than_the_limit_is_refused_when_the_limit_is_reached() {
    let start = lines(&header(&LAB_A), &[&table_line()]);
    let pieces = LINE_BYTES_MAX / 1_048_576 + 8;
    let text = streamed(&start, &[b'['; 1_048_576], pieces, PLAINTEXT_BYTES_MAX - PLAINTEXT_STEP_BYTES);
    assert_eq!(text, "has wrong content in line 3: it is longer than a line may be");
    let text = streamed(b"{", &[b'x'; 1_048_576], 3, PLAINTEXT_STEP_BYTES * 100);
    assert_eq!(text, "has wrong content in line 1: the content ends without its last line");
    // An object has less room, and is not read on behind it.
    let text = streamed(b"{", &[b'x'; 1_048_576], 5, PLAINTEXT_STEP_BYTES * 100);
    assert_eq!(text, "has wrong content in line 1: it is longer than a line may be");
}

#[test]
fn a_row_that_is_too_large_is_not_written_and_the_payload_goes_on() {
    use crate::model::{Change, RowImage, Stamp, Value};
    let recipient = CENTRAL.identity.recipient();
    let mut writer =
        PayloadWriter::create(std::io::sink(), &payload_head(&header(&LAB_A)), &recipient).unwrap();
    writer.table(&shape()).unwrap();
    let large = Value::Bytes(vec![0; LINE_BYTES_MAX / 4 * 3]);
    let after = RowImage(vec![Value::Text("1".into()), Value::Null, large]);
    let error = writer.change(&Change::Insert { after, time: Stamp::from_micros(0) }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "is too large: a changed row would have 33554487 bytes, the limit is 33554432 bytes"
    );
    for change in changes() {
        writer.change(&change).unwrap();
    }
    assert_eq!(writer.finish().unwrap().1.counts.total(), 3);
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused() {
    let header = header(&LAB_A);
    let plain = with_end(lines(&header, &[]), 0);
    for (log, good) in [(23, true), (24, false), (31, false)] {
        // A frame by hand: magic, no flags, the window, one raw last block.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3];
        frame.extend_from_slice(&((plain.len() as u32) << 3 | 1).to_le_bytes()[..3]);
        frame.extend_from_slice(&plain);
        let file = around(&encrypted(&frame, &CENTRAL), plain.len() as u64, &header, &LAB_A);
        if good {
            assert_eq!(receive(&file, &CENTRAL, &ring()).unwrap(), []);
        } else {
            let text = "has wrong content in line 1: it cannot be decompressed from here on";
            assert_eq!(refusal(&file), text);
        }
    }
}

#[test]
fn layers_that_end_early_or_go_on_are_refused() {
    let header = header(&LAB_A);
    let plain = with_end(lines(&header, &[]), 0);
    let frame = compressed(&plain);
    let file = |payload: &[u8]| refusal(&around(payload, plain.len() as u64, &header, &LAB_A));
    let trailing = "has wrong content in line 3: there is something behind the last line";
    let two_frames = [frame.clone(), compressed(b"")].concat();
    assert_eq!(file(&encrypted(&two_frames, &CENTRAL)), trailing);
    let more = compressed(&[&plain[..], b"\n"].concat());
    assert_eq!(file(&encrypted(&more, &CENTRAL)), trailing);
    let cut_frame = &frame[..frame.len() - 1];
    let text = file(&encrypted(cut_frame, &CENTRAL));
    assert!(text.ends_with("it cannot be decompressed from here on"), "{text}");
    let sealed = encrypted(&frame, &CENTRAL);
    let text = "has wrong content in line 1: it cannot be decrypted from here on";
    assert_eq!(file(&sealed[..sealed.len() - 1]), text);
    assert_eq!(file(&[&sealed[..], b"x"].concat()), text);
    assert_eq!(file(&sealed[..100]), text);
    let cut_lines = lines(&header, &[]);
    let text = refusal(&around_plain(&cut_lines, &header, &LAB_A, &CENTRAL));
    assert_eq!(text, "has wrong content in line 2: the content ends without its last line");
}

#[test]
fn an_age_head_without_an_end_is_not_read_on_and_on() {
    let mut sealed = b"age-encryption.org/v1\n-> X25519 ".to_vec();
    sealed.resize(1_000_000, b'A');
    let text = refusal(&around(&sealed, 1, &header(&LAB_A), &LAB_A));
    assert_eq!(text, "has wrong content in line 1: it cannot be decrypted from here on");
}

#[test]
fn lines_that_break_a_rule_are_refused_by_their_reason() {
    let table = table_line();
    let wrong = |line: u64, why: &str| format!("has wrong content in line {line}: {why}");
    let form = "it is not written in the one allowed form";
    let insert = r#"["I",["1","a",null],null,"2026-11-08T16:40:00.000000Z"]"#;
    let deep = format!(r#"["I",{}"#, "[".repeat(10_000));
    let deep_object = format!(r#"{{"table":{}"#, "[".repeat(10_000));
    let twice = table.replacen("\"columns\"", "\"table\":\"t\",\"columns\"", 1);
    assert_eq!(with_lines(&[insert]), wrong(2, "there is a change before any table"));
    assert_eq!(
        with_lines(&[&table, insert]),
        wrong(4, "the counts in the last line are not those of the changes")
    );
    for line in [&deep, &deep_object, &twice, r#"{"rows":1}"#, "", "DROP TABLE t"] {
        assert_eq!(with_lines(&[&table, line]), wrong(3, form), "{line:.40}");
    }
    let header = header(&LAB_A);
    let mut plain = lines(&header, &[&table]);
    plain.extend_from_slice(b"[\"I\",[\"1\",\"\xff\",null],null,\"2026-11-08T16:40:00.000000Z\"]\n");
    let file = around_plain(&with_end(plain, 1), &header, &LAB_A, &CENTRAL);
    assert_eq!(refusal(&file), wrong(3, "it is not UTF-8"));
    let mut plain = with_end(lines(&header, &[&table, insert]), 1);
    let at = plain.len() - 200;
    plain[at..].iter_mut().find(|byte| **byte == b'a').map(|byte| *byte = b'b').unwrap();
    let file = around_plain(&plain, &header, &LAB_A, &CENTRAL);
    assert!(receive(&file, &CENTRAL, &ring()).is_err());
}

#[test]
fn a_receipt_bundle_has_no_tables() {
    let mut header = header(&LAB_A);
    header.kind = crate::model::BundleKind::Receipt;
    let digest = hashes::digest_of(b"theirs");
    let incarnation = header.stream.incarnation;
    header.receipt = Some(Receipt { incarnation, seq: crate::model::Seq::FIRST, digest });
    assert_eq!(receive(&bundle(&header, &LAB_A, &CENTRAL), &CENTRAL, &ring()).unwrap(), []);
    let plain = with_end(lines(&header, &[&table_line()]), 0);
    let text = refusal(&around_plain(&plain, &header, &LAB_A, &CENTRAL));
    assert_eq!(text, "has wrong content in line 2: a receipt bundle has no tables");
}

#[test]
fn a_manifest_that_breaks_a_rule_is_refused_by_its_reason() {
    let edit =
        |from: &str, to: &str| refusal(&resigned(&header(&LAB_A), &LAB_A, |text| text.replacen(from, to, 1)));
    let rule = |why: &str| format!("has a manifest that breaks the rules: {why}");
    let form = rule("it is not written in the one allowed form");
    let json = rule("it is not the JSON that it should be");
    let value = |key: &str| rule(&format!("its {key:?} has a value that cannot be"));
    assert_eq!(edit("packmule/1", "packmule/2"), r#"needs a newer packmule: format "packmule/2""#);
    assert_eq!(
        edit("\"critical\":[]", "\"critical\":[\"holograms\"]"),
        r#"needs a newer packmule: feature "holograms""#
    );
    assert_eq!(edit("\"changes\",", "\"gossip\","), r#"needs a newer packmule: kind "gossip""#);
    assert_eq!(edit("\"seq\":1", "\"seq\":1,\"seq\":1"), rule("the key \"seq\" stands in it twice"));
    assert_eq!(edit("\"size\"", "\"size\":7,\"size\""), json);
    assert_eq!(edit("\"seq\":1", "\"seq\": 1"), form);
    assert_eq!(edit("lab-a", "lab\\u002da"), form);
    assert_eq!(edit("{\"format\":\"packmule/1\",", "{\"a\":0,\"format\":\"packmule/1\","), form);
    assert_eq!(edit("\"seq\":1", "\"later\":0,\"seq\":1"), form);
    assert_eq!(edit("\"seq\":1", "\"seq\":\"1\""), json);
    assert_eq!(edit("\"seq\":1", "\"seq\":-1"), json);
    assert_eq!(edit("\"seq\":1", "\"seq\":0"), value("seq"));
    assert_eq!(
        edit("\"seq\":1", "\"seq\":2"),
        rule("bundle 1 has none before it, and every other bundle has one")
    );
    assert_eq!(edit("\"to\":\"central\"", "\"to\":\"lab-a\""), value("to"));
    assert_eq!(edit("\"to\":\"central\"", "\"to\":\"Central\""), value("to"));
    assert_eq!(edit("2026-11-08", "2026-11-31"), value("date"));
    assert_eq!(edit("\"chunk_size\":16777216", "\"chunk_size\":1"), value("chunk_size"));
    assert_eq!(edit("changes.ndjson.zst.age", "../../etc/passwd"), value("name"));
    assert_eq!(edit("\"chunks\":[", "\"chunks\":[\"\","), value("chunks"));
    let deep = format!("\"receipt\":{}", "[".repeat(10_000));
    assert_eq!(edit("\"receipt\":null", &deep), rule("it is nested too deep"));
    assert_eq!(edit("\"plaintext_max\":1048576", "\"plaintext_max\":17179869185"), value("plaintext_max"));
    let id = LAB_A.signing.verifying_key().id().to_string();
    assert_eq!(edit(&id, "0123456789ABCDEF"), value("signer"));
    let file = resigned(&header(&LAB_A), &LAB_A, |text| text.replace("7f3a", "0000"));
    assert_eq!(refusal(&file), rule("its signature was given for another bundle"));
}

#[test]
fn later_keys_behind_those_of_today_are_left_alone() {
    let later = |more: &str| {
        resigned(&header(&LAB_A), &LAB_A, |text| format!("{},{more}}}", &text[..text.len() - 1]))
    };
    assert_eq!(receive(&later(r#""colour":{"a":[1]}"#), &CENTRAL, &ring()).unwrap(), changes());
    let text = refusal(&later(r#""colour":1,"colour":2"#));
    assert_eq!(text, "has a manifest that breaks the rules: the key \"colour\" stands in it twice");
    let text = refusal(&later(r#""seq":1"#));
    assert_eq!(text, "has a manifest that breaks the rules: the key \"seq\" stands in it twice");
}

#[test]
fn a_payload_is_read_in_small_pieces_and_gives_the_same() {
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            let most = space.len().min(13);
            self.0.read(&mut space[..most])
        }
    }
    let file = bundle(&header(&LAB_A), &LAB_A, &CENTRAL);
    let verified = Unverified::read(&mut Drip(&file), file.len() as u64).unwrap().verify(&ring()).unwrap();
    let mut copy = Vec::new();
    let checked = verified.copy(&mut Drip(&file), &mut copy, &mut |_| {}).unwrap();
    assert_eq!(copy, file);
    let mut reader = checked.open(Drip(&copy), &CENTRAL.identity).unwrap();
    while reader.next().unwrap().is_some() {}
    assert_eq!(reader.counts().total(), 3);
}
