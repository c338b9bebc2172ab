//! User-data against the limit of a cloud, with what to do when it is over: the very bytes that a build would write are measured.

use std::io;

use super::encoding::{self, Encoded};
use super::seed::{self, SeedFile};
use super::{Context, user_data};
use crate::cluster::{Compress, Host, Method};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::format::checksum::Sha256Sum;
use crate::plan::HostPlan;

/// A URL as long as they get, for a delivery that is only thought of.
const URL: &str = "http://boot.example.net/a/folder/of/some/depth/on/the/server/of/seeds";

/// Reports user-data that is over the limit: by how much, which files are the largest, which delivery fits.
///
/// # Errors
/// When it cannot be packed, as a build would say.
pub fn check(plan: &HostPlan, host: &Host, context: Context<'_>, diags: &mut Diagnostics) -> io::Result<()> {
    let cluster = context.cluster;
    let cloud = &cluster.cloud;
    let Some(limit) = cloud.limit else { return Ok(()) };
    let tree = seed::tree(plan, context)?;
    let method = &cluster.delivery.method;
    let plain = user_data::emit(plan, &tree, Sha256Sum([0; 32]), method, context);
    if cluster.delivery.compress != Compress::Always && cloud.takes(plain.len()) {
        return Ok(());
    }
    let encoded = emit(plan, &tree, method, context)?;
    if cloud.takes(encoded.bytes.len()) {
        return Ok(());
    }
    let counted = |encoded: &Encoded| cloud.counted(encoded.bytes.len());
    let (form, size) = (if cloud.base64 { " in base64" } else { "" }, counted(&encoded));
    let over = size - limit;
    let s = if over == 1 { "" } else { "s" };
    let message = format!("user-data of `{}` is {over} byte{s} too large: {} takes {limit}{form}", host.name, cloud.summary);
    let forms: Vec<Encoded> = cloud.encodings.iter().map(|encoding| encoding::form(&plain, *encoding)).collect();
    let sizes: Vec<String> = forms.iter().map(|encoded| format!("{} bytes {}", counted(encoded), encoded.encoding.word())).collect();
    let mut diagnostic =
        Diagnostic::error(codes::USER_DATA_SIZE, cluster.delivery.at, message).help(format!("its size{form}: {}", sizes.join(", ")));
    if *method == Method::Inline {
        let mut sizes: Vec<_> = tree.iter().map(|f| (f.content.bytes.len(), f.path.as_str())).collect();
        sizes.sort_by(|a, b| b.cmp(a));
        let largest: Vec<_> = sizes.iter().take(3).map(|(size, path)| format!("{path} ({size} bytes)")).collect();
        diagnostic = diagnostic.help(format!("largest: {}", largest.join(", ")));
    }
    if forms.iter().any(|encoded| cloud.takes(encoded.bytes.len())) {
        diagnostic = diagnostic.help("`compress: auto` fits");
    }
    let url = emit(plan, &tree, &Method::Url(URL.into()), context)?;
    let fits = cloud.takes(url.bytes.len());
    let advice = match (method, fits) {
        (Method::Inline, true) => "`delivery: {method: url, url: http://…/hosts}` fits",
        _ => "`delivery: hand` carries only accounts and the package source: unpack seed.tar.gz by hand, or describe fewer accounts",
    };
    diags.push(diagnostic.help(advice).subject(&host.name));
    Ok(())
}

/// What a build writes for one way of the seed.
fn emit(plan: &HostPlan, tree: &[SeedFile], method: &Method, context: Context<'_>) -> io::Result<Encoded> {
    // Digits of a digest do not compress, so that the real ones count.
    let tarball = match method {
        Method::Volume | Method::Url(_) => {
            let packed = seed::tarball(tree, None, context)?;
            packed.bytes().map_or(Sha256Sum([0; 32]), Sha256Sum::of)
        }
        Method::Inline | Method::Image | Method::Hand => Sha256Sum([0; 32]),
    };
    Ok(encoding::encode(user_data::emit(plan, tree, tarball, method, context), context.cluster))
}
