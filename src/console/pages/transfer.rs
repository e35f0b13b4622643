//! Bundles in and out by browser, where neither stick nor line is at hand.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::extract::{Multipart, Path, State};
use axum::response::Response;
use maud::{Markup, html};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use walkdir::WalkDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::console::app::App;
use crate::console::desk::PARTS;
use crate::console::file::attachment;
use crate::console::pages::bundles::name_of;
use crate::console::pages::go;
use crate::console::pages::lab::site_of;
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, Carried, Home, Reply};
use crate::model::UserRole;
use crate::report::{Report, tell, unparked_line, waiting};

/// What is larger comes by stick.
pub(crate) const UPLOAD_BYTES_MAX: usize = 2 << 30;

/// The form for a bundle that came by mail or by another stick.
pub(super) fn upload_form() -> Markup {
    html! {
        form class="panel" method="post" action="/upload" enctype="multipart/form-data" {
            label for="file" { "Take in a bundle file" }
            input type="file" id="file" name="file" required accept=".mule";
            div class="actions" { button class="plain" { "Verify and apply" } }
        }
    }
}

/// Takes in a bundle file: what `packmule import FILE` does.
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    person: Person,
    mut form: Multipart,
) -> Result<Response, Trouble> {
    // Before gigabytes are written for somebody who may not.
    app.desk.decide(&person, UserRole::Admin, |_| Ok(())).await?;
    let cut = |_| Trouble::Form { why: "the file was cut short, or is larger than 2 GiB".to_owned() };
    let folder = tempfile::tempdir_in(app.folder().join(PARTS))?;
    let path = folder.path().join("uploaded.mule");
    let mut is_there = false;
    while let Some(mut field) = form.next_field().await.map_err(cut)? {
        if field.name() != Some("file") {
            continue;
        }
        let mut file = tokio::fs::File::create(&path).await?;
        while let Some(chunk) = field.chunk().await.map_err(cut)? {
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        is_there = true;
    }
    if !is_there {
        return Err(Trouble::Form { why: "there is no file in it".to_owned() });
    }
    let work = move |home: &mut Home<'_>| {
        let import = engine::import_usually(home, &[path])?;
        engine::prune(home)?;
        drop(folder);
        Ok((import, home.site().clone()))
    };
    let (import, here) = app.desk.change(&person, UserRole::Admin, work).await?;
    let names = waiting(&import.items);
    let mut lines: Vec<String> = Vec::new();
    for item in import.items {
        let told = tell(item, &here, &names, false);
        lines.push(format!("{}: {}", told.label, told.line));
        lines.extend(told.next.map(|next| format!("Do next: {next}")));
    }
    lines.extend(unparked_line(&import.unparked));
    lines.extend(import.problems.into_iter().map(|problem| Report::from(problem).what));
    if lines.is_empty() {
        lines.push("That file is no bundle; nothing was changed.".to_owned());
    }
    app.sessions.leave_note(&person.key, lines.join("\n"));
    Ok(go("/bundles"))
}

/// A bundle as it lies here.
pub(crate) async fn download_bundle(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let name = name_of(&name)?;
    let asked = name.clone();
    let path =
        app.desk.decide(&person, UserRole::Admin, move |home| engine::stored_path(home, &asked)).await?;
    let gone = || Trouble::NotFound { what: format!("file of {name} here any more") };
    let path = path.ok_or_else(gone)?;
    let file = app.desk.blocking(move || Ok(File::open(path)?)).await.map_err(|_| gone())?;
    attachment(file, &name.to_string())
}

/// Seals, and answers with all that waits for a lab, laid out as on a stick.
pub(crate) async fn download_for_lab(
    State(app): State<Arc<App>>,
    person: Person,
    Path(name): Path<String>,
) -> Result<Response, Trouble> {
    let site = site_of(&name)?;
    let folder = tempfile::tempdir_in(app.folder().join(PARTS))?;
    let (asked, place) = (site.clone(), folder.path().to_path_buf());
    let work = move |home: &mut Home<'_>| {
        engine::expect_active_labs(home, [&asked])?;
        engine::reply(home, &place, [&asked])
    };
    let Reply { carried, .. } = app.desk.change(&person, UserRole::Admin, work).await?;
    let Carried { bundles, stopped_by, .. } = carried;
    if let Some(stopped) = stopped_by {
        return Err(Report::from(stopped).into());
    }
    let names: Vec<String> = bundles.iter().map(|one| one.name.to_string()).collect();
    match names.as_slice() {
        [] => {
            app.sessions.leave_note(&person.key, format!("Nothing waits for {site}."));
            Ok(go(&format!("/labs/{site}")))
        }
        _ => {
            let packed = app.desk.blocking(move || pack(&folder)).await?;
            attachment(packed, &format!("for-{site}.zip"))
        }
    }
}

/// Packs a folder, as it is, into a file that every file manager opens. Nothing is compressed: bundles are already.
fn pack(folder: &TempDir) -> Result<File, Trouble> {
    let mut zip =
        ZipWriter::new(tempfile::tempfile_in(folder.path().parent().unwrap_or(FilePath::new(".")))?);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for entry in WalkDir::new(folder.path()).sort_by_file_name() {
        let entry = entry.map_err(io::Error::from)?;
        let inside = entry.path().strip_prefix(folder.path()).unwrap_or(entry.path());
        if !entry.file_type().is_file() {
            continue;
        }
        let name: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        zip.start_file(name.join("/"), options).map_err(io::Error::from)?;
        io::copy(&mut File::open(entry.path())?, &mut zip)?;
    }
    let mut file = zip.finish().map_err(io::Error::from)?;
    file.rewind()?;
    Ok(file)
}
