//! Certificates: one by an authority that the system trusts is taken, any other is not. The server is OpenSSL's.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clusterseed::format::checksum::Sha256Sum;

use super::desk::Desk;
use crate::cli::finish;

/// A server that ends with the value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs openssl; false where it is not installed.
fn openssl(folder: &Path, arguments: &str) -> bool {
    let run = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).stdin(Stdio::null()).output();
    run.is_ok_and(|output| output.status.success())
}

#[test]
fn certificates_are_judged_as_the_system_judges_them() {
    let desk = Desk::new("thing", &[]);
    let folder = desk.path();
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let made = [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
        "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    ];
    if !made.iter().all(|arguments| openssl(folder, arguments)) {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let packages = "Package: thing\nVersion: 1\nArchitecture: all\nFilename: thing.deb\nSize: 10\nSHA256: 1111111111111111111111111111111111111111111111111111111111111111\n";
    fs::write(folder.join("Packages"), packages).unwrap();
    let digest = Sha256Sum::of(packages.as_bytes()).hex();
    fs::write(folder.join("InRelease"), format!("Suite: x\nSHA256:\n {digest} {} Packages\n", packages.len())).unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-key", "key.pem", "-cert", "cert.pem", "-WWW"]);
    let mut server = Server(command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let Some(port) = lines.find_map(|line| line.strip_prefix("ACCEPT ")?.rsplit(':').next().map(str::to_string)) else {
        eprintln!("skipped: this openssl does not say where it listens");
        return;
    };
    let lock = |host: &str, trusted: &str| {
        let source = format!("{{name: pool, url: \"https://{host}:{port}\", suites: [\"./\"], unsigned: true}}");
        desk.spec("thing", &[source], "");
        finish(desk.command(&["lock", "cluster.yaml"]).env("SSL_CERT_FILE", folder.join(trusted)))
    };
    let known = lock("localhost", "ca.pem");
    assert_eq!(known.code, 0, "{}", known.err);
    assert!(desk.locked().contains("- name: thing\n"));
    for (host, trusted) in [("localhost", "names"), ("localhost", "cert.pem"), ("127.0.0.1", "ca.pem")] {
        let done = lock(host, trusted);
        assert!(done.code == 2 && done.err.contains("its certificate is not trusted here"), "{host} {trusted}: {}", done.err);
    }
}
