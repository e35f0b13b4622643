//! Fetches a bundle part by part, and goes on where a line broke.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest as _, Sha256};

use crate::mailbox::central::{Central, Mail, MailError, Pace};
use crate::mailbox::{Folder, PartFile};
use crate::model::Digest;
use crate::monitor::{Monitor, Phase, Step};

impl Central {
    /// Fetches a bundle into `NAME.part` of a folder, proves it, and puts it on the disk. Returns how many bytes went over
    /// the line.
    ///
    /// What is there from an earlier try is proven part by part, and the rest is fetched. A part or a file that is not what
    /// its hash says is never kept.
    pub fn fetch(
        &mut self,
        mail: &Mail,
        folder: &Folder,
        pace: &mut Pace,
        monitor: &dyn Monitor,
    ) -> Result<u64, MailError> {
        self.began(&mail.name, mail.size_bytes);
        let mut part = folder.resume_part(&mail.name)?;
        let mut hasher = Sha256::new();
        let there = self.prove(mail, &mut part, &mut hasher)?;
        monitor.begin(Phase::Fetching, Some(mail.size_bytes));
        let (mut bytes, mut done) = (0, 0);
        for number in 0..mail.parts {
            let length = mail.length_of(number);
            if number >= there {
                let body = self.part(mail, number)?;
                hasher.update(&body);
                part.write_all(&body).map_err(|source| disk(folder, mail, source))?;
                bytes += length;
                pace.passed(length);
            }
            done += length;
            self.came_to(done);
            monitor.advance(Phase::Fetching, length);
            if number < mail.parts / 2 && number + 1 >= mail.parts / 2 {
                monitor.step(Step::FetchHalfFetched);
            }
        }
        monitor.end(Phase::Fetching);
        if Digest::from_bytes(hasher.finalize().into()) != mail.sha256 {
            part.discard()?;
            return Err(MailError::Damaged { name: mail.name.clone(), part: None });
        }
        part.finish()?;
        self.under_way = None;
        monitor.step(Step::FetchComplete);
        Ok(bytes)
    }

    /// One part, whose hash and length are right.
    fn part(&mut self, mail: &Mail, number: u32) -> Result<Vec<u8>, MailError> {
        let query = format!(
            "SELECT sha256, body FROM {} WHERE mail = {} AND part = {number}",
            self.waiting_parts(),
            mail.id
        );
        let row = self.session.first(&query).map_err(MailError::of)?;
        let mut row = row.ok_or_else(|| MailError::Gone { name: mail.name.clone() })?;
        let (sha256, body) = (row.parse(0).ok(), row.take(1).unwrap_or_default());
        let is_right = body.len() as u64 == mail.length_of(number)
            && sha256 == Some(Digest::from_bytes(Sha256::digest(&body).into()));
        match is_right {
            true => Ok(body),
            false => Err(MailError::Damaged { name: mail.name.clone(), part: Some(number + 1) }),
        }
    }

    /// How many of the first parts are in the file already, as the centre has them. The file goes on behind them.
    fn prove(&mut self, mail: &Mail, part: &mut PartFile, hasher: &mut Sha256) -> Result<u32, MailError> {
        let fault = |source| MailError::Source { name: mail.name.clone(), source };
        let length = part.length().map_err(fault)?;
        let whole = length / u64::from(mail.part_bytes) + u64::from(length == mail.size_bytes);
        let whole = u32::try_from(whole).unwrap_or(u32::MAX).min(mail.parts);
        let mut hashes: Vec<Option<Digest>> = Vec::new();
        if whole > 0 {
            let query = format!(
                "SELECT sha256 FROM {} WHERE mail = {} AND part < {whole} ORDER BY part",
                self.waiting_parts(),
                mail.id
            );
            let rows = self.session.rows(&query).map_err(MailError::of)?;
            hashes.extend(rows.iter().map(|row| row.parse(0).ok()));
        }
        part.seek(SeekFrom::Start(0)).map_err(fault)?;
        let mut there = 0;
        for (number, hash) in (0..whole).zip(hashes) {
            let mut body = vec![0; usize::try_from(mail.length_of(number)).unwrap_or(0)];
            part.read_exact(&mut body).map_err(fault)?;
            if hash != Some(Digest::from_bytes(Sha256::digest(&body).into())) {
                break;
            }
            hasher.update(&body);
            there += 1;
        }
        part.cut(u64::from(there) * u64::from(mail.part_bytes)).map_err(fault)?;
        Ok(there)
    }
}

fn disk(folder: &Folder, mail: &Mail, source: io::Error) -> MailError {
    folder.write_fault(&mail.name, mail.size_bytes, source).into()
}

impl PartFile {
    /// How long it is by now.
    fn length(&self) -> io::Result<u64> {
        Ok(self.inner().metadata()?.len())
    }

    /// Cuts it to at most this length; what is written next goes behind it.
    fn cut(&mut self, length: u64) -> io::Result<()> {
        let length = length.min(self.length()?);
        let file: &File = self.inner();
        file.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}
