//! A bill in CycloneDX 1.6, which is ECMA-424: the first version that can say of a licence that it was declared, not concluded.
//!
//! Same bill, same bytes: the serial number follows from the content, and there is no time but SOURCE_DATE_EPOCH.

use serde_json::{Map, Value, json};

use super::{Bom, Licences, Part};
use crate::apt::copyright::Licence;
use crate::format::uuid;
use crate::format::volume::Moment;
use crate::lock::parse::{ITSELF, THROUGH};

/// The cluster among the parts.
const CLUSTER: &str = "cluster";

/// The whole document.
pub fn print(bom: &Bom) -> Vec<u8> {
    let components: Vec<Value> = bom.sets.iter().map(|(name, _)| set(name)).chain(bom.parts.iter().map(part)).collect();
    let body = json!({
        "version": 1,
        "metadata": metadata(bom),
        "components": components,
        "dependencies": dependencies(bom),
        // With a base, some of what packages need is in the image, and not listed.
        "compositions": [{"aggregate": if bom.base { "incomplete" } else { "complete" }, "dependencies": [CLUSTER]}],
    });
    let serial = format!("urn:uuid:{}", uuid::of(body.to_string().as_bytes()));
    let mut document = Map::new();
    document.insert("$schema".into(), json!("http://cyclonedx.org/schema/bom-1.6.schema.json"));
    document.insert("bomFormat".into(), json!("CycloneDX"));
    document.insert("specVersion".into(), json!("1.6"));
    document.insert("serialNumber".into(), json!(serial));
    if let Value::Object(body) = body {
        document.extend(body);
    }
    let mut text = format!("{:#}", Value::Object(document)).into_bytes();
    text.push(b'\n');
    text
}

fn metadata(bom: &Bom) -> Value {
    let mut metadata = Map::new();
    if bom.epoch > 0 {
        let Moment { year, month, day, hour, minute, second } = Moment::of(bom.epoch);
        metadata.insert("timestamp".into(), json!(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")));
    }
    let tool = json!({"type": "application", "name": "clusterseed", "version": env!("CARGO_PKG_VERSION")});
    metadata.insert("tools".into(), json!({"components": [tool]}));
    metadata.insert("component".into(), json!({"type": "application", "bom-ref": CLUSTER, "name": bom.cluster}));
    let lock = bom.lock.map(|lock| property("lock:sha256", lock.hex()));
    metadata.insert("properties".into(), [property("platform", &*bom.platform)].into_iter().chain(lock).collect());
    Value::Object(metadata)
}

fn property(name: &str, value: impl Into<String>) -> Value {
    json!({"name": format!("clusterseed:{name}"), "value": value.into()})
}

fn set(name: &str) -> Value {
    json!({"type": "application", "bom-ref": of_set(name), "name": name, "description": "hosts that get the same packages"})
}

fn of_set(name: &str) -> String {
    format!("set:{name}")
}

fn part(part: &Part) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), json!("library"));
    // No two packages of a lock have the same name, version and architecture.
    out.insert("bom-ref".into(), json!(part.purl));
    if let Some((name, mail)) = &part.supplier {
        let contact = mail.iter().map(|mail| json!({"email": mail})).collect::<Vec<_>>();
        out.insert("supplier".into(), if contact.is_empty() { json!({"name": name}) } else { json!({"name": name, "contact": contact}) });
    }
    out.insert("name".into(), json!(part.name));
    out.insert("version".into(), json!(part.version));
    if let Some(summary) = &part.summary {
        out.insert("description".into(), json!(summary));
    }
    out.insert("hashes".into(), json!([{"alg": "SHA-256", "content": part.sha256.hex()}]));
    if let Licences::Said(licences) = &part.licences {
        out.insert("licenses".into(), licences.iter().map(licence).collect());
    }
    out.insert("purl".into(), json!(part.purl));
    let file = part.url.iter().map(|url| json!({"type": "distribution", "url": url}));
    let links: Vec<Value> = file.chain(part.homepage.iter().map(|url| json!({"type": "website", "url": url}))).collect();
    if !links.is_empty() {
        out.insert("externalReferences".into(), links.into());
    }
    let (source, version) = &part.source;
    let mut properties = vec![
        property("architecture", &*part.architecture),
        property("copyright", part.licences.words()),
        property("file", format!("pool/{}", part.file)),
        property("size", part.size.to_string()),
        property("source", format!("{source} {version}")),
    ];
    properties.extend(part.sets.iter().map(|(set, through)| property("for", format!("{set}: {}", chain(through)))));
    out.insert("properties".into(), properties.into());
    Value::Object(out)
}

/// As the lock says it.
pub(super) fn chain(through: &[String]) -> String {
    if through.is_empty() { ITSELF.to_string() } else { through.join(THROUGH) }
}

fn licence(licence: &Licence) -> Value {
    let (key, text) = match licence {
        Licence::Spdx(id) => ("id", id),
        Licence::Named(name) => ("name", name),
    };
    json!({"license": {key: text, "acknowledgement": "declared"}})
}

/// Cluster to sets, sets to what they want, packages to what they need.
fn dependencies(bom: &Bom) -> Vec<Value> {
    let refs = |places: &[usize]| places.iter().map(|place| bom.parts[*place].purl.clone()).collect::<Vec<_>>();
    let all = bom.sets.iter().map(|(name, _)| of_set(name)).collect::<Vec<_>>();
    let cluster = json!({"ref": CLUSTER, "dependsOn": all});
    let sets = bom.sets.iter().map(|(name, wanted)| json!({"ref": of_set(name), "dependsOn": refs(wanted)}));
    let parts = bom.parts.iter().map(|part| json!({"ref": part.purl, "dependsOn": refs(&part.needs)}));
    std::iter::once(cluster).chain(sets).chain(parts).collect()
}
