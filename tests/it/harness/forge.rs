//! Bundles as nobody should make them: taken apart, altered, and signed with whatever key is at hand.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use packmule::bundle::{
    Header, KeyRing, PayloadHead, PayloadSummary, PayloadWriter, SigningKey, Unverified, assemble,
};
use packmule::config::KeyFolder;
use packmule::model::{
    BundleKind, Change, Column, ColumnKind, Digest, RowImage, Seq, StreamId, TableName, TableShape, Value,
};

use sha2::{Digest as _, Sha256};

use super::site::TestSite;

/// Where the three members of a bundle lie.
#[derive(Debug)]
pub(crate) struct Anatomy {
    pub(crate) manifest: Range<usize>,
    pub(crate) signature: Range<usize>,
    pub(crate) payload: Range<usize>,
}

impl Anatomy {
    pub(crate) fn of(bundle: &[u8]) -> Anatomy {
        let mut at = 0;
        let mut member = || {
            let size = std::str::from_utf8(&bundle[at + 124..at + 135]).unwrap();
            let size = usize::from_str_radix(size, 8).unwrap();
            let content = at + 512..at + 512 + size;
            at = content.end.next_multiple_of(512);
            content
        };
        Anatomy { manifest: member(), signature: member(), payload: member() }
    }
}

/// A site's secret signing key.
pub(crate) fn signing_key(site: &TestSite<'_>) -> SigningKey {
    KeyFolder::new(&site.state()).open().unwrap().signing
}

/// A bundle with `from` replaced by `to`, of the same length, in its manifest, and signed again with `key`.
pub(crate) fn resigned(bundle: &[u8], from: &str, to: &str, key: &SigningKey) -> Vec<u8> {
    let Anatomy { manifest, signature, .. } = Anatomy::of(bundle);
    let text = std::str::from_utf8(&bundle[manifest.clone()]).unwrap().replace(from, to);
    assert!(
        text.len() == manifest.len() && text.as_bytes() != &bundle[manifest.clone()],
        "{from} is not there"
    );
    let old = std::str::from_utf8(&bundle[signature.clone()]).unwrap();
    let comment = old.lines().find_map(|line| line.strip_prefix("trusted comment: ")).unwrap();
    let new = key.sign(text.as_bytes(), comment).unwrap();
    assert_eq!(new.len(), old.len());
    let mut forged = bundle.to_vec();
    forged[manifest].copy_from_slice(text.as_bytes());
    forged[signature].copy_from_slice(new.as_bytes());
    forged
}

/// The payload of `bundle` in a bundle that says it is another's, properly made and signed with `key`.
pub(crate) fn stripped_and_signed(bundle: &[u8], own: &[u8], key: &SigningKey) -> Vec<u8> {
    let theirs = Unverified::read(&mut &*bundle, bundle.len() as u64).unwrap().claims().unwrap();
    let ring: KeyRing = [(own_site(own), key.verifying_key().clone())].into_iter().collect();
    let ours = Unverified::read(&mut &*own, own.len() as u64).unwrap().verify(&ring).unwrap();
    let ours = ours.manifest();
    let info = theirs.payload();
    let summary = PayloadSummary {
        size: info.size,
        sha256: info.sha256,
        chunks: info.chunks.clone(),
        plaintext_bytes: info.plaintext_max,
        counts: Default::default(),
    };
    let header = Header {
        kind: ours.kind(),
        stream: ours.stream().clone(),
        seq: ours.seq(),
        previous: ours.previous(),
        continues: ours.continues(),
        sealed_at: "2026-11-08T16:40:00.123456Z".parse().unwrap(),
        receipt: None,
        keys: None,
    };
    assemble(Vec::new(), &bundle[Anatomy::of(bundle).payload], &summary, &header, key).unwrap().0
}

/// A lab that means harm: it makes bundles by hand, and signs them with its own, enrolled key.
pub(crate) struct Villain<'a> {
    lab: &'a TestSite<'static>,
    central: &'a TestSite<'static>,
    stream: StreamId,
    seq: Seq,
    previous: Option<Digest>,
    pub(crate) kind: BundleKind,
    pub(crate) clock_offset_ms: Option<i64>,
    pub(crate) settings: BTreeMap<String, String>,
}

impl<'a> Villain<'a> {
    /// A lab that has sent nothing yet.
    pub(crate) fn new(lab: &'a TestSite<'static>, central: &'a TestSite<'static>) -> Villain<'a> {
        let incarnation = lab.value("SELECT incarnation FROM packmule_here").parse().unwrap();
        let stream =
            StreamId { from: lab.name().parse().unwrap(), incarnation, to: central.name().parse().unwrap() };
        let kind = BundleKind::Changes;
        let (clock_offset_ms, settings) = (None, BTreeMap::new());
        Villain { lab, central, stream, seq: Seq::FIRST, previous: None, kind, clock_offset_ms, settings }
    }

    /// The same in the name of another site.
    pub(crate) fn speaking_as(
        lab: &'a TestSite<'static>,
        central: &'a TestSite<'static>,
        from: &str,
        incarnation: &str,
    ) -> Villain<'a> {
        let mut villain = Villain::new(lab, central);
        villain.stream.from = from.parse().unwrap();
        villain.stream.incarnation = incarnation.parse().unwrap();
        if from == central.name() {
            villain.stream.to = lab.name().parse().unwrap();
        }
        villain
    }

    /// The next bundle gets this number, and names some bundle before it.
    pub(crate) fn jump_to(&mut self, seq: u64) {
        self.seq = Seq::new(seq).unwrap();
        self.previous = (seq > 1).then(|| Digest::from_bytes([7; 32]));
    }

    /// The next bundle in its stream, with these sections.
    pub(crate) fn bundle(&mut self, sections: &[(TableShape, Vec<Change>)]) -> Vec<u8> {
        let head = PayloadHead {
            stream: self.stream.clone(),
            seq: self.seq,
            sealed_at: NOON.parse().unwrap(),
            clock_offset_ms: self.clock_offset_ms,
            settings: self.settings.clone(),
        };
        let recipient = KeyFolder::new(&self.central.state()).open().unwrap().identity.recipient();
        let mut writer = PayloadWriter::create(Vec::new(), &head, &recipient).unwrap();
        for (shape, changes) in sections {
            writer.table(shape).unwrap();
            changes.iter().for_each(|change| writer.change(change).unwrap());
        }
        let (payload, summary) = writer.finish().unwrap();
        let (header, key) = (self.header(), signing_key(self.lab));
        assemble(Vec::new(), payload.as_slice(), &summary, &header, &key).unwrap().0
    }

    /// The first line of the next bundle's payload.
    pub(crate) fn head_line(&self) -> String {
        let StreamId { from, incarnation, to } = &self.stream;
        format!(
            r#"{{"from":"{from}","to":"{to}","incarnation":"{incarnation}","seq":{},"sealed_at":"{NOON}","clock_offset_ms":null,"settings":{{}}}}"#,
            self.seq
        )
    }

    /// The next bundle in its stream around a payload that is compressed already, whatever that holds, with this much as the
    /// size that it is said to become.
    pub(crate) fn around(&self, compressed: &[u8], plaintext_bytes: u64) -> Vec<u8> {
        let identity = KeyFolder::new(&self.central.state()).open().unwrap().identity;
        let payload = identity.recipient().seal_text(compressed).unwrap();
        let sha256 = Digest::from_bytes(Sha256::digest(&payload).into());
        let summary = PayloadSummary {
            size: payload.len() as u64,
            sha256,
            // One chunk: it is short.
            chunks: vec![sha256],
            plaintext_bytes,
            counts: Default::default(),
        };
        let header = self.header();
        assemble(Vec::new(), payload.as_slice(), &summary, &header, &signing_key(self.lab)).unwrap().0
    }

    fn header(&self) -> Header {
        Header {
            kind: self.kind,
            stream: self.stream.clone(),
            seq: self.seq,
            previous: self.previous,
            continues: false,
            sealed_at: NOON.parse().unwrap(),
            receipt: None,
            keys: None,
        }
    }

    /// Puts the next bundle on a new stick, and says where.
    pub(crate) fn put(&mut self, sections: &[(TableShape, Vec<Change>)]) -> PathBuf {
        let bundle = self.bundle(sections);
        let stick = self.lab.stick(&format!("villain-{}", self.seq));
        std::fs::write(stick.join(format!("{}.mule", self.seq)), bundle).unwrap();
        stick
    }

    /// The bundle that was made last was applied: the next one follows it.
    pub(crate) fn went_in(&mut self) {
        let query =
            format!("SELECT digest FROM packmule_bundle WHERE seq = {} AND state = 'applied'", self.seq);
        self.previous = Some(self.central.value(&query).parse().unwrap());
        self.seq = self.seq.next().unwrap();
    }
}

const NOON: &str = "2026-11-08T12:00:00.000000Z";

/// A table with columns of these names and kinds; the first is the key.
pub(crate) fn table(name: &str, columns: &[(&str, ColumnKind)]) -> TableShape {
    let column = |(name, kind): &(&str, ColumnKind)| Column { name: (*name).to_owned(), kind: *kind };
    TableShape { name: TableName::new(name), columns: columns.iter().map(column).collect(), key: vec![0] }
}

/// A row of texts.
pub(crate) fn row(values: &[&str]) -> RowImage {
    RowImage(values.iter().map(|value| Value::Text((*value).to_owned())).collect())
}

/// An insert of a row of texts, edited at noon.
pub(crate) fn inserted(values: &[&str]) -> Change {
    Change::Insert { after: row(values), time: NOON.parse().unwrap() }
}

fn own_site(bundle: &[u8]) -> packmule::model::Site {
    Unverified::read(&mut &*bundle, bundle.len() as u64).unwrap().claims().unwrap().stream().from.clone()
}
