//! Encrypted lines: what a good certificate is, and what is said of each that is not.

use std::fs;
use std::path::Path;

use packmule::demo::{Flavour, PrivateServer, ServerOptions};
use tempfile::TempDir;

use crate::harness::{Authority, Certificate, Ran, Role, TestSite, server_options};

const GOOD: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1\n";

/// A server whose certificate can be changed while it runs.
struct Encrypted {
    server: PrivateServer,
    folder: TempDir,
}

impl Encrypted {
    fn start(first: &Certificate, authority: &Authority) -> Encrypted {
        let folder = tempfile::Builder::new().prefix("packmule-tls-").tempdir().unwrap();
        first.put_into(folder.path());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let arguments = vec![
            format!("--ssl-ca={}", authority.ca().display()),
            format!("--ssl-cert={}", at("server.pem")),
            format!("--ssl-key={}", at("server.key")),
        ];
        let server = PrivateServer::start(&ServerOptions { arguments, ..server_options() }).unwrap();
        Encrypted { server, folder }
    }

    /// Returns whether the server takes the certificate: MySQL refuses some, unless it starts with them.
    fn show(&self, certificate: &Certificate) -> bool {
        certificate.put_into(self.folder.path());
        let reload = match self.server.binary().flavour() {
            Flavour::MariaDb => "FLUSH SSL",
            Flavour::MySql => "ALTER INSTANCE RELOAD TLS",
        };
        self.server.sql("", reload).is_ok()
    }
}

/// A lab that has been set up, with an account that is let in by an encrypted line only.
fn lab(server: &PrivateServer) -> TestSite<'_> {
    let lab = TestSite::new(server, Role::Lab, "lab-a");
    lab.sql("CREATE TABLE items (id INT PRIMARY KEY)");
    lab.run(&["init", "--role", "lab", "--site", "lab-a", "--database", &lab.url()]).ok();
    let database = lab.database();
    lab.sql("CREATE USER 'packmule'@'localhost' IDENTIFIED BY 's3cret-word' REQUIRE SSL");
    lab.sql(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON {database}.* TO 'packmule'@'localhost'"
    ));
    fs::write(lab.path("password"), "s3cret-word\n").unwrap();
    fs::set_permissions(lab.path("password"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    lab
}

/// `status`, over TCP to this host, with these lines more in the section `[database]`.
fn status(lab: &TestSite<'_>, host: &str, lines: &str) -> Ran {
    let (port, database) = (lab.server().port(), lab.database());
    let settings = format!(
        "role = \"lab\"\nsite = \"lab-a\"\n[database]\nurl = \"mysql://packmule@{host}:{port}/{database}\"\n\
         password_file = \"password\"\n{lines}\n"
    );
    fs::write(lab.config(), settings).unwrap();
    lab.run(&["status"])
}

fn required(ca: &Path) -> String {
    format!("tls = \"required\"\nca = \"{}\"", ca.display())
}

#[test]
fn a_good_certificate_is_taken_and_the_line_is_encrypted() {
    let authority = Authority::new();
    let it = Encrypted::start(&authority.sign_now("good", GOOD), &authority);
    let lab = lab(&it.server);
    // Each time for the first time, for MySQL's caching_sha2_password: the password itself travels then.
    for host in ["localhost", "127.0.0.1"] {
        if it.server.binary().flavour() == Flavour::MySql {
            it.server.sql("", "FLUSH PRIVILEGES").unwrap();
        }
        status(&lab, host, &required(&authority.ca())).ok();
    }
    // The account may not come in the clear, and a server may say so before that.
    status(&lab, "127.0.0.1", "").code(12).says("Access denied");
    lab.sql("ALTER USER 'packmule'@'localhost' REQUIRE NONE");
    status(&lab, "127.0.0.1", "").ok();
    it.server.sql("", "SET GLOBAL require_secure_transport = ON").unwrap();
    let said = status(&lab, "127.0.0.1", "").code(12);
    match it.server.binary().flavour() {
        // It says no more than that.
        Flavour::MariaDb => said.says("Access denied"),
        Flavour::MySql => said.says("takes nobody in without TLS").says("tls = \"required\""),
    };
}

#[test]
fn each_certificate_that_is_refused_is_told_apart() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let good = authority.sign_now("good", GOOD);
    let it = Encrypted::start(&good, &authority);
    let lab = lab(&it.server);
    let refused = |certificate: &Certificate, ca: &Path, words: &[&str]| {
        let said = match it.show(certificate) {
            true => status(&lab, "localhost", &required(ca)),
            false => {
                let it = Encrypted::start(certificate, &authority);
                status(&self::lab(&it.server), "localhost", &required(ca))
            }
        };
        let said = said.code(12).says("no safe line to MySQL at localhost:");
        words.iter().fold(said, |said, words| said.says(words)).never_says("s3cret").never_says("(_");
    };
    let own = authority.ca();
    let new = "ask the administrator of the server for a new certificate";
    refused(&authority.sign_now("v1", ""), &own, &["of the old version 1", new]);
    refused(
        &authority.sign_now("cn", "basicConstraints=CA:FALSE\n"),
        &own,
        &["names no host at all as subjectAltName", "localhost", new],
    );
    refused(
        &authority.sign_now("other", "subjectAltName=DNS:other.example,IP:10.0.0.1\n"),
        &own,
        &["is not for localhost, but for other.example, 10.0.0.1"],
    );
    refused(&authority.itself(), &own, &["certificate of an authority", new]);
    refused(
        &authority.sign_now("client", &format!("{GOOD}extendedKeyUsage=clientAuth\n")),
        &own,
        &["not made for a server"],
    );
    let past = authority.sign("past", GOOD, "20200101000000Z", "20210203040500Z");
    refused(&past, &own, &["ended 2021-02-03 04:05 UTC, and this computer's clock says 20", "timedatectl"]);
    let future = authority.sign("future", GOOD, "20980101000000Z", "20991231000000Z");
    refused(
        &future,
        &own,
        &["begins 2098-01-01 00:00 UTC, and this computer's clock says 20", "timedatectl"],
    );
    refused(
        &good,
        &stranger.ca(),
        &["no authority in ", "has signed the server's certificate", "ca = \"ca.pem\""],
    );
    // And after all that, the good one.
    assert!(it.show(&good));
    status(&lab, "localhost", &required(&own)).ok();

    status(&lab, "localhost", "tls = \"required\"").code(12).says("no public authority has signed");
    status(&lab, "localhost", "tls = \"required\"\nca = \"nowhere.pem\"")
        .code(12)
        .says("nowhere.pem cannot be read");
    let key = good.key.display().to_string();
    status(&lab, "localhost", &format!("tls = \"required\"\nca = \"{key}\""))
        .code(12)
        .says("holds no certificate in PEM form");
    fs::write(lab.path("torn.pem"), "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n")
        .unwrap();
    status(&lab, "localhost", "tls = \"required\"\nca = \"torn.pem\"").code(12).says("torn.pem");
}

/// The certificates that MySQL makes for itself when it starts first; MariaDB has none unless it is given one.
#[test]
fn a_server_as_it_comes_from_the_factory_is_refused_with_a_word_on_what_it_lacks() {
    let it = PrivateServer::start(&server_options()).unwrap();
    let lab = lab(&it);
    match it.binary().flavour() {
        Flavour::MariaDb => {
            let said = status(&lab, "localhost", "tls = \"required\"").code(12);
            said.says("the server does not offer TLS").says("ssl_cert, ssl_key");
        }
        Flavour::MySql => {
            let ca = it.folder().join("data").join("ca.pem");
            status(&lab, "localhost", &required(&ca))
                .code(12)
                .says("names no host at all")
                .says("subjectAltName");
            let arguments = vec!["--tls-version=".to_owned()];
            let plain = PrivateServer::start(&ServerOptions { arguments, ..server_options() }).unwrap();
            let lab = TestSite::new(&plain, Role::Lab, "lab-a");
            fs::write(lab.path("password"), "x").unwrap();
            fs::set_permissions(lab.path("password"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .unwrap();
            lab.run(&["init", "--role", "lab", "--site", "lab-a", "--database", &lab.url()]).ok();
            status(&lab, "localhost", "tls = \"required\"").code(12).says("the server does not offer TLS");
        }
    }
}

#[test]
fn a_lab_gets_the_authority_with_its_answer_and_its_account_goes_by_an_encrypted_line_only() {
    let authority = Authority::new();
    let it = Encrypted::start(&authority.sign_now("good", GOOD), &authority);
    let (central, lab) =
        (TestSite::new(&it.server, Role::Central, "central"), TestSite::new(&it.server, Role::Lab, "lab-a"));
    for site in [&central, &lab] {
        site.sql("CREATE TABLE items (id INT PRIMARY KEY)");
        let role = site.role().word();
        site.run(&["init", "--role", role, "--site", site.name(), "--database", &site.url()]).ok();
    }
    let (port, database, ca) = (it.server.port(), central.database(), authority.ca());
    let settings = fs::read_to_string(central.config()).unwrap();
    let mail = format!(
        "\n[mail]\nurl_for_labs = \"mysql://localhost:{port}/{database}\"\nca_for_labs = \"{}\"\nrequire_tls = true\n",
        ca.display()
    );
    fs::write(central.config(), settings + &mail).unwrap();
    let (card, answer) = (lab.path("lab-a.card"), lab.path("answer"));
    let (card, answer) = (card.to_str().unwrap(), answer.to_str().unwrap());
    central.run(&["enrol", card, "--answer", answer, "--yes"]).ok();
    lab.run(&["join", answer, "--yes"]).ok();
    let copy = fs::read_to_string(lab.state().join("central-ca.pem")).unwrap();
    assert_eq!(copy, fs::read_to_string(ca).unwrap());
    lab.sql("INSERT INTO items VALUES (1)");
    // Here the centre is on this computer, so that TLS is off unless it is asked for.
    lab.run(&["push"]).code(12).says("Access denied");
    let settings = fs::read_to_string(lab.config()).unwrap();
    fs::write(lab.config(), settings.replace("\n[central]\n", "\n[central]\ntls = \"required\"\n")).unwrap();
    lab.run(&["push"]).ok();
    central.run(&["pull"]).ok();
    assert_eq!(central.count("items"), 1);
    // The centre's server gets a certificate for another name: what is to be sent is kept.
    let other = authority.sign_now("other", "subjectAltName=DNS:other.example\n");
    assert!(it.show(&other));
    lab.sql("INSERT INTO items VALUES (2)");
    let said = lab.run(&["push"]).code(17).says("no safe line to the centre").says("is not for localhost");
    said.says("everything is kept here").says("other.example");
    lab.run(&["doctor"]).code(20).says("no safe line to MySQL").says("other.example");
    // That nobody answers is no fault of the lab's.
    let settings = fs::read_to_string(lab.config()).unwrap();
    fs::write(lab.config(), settings.replace(&format!("localhost:{port}"), "localhost:1")).unwrap();
    lab.run(&["doctor"]).ok().says("the centre cannot be reached at localhost:1");
}
