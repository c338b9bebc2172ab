//! `profile list`, `show`, `export`.

use std::fmt::Write;

use anyhow::{Result, bail};
use serde_json::json;

use super::args::{Format, Global, Profile as Options, ProfileCommand};
use super::{Verdict, report};
use crate::diag::{Diagnostics, Sources, did_you_mean};
use crate::format::shell::quoted;
use crate::io::{load, output};
use crate::platform;
use crate::profile::catalog::Catalog;
use crate::profile::{Profile, Role, Setting, VersionDefault, load as profile_load};

/// Lists, shows or exports.
pub fn run(options: &Options, global: &Global) -> Result<Verdict> {
    let catalog = load::catalog(&global.profile_dir)?;
    match &options.command {
        ProfileCommand::List => list(&catalog),
        ProfileCommand::Show { name, format } => show(&catalog, name, *format),
        ProfileCommand::Export { name, dir } => export(&catalog, name, dir),
    }
}

fn profile(catalog: &Catalog, name: &str) -> Result<Option<Profile>> {
    if !catalog.profiles().contains(&name) {
        bail!("there is no profile `{name}`; {}", did_you_mean(name, catalog.profiles()));
    }
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let profile = profile_load::load(name, catalog, &mut sources, &mut diags);
    report::diagnostics(&diags, &sources, Format::Text)?;
    Ok(profile)
}

fn list(catalog: &Catalog) -> Result<Verdict> {
    let mut out = String::from("profiles\n");
    let mut verdict = Verdict::Done;
    for name in catalog.profiles() {
        let origin = catalog.get(&format!("profiles/{name}/profile.yaml")).map_or("", |entry| &entry.origin);
        match profile(catalog, name)? {
            Some(profile) => drop(writeln!(out, "  {name:<16} {} ({origin})", profile.summary)),
            None => verdict = Verdict::Wrong,
        }
    }
    out.push_str("platforms\n");
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    for name in catalog.platforms() {
        if let Some(platform) = platform::load(name, catalog, &mut sources, &mut diags) {
            let _ = writeln!(out, "  {name:<16} {}", platform.summary);
        }
    }
    out.push_str("clouds\n");
    for cloud in platform::clouds(catalog, &mut sources, &mut diags) {
        let limit = cloud.limit.map_or(String::new(), |limit| format!(", {limit} bytes of user-data"));
        let _ = writeln!(out, "  {:<16} {}{limit}", cloud.name, cloud.summary);
    }
    report::diagnostics(&diags, &sources, Format::Text)?;
    report::data(&out)?;
    Ok(if diags.has_errors() { Verdict::Wrong } else { verdict })
}

fn show(catalog: &Catalog, name: &str, format: Format) -> Result<Verdict> {
    let Some(profile) = profile(catalog, name)? else { return Ok(Verdict::Wrong) };
    let text = match format {
        Format::Text => as_text(&profile),
        Format::Json => format!("{:#}\n", as_json(&profile)),
    };
    report::data(&text)?;
    Ok(Verdict::Done)
}

fn as_text(profile: &Profile) -> String {
    let mut out = format!("{}: {}\nplatforms: {}\n", profile.name, profile.summary, profile.platforms.join(", "));
    for (platform, why) in &profile.elsewhere {
        let _ = writeln!(out, "  not {platform}: {}", why.trim());
    }
    let mut section = |title: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            let _ = writeln!(out, "\n{title}\n  {}", entries.join("\n  "));
        }
    };
    let role = |role: &Role| {
        let mut lines = vec![format!("{}: {}", role.name, role.doc)];
        let services: Vec<&str> = role.services.iter().map(|s| s.name.value.as_str()).collect();
        lines.extend((!services.is_empty()).then(|| format!("services: {}", services.join(", "))));
        for (set, packages) in role.packages.iter().filter(|(_, packages)| !packages.is_empty()) {
            let names: Vec<&str> = packages.iter().map(|p| p.name.value.as_str()).collect();
            lines.push(format!("packages ({set}): {}", names.join(" ")));
        }
        lines.join("\n      ")
    };
    section("roles", profile.roles.iter().map(role).collect());
    let set = |(set, doc): (&String, &String)| {
        let default = if *set == profile.default_set { " (default)" } else { "" };
        format!("{set}{default}: {}", doc.trim())
    };
    section("package sets", profile.package_sets.iter().map(set).collect());
    let version = |(name, version): (&String, &VersionDefault)| {
        format!("{name}: {} ({})", version.doc, version.default.as_deref().unwrap_or("not pinned"))
    };
    section("versions", profile.versions.iter().map(version).collect());
    let setting = |(path, setting): (&String, &Setting)| {
        let default = match setting.default.as_ref().map(profile_load::plain_json) {
            Some(value) => format!(" = {value}"),
            None if setting.required => " (required)".into(),
            None => String::new(),
        };
        format!("{path}{default}\n      {}, per {}: {}", setting.type_name, setting.scope.word(), setting.doc)
    };
    section("settings", profile.settings.iter().map(setting).collect());
    let severity = |warning| if warning { "warning" } else { "error" };
    section("rules", profile.rules.iter().map(|r| format!("{}/{} ({})", profile.name, r.code, severity(r.warning))).collect());
    section("files", profile.files.iter().map(|file| format!("{:04o} {}", file.mode, file.path.value)).collect());
    out
}

fn as_json(profile: &Profile) -> serde_json::Value {
    let settings: serde_json::Map<String, serde_json::Value> = profile
        .settings
        .iter()
        .map(|(path, s)| {
            let default = s.default.as_ref().map(profile_load::plain_json);
            (
                path.clone(),
                json!({"type": s.type_name, "scope": s.scope.word(), "required": s.required, "default": default, "description": s.doc}),
            )
        })
        .collect();
    json!({
        "format": 1,
        "profile": profile.name,
        "summary": profile.summary,
        "platforms": profile.platforms,
        "elsewhere": profile.elsewhere,
        "roles": profile.roles.iter().map(|r| json!({"name": r.name, "description": r.doc})).collect::<Vec<_>>(),
        "package_sets": profile.package_sets,
        "default_set": profile.default_set,
        "versions": profile.versions.iter().map(|(n, v)| (n.clone(), json!({"default": v.default, "description": v.doc}))).collect::<serde_json::Map<_, _>>(),
        "settings": settings,
        "rules": profile.rules.iter().map(|r| json!({"code": format!("{}/{}", profile.name, r.code), "severity": if r.warning { "warning" } else { "error" }})).collect::<Vec<_>>(),
        "files": profile.files.iter().map(|f| f.path.value.clone()).collect::<Vec<_>>(),
    })
}

fn export(catalog: &Catalog, name: &str, dir: &std::path::Path) -> Result<Verdict> {
    let Some(profile) = profile(catalog, name)? else { return Ok(Verdict::Wrong) };
    let folder = format!("profiles/{name}/");
    // What it was laid over and makes no use of would lie there as a mistake, or as a file that nobody reads.
    let files: Vec<_> = catalog.below(&folder).filter(|(path, _)| !profile.unused.iter().any(|unused| unused == path)).collect();
    // All or nothing: the first file that is there already stops it before anything is written.
    for (path, _) in &files {
        let target = dir.join(name).join(path);
        if target.exists() {
            bail!("`{}` is there already; choose another folder", target.display());
        }
    }
    for (path, entry) in &files {
        let target = dir.join(name).join(path);
        if let Some(parent) = target.parent() {
            output::make_folder(parent)?;
        }
        output::write_file(&target, &entry.bytes, 0o644, true)?;
    }
    let (target, folder) = (dir.join(name), quoted(&dir.display().to_string()));
    report::say(&format!("wrote {} files to {}; use them with --profile-dir {folder}", files.len(), target.display()));
    Ok(Verdict::Done)
}
