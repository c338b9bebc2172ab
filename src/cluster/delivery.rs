//! What the spec says of the cloud, of the way of the seed, and of who the instances are.

use super::{Compress, Delivery, InstanceId, Method, PackageSource, Packages, VolumeForm};
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean_or};
use crate::platform::{Cloud, Encoding};
use crate::spec::{self, Spec};

/// The cloud; one without limits where the name is wrong, so that everything else is still checked.
pub fn cloud(spec: &Spec, clouds: &[Cloud], diags: &mut Diagnostics) -> Cloud {
    let name = spec.cloud.as_ref().map_or("nocloud", |c| c.value.as_str());
    let found = clouds.iter().find(|cloud| cloud.name == name);
    if let (None, Some(typed)) = (found, &spec.cloud) {
        let other = clouds.iter().flat_map(|c| c.aliases.iter().map(|alias| (alias.as_str(), c.name.as_str()))).collect::<Vec<_>>();
        let help = did_you_mean_or(name, clouds.iter().map(|c| c.name.as_str()), &other);
        diags.push(Diagnostic::error(codes::UNKNOWN_CLOUD, typed.at, format!("there is no cloud `{name}`")).help(help));
    }
    found.cloned().unwrap_or_else(|| Cloud::unknown(name))
}

/// How the seed arrives; `inline` where what was typed cannot be, so that everything else is still checked.
pub fn delivery(spec: &Spec, packages: &Packages, cloud: &Cloud, diags: &mut Diagnostics) -> Delivery {
    let typed = &spec.delivery;
    let carried = matches!(packages.source, PackageSource::Carried(_));
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
        ("image", None) => Method::Image,
        ("inline", None) if carried => {
            diags.push(
                Diagnostic::error(codes::DELIVERY_CARRIED, at, "packages are carried, and user-data cannot hold them")
                    .help("use `delivery: volume`, `image`, `hand`, or `{method: url, url: http://…}`"),
            );
            Method::Inline
        }
        _ => Method::Inline,
    };
    let compress = match typed.compress.as_ref().map(|word| word.value.as_str()) {
        Some("never") => Compress::Never,
        Some("always") => Compress::Always,
        _ => Compress::Auto,
    };
    if let (Compress::Always, Some(word)) = (compress, &typed.compress)
        && cloud.encodings == [Encoding::Plain]
    {
        diags.push(
            Diagnostic::error(codes::DELIVERY_COMPRESS, word.at, format!("{} takes no compressed user-data", cloud.summary))
                .help("remove `compress`, or write `compress: never`"),
        );
    }
    let volume = volume(typed, &method, cloud, diags);
    Delivery { method, compress, volume, at }
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

/// What makes a new instance. Where the cloud names instances, a choice of the user's would be without effect.
pub fn instance_id(spec: &Spec, cloud: &Cloud, diags: &mut Diagnostics) -> InstanceId {
    let Some(typed) = &spec.instance_id else { return InstanceId::Stable };
    if cloud.names_instances {
        diags.push(
            Diagnostic::warning(
                codes::INSTANCE_ID_IGNORED,
                typed.at,
                format!("`instance_id` has no effect: {} names its instances itself", cloud.summary),
            )
            .help("there, first boot runs once for each new machine; remove `instance_id`"),
        );
    }
    if typed.value == "content" { InstanceId::Content } else { InstanceId::Stable }
}
