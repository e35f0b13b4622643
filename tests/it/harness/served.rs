//! The web console at work, and a browser's plain words to it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use super::site::TestSite;

/// The password of every user that [`let_in`] makes.
pub(crate) const PASSWORD: &str = "a password of seven words for tests";

/// Lets a user of this role sign in at the centre.
pub(crate) fn let_in(central: &TestSite<'_>, name: &str, role: &str) {
    let file = central.path("password.txt");
    fs::write(&file, PASSWORD).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    central.run(&["users", "add", name, "--role", role, "--password-file", file]).ok();
}

/// `packmule serve`, until it is dropped.
pub(crate) struct Served {
    child: Child,
    url: String,
    listens: String,
}

/// What the console has answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
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
        let word = |name: &str| told[name].as_str().unwrap().to_owned();
        Served { url: word("url"), listens: word("listens"), child }
    }

    /// The console of a centre, on a port that nobody else uses, with these words more.
    pub(crate) fn of(central: &TestSite<'_>, more: &[&str]) -> Served {
        let arguments = [&["--json", "serve", "--listen", "127.0.0.1:0"], more].concat();
        Served::start(central.command(&arguments))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn host(&self) -> &str {
        &self.listens
    }

    /// Sends a request with these lines in its head, and reads the answer.
    pub(crate) fn ask(&self, request: &str, head: &[&str], body: &str) -> Answer {
        ask(TcpStream::connect(self.host()).unwrap(), self.host(), request, head, body)
    }

    /// The same, under the name of another host.
    pub(crate) fn ask_as(&self, host: &str, request: &str) -> Answer {
        ask(TcpStream::connect(self.host()).unwrap(), host, request, &[], "")
    }

    /// A page.
    pub(crate) fn page(&self, cookie: &str, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &[&format!("Cookie: {cookie}")], "")
    }

    /// A form, sent from a page of the console.
    pub(crate) fn form(&self, cookie: &str, path: &str, fields: &str) -> Answer {
        let origin = format!("Origin: {}", self.url.trim_end_matches('/'));
        self.ask(&format!("POST {path}"), &[&origin, &format!("Cookie: {cookie}")], fields)
    }

    /// Signs in with the password of tests. Returns the cookie.
    #[track_caller]
    pub(crate) fn sign_in(&self, name: &str) -> String {
        let answer = self.try_password(name, PASSWORD);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.cookie()
    }

    pub(crate) fn try_password(&self, name: &str, password: &str) -> Answer {
        self.form("", "/signin", &format!("name={name}&password={}", password.replace(' ', "+")))
    }

    /// Asks it to end, and returns its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Answer {
    /// The value of a line in the head.
    pub(crate) fn line(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The cookie that it gives, as a browser sends it back.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.line("set-cookie").unwrap_or_else(|| panic!("no cookie: {self:?}"));
        cookie.split(';').next().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Answer {
        assert!(self.body.contains(words), "not said: {words}\n{}", self.body);
        self
    }
}

/// One request and its answer, on any line.
fn ask(mut line: impl Read + Write, host: &str, request: &str, head: &[&str], body: &str) -> Answer {
    let mut text = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for one in head {
        text += &format!("{one}\r\n");
    }
    if !body.is_empty() {
        text += "Content-Type: application/x-www-form-urlencoded\r\n";
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    line.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // One that closes early has said all that it wants to say.
    let _ = line.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
