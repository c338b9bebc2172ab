//! The least that any program must do for the same output: digest, deflate, write. No planning, no checks, one pass.

use std::fs;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// All bytes of an output before they are packed, in memory.
pub struct Prepared {
    hosts: Vec<(PathBuf, Vec<File>)>,
    top: Vec<File>,
}

struct File {
    name: PathBuf,
    bytes: Vec<u8>,
    /// The bytes are those of the tar inside.
    packed: bool,
}

impl Prepared {
    /// Reads an output and unpacks its tarballs.
    pub fn read(out: &Path) -> Result<Self> {
        let mut folders: Vec<_> = fs::read_dir(out.join("hosts"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        folders.sort();
        let relative = |folder: PathBuf| {
            let files = files(&folder)?;
            Ok((folder.strip_prefix(out)?.to_path_buf(), files))
        };
        let hosts = folders.into_par_iter().map(relative).collect::<Result<_>>()?;
        Ok(Self { hosts, top: files(out)? })
    }

    /// Writes it all below a new folder and brings it to the disk once, as `build` does; on the threads of the current pool.
    pub fn write(&self, out: &Path) -> Result<()> {
        fs::create_dir_all(out.join("hosts"))?;
        self.hosts.par_iter().try_for_each(|(folder, files)| {
            let folder = out.join(folder);
            fs::create_dir(&folder)?;
            write(&folder, files)
        })?;
        write(out, &self.top)?;
        rustix::fs::syncfs(fs::File::open(out)?).context("bringing the floor's files to the disk")
    }
}

fn files(folder: &Path) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let mut bytes = fs::read(&path)?;
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        if packed {
            let mut tar = Vec::new();
            GzDecoder::new(&bytes[..]).read_to_end(&mut tar)?;
            tar.shrink_to_fit();
            bytes = tar;
        }
        found.push(File { name: path.file_name().unwrap_or_default().into(), bytes, packed });
    }
    Ok(found)
}

fn write(folder: &Path, files: &[File]) -> Result<()> {
    for file in files {
        let packed = if file.packed { Some(deflate(&file.bytes)?) } else { None };
        let bytes = packed.as_ref().unwrap_or(&file.bytes);
        black_box(Sha256::digest(bytes));
        fs::write(folder.join(&file.name), bytes)?;
    }
    Ok(())
}

fn deflate(tar: &[u8]) -> Result<Vec<u8>> {
    let mut gz = GzEncoder::new(Vec::with_capacity(tar.len() / 3), Compression::new(6));
    gz.write_all(tar)?;
    Ok(gz.finish()?)
}
