//! The words after `packmule serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::console::{Line, Options};

/// Show the centre's pages in a web browser
///
/// Who may sign in: packmule users. Without more, the pages are for this computer alone; for others, name a certificate, or the
/// address of a web server that stands in front and speaks TLS.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The address and port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8417", value_parser = address)]
    pub listen: SocketAddr,
    /// A web server stands in front; browsers see it under this origin, such as `https://packmule.example.ac.ke`
    #[arg(long, value_name = "ORIGIN", value_parser = origin, conflicts_with_all = ["tls_cert", "tls_key"])]
    pub behind_proxy: Option<String>,
    /// A PEM file with the certificate, and those that vouch for it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// A PEM file with its key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Programs may read /metrics with the word in the first line of this file; else only those on this computer may
    #[arg(long, value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,
}

impl ServeArgs {
    /// What the console needs to know.
    pub fn to_options(&self) -> Options {
        let line = match (&self.behind_proxy, &self.tls_cert, &self.tls_key) {
            (Some(origin), _, _) => Line::Proxy { origin: origin.clone() },
            (None, Some(certificate), Some(key)) => {
                Line::Tls { certificate: certificate.clone(), key: key.clone() }
            }
            (None, _, _) => Line::Loopback,
        };
        Options { listen: self.listen, line, metrics_token_file: self.metrics_token_file.clone() }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.replace("localhost", "127.0.0.1");
    text.parse().map_err(|_| "it is an address and a port, such as 127.0.0.1:8417".to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(text.to_owned()),
        Some(_) | None => {
            Err("it is what browsers have before the first single `/`: https://packmule.example.ac.ke"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_else() {
        for fine in ["https://mule.example.ac.ke", "https://mule.example.ac.ke:8443/", "http://127.0.0.1:80"]
        {
            assert!(origin(fine).is_ok(), "{fine}");
        }
        for other in ["mule.example.ac.ke", "https://", "https://a/b", "https://user@a", "ftp://a"] {
            assert!(origin(other).is_err(), "{other}");
        }
        assert_eq!(address("localhost:80").unwrap(), "127.0.0.1:80".parse().unwrap());
    }
}
