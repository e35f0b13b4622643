//! One call of the engine for one request, on a thread of its own, under the name of a person who may make it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::config::Settings;
use crate::console::error::Error;
use crate::console::session::Person;
use crate::console::trouble::Trouble;
use crate::engine::{self, Cause, Home};
use crate::model::UserRole;
use crate::monitor::Silent;

/// Where work is handed in.
pub(super) struct Desk {
    settings: Arc<Settings>,
    folder: PathBuf,
    /// So many look at a time: each has a connection to the database, and its answer in memory.
    looks: Arc<Semaphore>,
    /// Changes go one after the other; a second one would only wait for the first one's rows.
    changes: Arc<Semaphore>,
}

/// How the centre is opened for a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Look,
    Share,
    Alone,
}

impl Desk {
    pub(super) fn open(settings: Settings) -> Result<Self, Error> {
        let folder = settings.state.join("console");
        let fault = |source| Error::File { path: folder.clone(), source };
        // What was on its way when the console last ended.
        match std::fs::remove_dir_all(folder.join(PARTS)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
            Ok(()) | Err(_) => {}
        }
        for name in [PARTS, CARDS, ANSWERS] {
            std::fs::create_dir_all(folder.join(name)).map_err(fault)?;
        }
        private(&folder).map_err(fault)?;
        Ok(Desk {
            settings: Arc::new(settings),
            folder,
            looks: Arc::new(Semaphore::new(LOOKS_MAX)),
            changes: Arc::new(Semaphore::new(1)),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Looks, for anybody who has signed in.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        person: &Person,
        work: impl FnOnce(&mut Home<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.run(Some((person.clone(), UserRole::Viewer)), Work::Look, work).await
    }

    /// Changes something in the way of a decision: beside an agent, and beside other decisions.
    pub(super) async fn decide<T: Send + 'static>(
        &self,
        person: &Person,
        least: UserRole,
        work: impl FnOnce(&mut Home<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.run(Some((person.clone(), least)), Work::Share, work).await
    }

    /// Changes something that only one packmule can do at a time.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        person: &Person,
        least: UserRole,
        work: impl FnOnce(&mut Home<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.run(Some((person.clone(), least)), Work::Alone, work).await
    }

    /// Does what needs no person: somebody signs in, or a program reads figures.
    pub(super) async fn for_nobody<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Home<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        self.run(None, Work::Look, work).await
    }

    /// Does something that blocks and needs no site, among those who look.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let permit = Arc::clone(&self.looks).acquire_owned().await.map_err(|_| Trouble::Over)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| Trouble::Broken)?
    }

    async fn run<T: Send + 'static>(
        &self,
        person: Option<(Person, UserRole)>,
        kind: Work,
        work: impl FnOnce(&mut Home<'_>) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let permits = if kind == Work::Look { &self.looks } else { &self.changes };
        let permit = tokio::time::timeout(QUEUE_MAX, Arc::clone(permits).acquire_owned()).await;
        let permit = permit.map_err(|_| Trouble::Full)?.map_err(|_| Trouble::Over)?;
        let settings = Arc::clone(&self.settings);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut home = open(&settings, kind)?;
            if let Some((person, least)) = person {
                expect(&mut home, &person, least)?;
            }
            work(&mut home).map_err(Trouble::from)
        });
        done.await.map_err(|_| Trouble::Broken)?
    }
}

/// Opens the centre. Another packmule at work is waited for a while: most are done in seconds.
fn open(settings: &Settings, kind: Work) -> Result<Home<'_>, Trouble> {
    let begun = Instant::now();
    loop {
        let home = match kind {
            Work::Look => Home::look(settings, &Silent),
            Work::Share => Home::share(settings, &Silent, None),
            Work::Alone => Home::work(settings, &Silent),
        };
        match home {
            Err(engine::Error::State(Cause::AtWork)) if begun.elapsed() < LOCK_MAX => {
                std::thread::sleep(Duration::from_millis(100));
            }
            other => return Ok(other?),
        }
    }
}

/// The database says who somebody is and what they may do: whoever was removed, or has another password by now, is out at once.
fn expect(home: &mut Home<'_>, person: &Person, least: UserRole) -> Result<(), Trouble> {
    let user = engine::find_user(home, &person.name)?;
    match user {
        Some(user) if user.changed_at == person.changed_at && user.role >= least => Ok(()),
        Some(user) if user.changed_at == person.changed_at => Err(Trouble::NotAllowed { least }),
        Some(_) | None => Err(Trouble::SignedOut { back: None }),
    }
}

/// Cards and answers are for the person who runs the console.
#[cfg(unix)]
fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// What is on its way in or out; thrown away when the console starts.
pub(super) const PARTS: &str = "parts";
/// Cards that wait for two people to compare words.
pub(super) const CARDS: &str = "cards";
/// Answers for labs that were enrolled here.
pub(super) const ANSWERS: &str = "answers";
const LOOKS_MAX: usize = 4;
const QUEUE_MAX: Duration = Duration::from_secs(20);
const LOCK_MAX: Duration = Duration::from_secs(8);
