//! A console at work.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// `packmule serve`, until it is dropped.
pub(crate) struct Served {
    child: Child,
    url: String,
}

impl Served {
    /// Starts it, and waits until it has said where it is.
    pub(crate) fn start(mut command: Command) -> Served {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let told: serde_json::Value =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: serve has said {said:?}"));
        assert_eq!(told["format"], "packmule.serve.v1", "{said}");
        Served { url: told["url"].as_str().unwrap().to_owned(), child }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
