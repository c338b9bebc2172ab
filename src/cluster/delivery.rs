//! How the seed arrives, and on what kind of volume.

use super::{Delivery, Method, PackageSource, Packages, VolumeForm};
use crate::diag::{At, Diagnostic, Diagnostics, codes};
use crate::platform::Cloud;
use crate::spec::{self, Spec};

/// Resolves `delivery`; where nothing is said, it follows from packages and cloud.
pub fn resolve(spec: &Spec, packages: &Packages, cloud: &Cloud, diags: &mut Diagnostics) -> Delivery {
    let typed = &spec.delivery;
    let carried = matches!(packages.source, PackageSource::Carried);
    let word = typed.method.as_ref().map_or(if carried { "volume" } else { "inline" }, |m| m.value.as_str());
    // Where nothing is said, it is the cloud that decides what fits.
    let silent = spec.cloud.as_ref().map_or(At { end: spec.at.start, ..spec.at }, |c| c.at);
    let at = typed.method.as_ref().map_or(silent, |m| m.at);
    let method = match (word, &typed.url) {
        _ if !spec.sound("delivery", diags) => Method::Inline,
        ("url", Some(url)) if url.value.starts_with("file:") => {
            diags.push(
                Diagnostic::error(codes::DELIVERY_URL, url.at, "a host cannot fetch from `file:`")
                    .help("use http:// or https://, or `delivery: hand`"),
            );
            Method::Inline
        }
        ("url", Some(url)) => Method::Url(url.value.trim_end_matches('/').to_string()),
        ("url", None) => {
            diags.push(
                Diagnostic::error(codes::DELIVERY_URL, at, "`url` needs the URL below which `out/hosts` is served")
                    .help("write `delivery: {method: url, url: http://…/hosts}`"),
            );
            Method::Inline
        }
        (_, Some(url)) => {
            diags.push(
                Diagnostic::error(codes::DELIVERY_URL, url.at, format!("`url` has no meaning with `method: {word}`"))
                    .help("write `method: url`, or remove `url`"),
            );
            Method::Inline
        }
        ("volume", None) => {
            if !cloud.volume {
                diags.push(
                    Diagnostic::error(codes::DELIVERY_VOLUME, at, format!("{} attaches no seed volume", cloud.summary))
                        .help("use `delivery: inline` if user-data is small enough, or `delivery: {method: url, url: http://…/hosts}`"),
                );
            }
            Method::Volume
        }
        ("hand", None) => Method::Hand,
        _ => Method::Inline,
    };
    let volume = volume(typed, &method, cloud, diags);
    Delivery { method, volume, at }
}

/// Which seed volume is written: none where nobody would read it.
fn volume(typed: &spec::Delivery, method: &Method, cloud: &Cloud, diags: &mut Diagnostics) -> VolumeForm {
    let useless = match method {
        Method::Hand => Some("`hand` brings the seed without a volume".to_string()),
        _ if !cloud.volume => Some(format!("{} attaches no seed volume", cloud.summary)),
        _ => None,
    };
    let form = match typed.volume.as_ref().map(|v| v.value.as_str()) {
        Some("none") => VolumeForm::None,
        Some("vfat") => VolumeForm::Vfat,
        _ => VolumeForm::Iso,
    };
    let Some(why) = useless else { return form };
    if let Some(volume) = typed.volume.as_ref().filter(|_| form != VolumeForm::None) {
        diags.push(Diagnostic::error(codes::DELIVERY_VOLUME, volume.at, why).help("remove `volume`, or write `volume: none`"));
    }
    VolumeForm::None
}
