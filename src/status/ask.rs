//! What is planned to run where, and what each of it is asked.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use minijinja::Value as Jinja;

use super::{Login, Request, documents, value};
use crate::cluster::documents::Given;
use crate::cluster::{Cluster, Host};
use crate::diag::Diagnostics;
use crate::plan::service;
use crate::profile::{Service, Status};

/// A service that is planned on a host and can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Target<'c> {
    /// Index of the host.
    pub host: usize,
    /// The service.
    pub service: &'c Service,
    /// How it is asked.
    pub status: &'c Status,
    /// Its port there.
    pub port: u16,
}

/// What runs where when all is as planned.
#[derive(Debug)]
pub struct Model<'c> {
    /// The plan.
    pub cluster: &'c Cluster,
    /// By host, then in start order.
    pub targets: Vec<Target<'c>>,
    /// What services are given.
    pub given: Vec<Given<'c>>,
    /// What expressions see of each host.
    pub scopes: Vec<Jinja>,
    /// Hosts by name, full name and address.
    places: BTreeMap<String, usize>,
}

/// What runs where. The profile's mistakes are in `diags`.
pub fn model<'c>(cluster: &'c Cluster, diags: &mut Diagnostics) -> Model<'c> {
    let mut model = Model {
        cluster,
        targets: Vec::new(),
        given: crate::cluster::documents::given(cluster, diags),
        scopes: Vec::new(),
        places: BTreeMap::new(),
    };
    for (index, host) in cluster.hosts.iter().enumerate() {
        let scope = cluster.host_scope(host, diags);
        for service in service::own(cluster, host, &scope, diags) {
            let Some(status) = &service.status else { continue };
            let port = service::numbers(cluster, host, std::slice::from_ref(&status.port)).first().copied();
            model.targets.extend(port.map(|port| Target { host: index, service, status, port }));
        }
        model.scopes.push(scope);
        for name in [host.name.clone(), host.fqdn.clone(), host.address.to_string()] {
            model.places.entry(name).or_insert(index);
        }
    }
    model
}

impl<'c> Model<'c> {
    /// What every target is asked, in the order of the targets. `elsewhere` has other addresses at which hosts are reached.
    pub fn requests(&self, elsewhere: &BTreeMap<String, Ipv4Addr>) -> Vec<Request> {
        let request = |target: &Target<'_>| {
            let host = self.host(target);
            let login = target.status.login.as_ref();
            let login = login.and_then(|login| value::text(&self.cluster.profile.engine, login, &self.scopes[target.host]));
            // What it must answer comes first: when that fails, the rest is not asked.
            let mut questions = target.status.ask.clone();
            questions.sort_by_key(|question| question.optional);
            let given = self.given.iter().filter(|given| given.submission.service.value == target.service.name);
            questions.extend(given.map(|given| documents::question(given.submission)));
            Request {
                address: elsewhere.get(&host.name).copied().unwrap_or(host.address),
                port: target.port,
                protocol: target.status.protocol,
                questions,
                login: login.map(Login),
            }
        };
        self.targets.iter().map(request).collect()
    }

    /// Where every name of a host leads to: what redirects may name.
    pub fn places(&self, elsewhere: &BTreeMap<String, Ipv4Addr>) -> BTreeMap<String, Ipv4Addr> {
        let address = |host: &Host| elsewhere.get(&host.name).copied().unwrap_or(host.address);
        self.places.iter().map(|(name, index)| (name.clone(), address(&self.cluster.hosts[*index]))).collect()
    }

    /// The host of a target.
    pub fn host(&self, target: &Target<'_>) -> &'c Host {
        &self.cluster.hosts[target.host]
    }

    /// The host that a text such as `master@192.0.2.1:5050` names.
    pub fn find(&self, text: &str) -> Option<usize> {
        self.places.get(value::place(text)).copied()
    }
}
