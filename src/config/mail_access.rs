//! How labs come to the mail in the centre's database: `[mail]` at the centre. How much of it they may leave there is in `mail.rs`.

use std::path::{Path, PathBuf};

use crate::config::database::Tls;
use crate::config::error::Error;
use crate::config::fault::Problem;
use crate::config::files::read_small_text;
use crate::config::reader::Section;
use crate::config::url::DatabaseUrl;
use crate::model::Role;

/// How labs come to the mail by network.
#[derive(Debug)]
pub struct MailAccess {
    /// The address of the centre's database as labs are to use it, without user and password. `None`: labs get no account.
    pub url_for_labs: Option<String>,
    /// The certificate of the authority that signed the server's; labs get it with the address.
    pub ca_for_labs: Option<PathBuf>,
    /// Whether a lab's account is let in by an encrypted line only.
    pub require_tls: bool,
}

impl MailAccess {
    pub(super) fn read(section: &Section<'_>, folder: &Path, role: Role) -> Result<Self, Error> {
        if role == Role::Lab {
            return Ok(MailAccess { url_for_labs: None, ca_for_labs: None, require_tls: true });
        }
        let (url_for_labs, nearby) = read_url(section)?;
        let ca_for_labs = section.text("ca_for_labs")?.map(|found| folder.join(section.shown(found)));
        let require_tls = section.switch("require_tls")?;
        let require_tls = section.shown_or("require_tls", require_tls, !nearby);
        Ok(MailAccess { url_for_labs, ca_for_labs, require_tls })
    }

    /// Reads the certificate for labs.
    pub fn read_ca(&self) -> Result<Option<String>, Error> {
        match &self.ca_for_labs {
            Some(path) => Ok(Some(read_small_text(path, CA_BYTES_MAX)?.0.to_string())),
            None => Ok(None),
        }
    }
}

/// The address, and whether it stays on this computer.
fn read_url(section: &Section<'_>) -> Result<(Option<String>, bool), Error> {
    let Some(found) = section.text("url_for_labs")? else {
        return Ok((None, false));
    };
    let name = found.name.clone();
    let url: DatabaseUrl = match found.value.parse() {
        Ok(url) => url,
        Err(source) => return Err(section.refuse(&found, Problem::Url { name, source })),
    };
    if url.user.is_some() || url.password.is_some() {
        return Err(section.refuse(
            &found,
            Problem::NotForLabs {
                name,
                why: "each lab has an account of its own: leave user and password out",
            },
        ));
    }
    if url.name.is_none() || (url.host.is_none() && url.socket.is_none()) {
        return Err(section.refuse(
            &found,
            Problem::NotForLabs { name, why: "it needs a host and the name of the database" },
        ));
    }
    let nearby = Tls::default_for(url.host.as_deref().unwrap_or_default(), url.socket.is_some()) == Tls::Off;
    Ok((Some(section.shown(found)), nearby))
}

/// It goes into the answer card, which is small.
const CA_BYTES_MAX: u64 = 16 * 1024;
