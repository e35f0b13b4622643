//! Looks at one bundle file without changing anything.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::bundle::{self, Unverified};
use crate::engine::error::Error;
use crate::engine::home::Home;
use crate::mailbox;
use crate::model::{BundleName, ChangeCounts, Digest};

/// What was proven of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Its name, as its signed manifest says.
    pub name: BundleName,
    /// Its digest.
    pub digest: Digest,
    /// The file's size.
    pub size_bytes: u64,
    /// What it holds; `None` when it is for another site and cannot be opened here.
    pub counts: Option<ChangeCounts>,
}

/// What anybody can read of a bundle, in words. Nothing of it is proven.
pub fn inspect(path: &Path) -> Result<String, Error> {
    let (file, length) = open(path)?;
    let mut source = BufReader::new(file);
    let described = Unverified::read(&mut source, length).and_then(|head| bundle::describe(&head));
    described.map_err(|source| Error::Bundle { path: path.to_path_buf(), source })
}

/// Proves a bundle: signature, every byte, and, where it is for this site, every line of its content.
pub fn verify(home: &Home<'_>, path: &Path) -> Result<Proof, Error> {
    let ring = home.ring()?;
    prove(home, path, &ring).map_err(|error| match error {
        Failure::Engine(error) => error,
        Failure::Bundle(source) => Error::Bundle { path: path.to_path_buf(), source },
    })
}

enum Failure {
    Engine(Error),
    Bundle(bundle::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Engine(error)
    }
}

impl From<bundle::Error> for Failure {
    fn from(error: bundle::Error) -> Self {
        Failure::Bundle(error)
    }
}

fn prove(home: &Home<'_>, path: &Path, ring: &bundle::KeyRing) -> Result<Proof, Failure> {
    let (file, length) = open(path)?;
    let verified = Unverified::read(&mut BufReader::new(file), length)?.verify(ring)?;
    let (file, _) = open(path)?;
    let mut source = BufReader::with_capacity(256 << 10, file.take(length + 1));
    let checked = verified.copy(&mut source, &mut std::io::sink(), &mut |_| {})?;
    let manifest = checked.manifest();
    let counts = match manifest.stream().to == home.here.site {
        false => None,
        true => {
            let (file, _) = open(path)?;
            let source = BufReader::with_capacity(256 << 10, file);
            let mut content = checked.open(source, &home.keys.identity)?;
            while content.next()?.is_some() {}
            Some(content.counts())
        }
    };
    Ok(Proof { name: manifest.name(), digest: checked.digest(), size_bytes: length, counts })
}

fn open(path: &Path) -> Result<(File, u64), Error> {
    let file = mailbox::open_file(path)?;
    let length = file.metadata().map_err(|source| Error::File { path: path.to_path_buf(), source })?.len();
    Ok((file, length))
}
