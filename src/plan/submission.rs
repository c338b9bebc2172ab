//! What a host gives to a running service of its own, once, when nobody else has.

use std::net::Ipv4Addr;

use minijinja::Value as Jinja;
use serde::{Deserialize, Serialize};

use super::apt::profile_error;
use super::file::{Phase, PlannedFile};
use super::group::Group;
use super::service::numbers;
use crate::cluster::documents::{self, Given};
use crate::cluster::{Cluster, Host};
use crate::diag::Diagnostics;
use crate::format::checksum::Content;
use crate::profile::{self, Snippet};
use crate::schema::scalar::Syntax;

/// A service that takes documents, as the host itself reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Its name in the profile.
    pub name: String,
    /// What one of its documents is called.
    pub noun: String,
    /// Unit of the service.
    pub service: String,
    /// Address of the service on this host.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// Path that says who leads.
    pub ask: String,
    /// Extended regular expression that the answer of the leader matches.
    pub leads: String,
    /// The same for one that takes documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// What it lacks when it leads and is not ready.
    pub waits: String,
    /// File with `user:password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// How long to try.
    pub seconds: u32,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Name of the submission.
    pub of: String,
    /// What it goes by.
    pub key: String,
    /// Path at the service.
    pub path: String,
    /// Extended regular expression that the answer about one that is there matches.
    pub there: String,
    /// File of the host that holds it.
    pub file: String,
}

/// What is given by hosts that run these services.
pub fn own<'c>(cluster: &'c Cluster, services: &[&profile::Service], diags: &mut Diagnostics) -> Vec<Given<'c>> {
    let mut given = documents::given(cluster, diags);
    given.retain(|given| services.iter().any(|service| service.name == given.submission.service.value && service.status.is_some()));
    given
}

/// The files that hold the documents. For root alone: what runs is nobody else's business.
pub fn files(cluster: &Cluster, given: &[Given<'_>], diags: &mut Diagnostics) -> Vec<PlannedFile> {
    let mut files = Vec::new();
    for (given, document) in given.iter().flat_map(|given| given.documents.iter().map(move |document| (given, document))) {
        if let Err(why) = Syntax::Path.check(&document.file) {
            profile_error(given.submission.file.at, &format!("`{}`: {why}", document.file), diags);
            continue;
        }
        files.push(PlannedFile {
            path: document.file.clone(),
            content: Content::shared(document.text().into_bytes()),
            mode: 0o600,
            owner: "root".into(),
            group: "root".into(),
            phase: Phase::Configure,
            restarts: Vec::new(),
            secret: false,
            origin: format!("the profile `{}`", cluster.profile.name),
        });
    }
    files
}

/// What a host submits, and where.
pub fn of(cluster: &Cluster, host: &Host, shared: &Group, scope: &Jinja, diags: &mut Diagnostics) -> (Vec<Submission>, Vec<Document>) {
    let units = |service: &&profile::Service| shared.services.iter().any(|own| own.unit == service.unit);
    let services: Vec<&profile::Service> = cluster.profile.services.iter().filter(units).collect();
    let (mut submissions, mut documents) = (Vec::new(), Vec::new());
    for given in own(cluster, &services, diags) {
        let Some(service) = services.iter().find(|service| service.name == given.submission.service.value) else { continue };
        let Some(status) = &service.status else { continue };
        let Some(port) = numbers(cluster, host, std::slice::from_ref(&status.port)).first().copied() else { continue };
        let engine = &cluster.profile.engine;
        let mut render = |text: &Snippet| match engine.render_text(&text.value, scope) {
            Ok(text) => Some(text),
            Err(problem) => {
                profile_error(text.at, &problem.message, diags);
                None
            }
        };
        let how = given.submission;
        let asks = status.login.as_ref().is_some_and(|login| engine.eval(&login.value, scope).is_ok_and(|value| !value.is_none()));
        let Some(leads) = render(&how.leader.leads) else { continue };
        submissions.push(Submission {
            name: how.name.clone(),
            noun: how.nouns.0.clone(),
            service: service.unit.clone(),
            address: host.address,
            port,
            ask: how.leader.path.clone(),
            leads,
            ready: how.leader.ready.as_ref().and_then(&mut render),
            waits: how.leader.waits.clone(),
            login: how.login.as_ref().filter(|_| asks).and_then(&mut render),
            seconds: u32::try_from(how.seconds).unwrap_or(600),
        });
        documents.extend(given.documents.into_iter().map(|document| Document {
            of: how.name.clone(),
            key: document.key,
            path: document.path,
            there: document.there,
            file: document.file,
        }));
    }
    (submissions, documents)
}
