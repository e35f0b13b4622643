//! Somebody who asks a console for its pages, over one line that stays open, and notes how long the first byte takes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A visitor of one console.
pub(crate) struct Visitor {
    /// `127.0.0.1:8417`
    address: String,
    line: Option<BufReader<TcpStream>>,
    cookie: Option<String>,
}

/// What was answered.
pub(crate) struct Page {
    pub(crate) status: u16,
    /// All lines above the body, as they came.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
    /// How long after the question its first byte came.
    pub(crate) first_byte: Duration,
}

impl Visitor {
    /// Somebody who has not signed in yet. `url` is the one that `packmule serve` says.
    pub(crate) fn at(url: &str) -> Visitor {
        let address = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Visitor { address, line: None, cookie: None }
    }

    pub(crate) fn read(&mut self, path: &str) -> Page {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Sends a form. Values must not need any quoting.
    pub(crate) fn send(&mut self, path: &str, form: &str) -> Page {
        let head = format!(
            "POST {path} HTTP/1.1\r\nOrigin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n",
            self.address,
            form.len()
        );
        self.ask(&head, form)
    }

    /// Signs in, and keeps the cookie.
    #[track_caller]
    pub(crate) fn sign_in(&mut self, name: &str, password: &str) {
        let page = self.send("/signin", &format!("name={name}&password={password}&next=%2F"));
        assert_eq!(page.status, 303, "{}", page.body);
        let cookie = page.header("set-cookie").expect("a session has a cookie");
        self.cookie = cookie.split(';').next().map(str::to_owned);
    }

    fn ask(&mut self, head: &str, body: &str) -> Page {
        let cookie = self.cookie.as_ref().map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
        let question = format!("{head}Host: {}\r\n{cookie}\r\n{body}", self.address);
        let mut line = self.line.take().unwrap_or_else(|| {
            let line = TcpStream::connect(&self.address).unwrap();
            line.set_nodelay(true).unwrap();
            BufReader::new(line)
        });
        let began = Instant::now();
        line.get_mut().write_all(question.as_bytes()).unwrap();
        assert!(!line.fill_buf().unwrap().is_empty(), "the line was closed without an answer");
        let first_byte = began.elapsed();
        let page = Page::read(&mut line, first_byte);
        if page.header("connection").is_none_or(|word| word != "close") {
            self.line = Some(line);
        }
        page
    }
}

impl Page {
    fn read(line: &mut impl BufRead, first_byte: Duration) -> Page {
        let mut head = Vec::new();
        loop {
            let mut text = String::new();
            line.read_line(&mut text).unwrap();
            match text.trim_end() {
                "" => break,
                text => head.push(text.to_owned()),
            }
        }
        let status = head.first().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let mut page = Page { status, head, body: String::new(), first_byte };
        let mut body = Vec::new();
        match page.header("content-length") {
            Some(length) => body.resize(length.parse().unwrap(), 0),
            None if page.header("transfer-encoding").is_some() => body = chunked(line),
            None => {}
        }
        if page.header("content-length").is_some() {
            line.read_exact(&mut body).unwrap();
        }
        page.body = String::from_utf8_lossy(&body).into_owned();
        page
    }

    /// The value of a header; its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let parted = self.head.iter().filter_map(|line| line.split_once(": "));
        parted.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

fn chunked(line: &mut impl BufRead) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        line.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        line.read_exact(&mut chunk).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
