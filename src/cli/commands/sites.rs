//! `packmule sites`: the labs of a centre; one is suspended, revoked, or given all rows anew.

use serde_json::{Value, json};

use crate::cli::{Answer, Context, Grid, SiteArg, SitesArgs, SitesCommand};
use crate::engine::{self, AccountDoor, Home, PeerStatus, SiteChange, SiteDetails, SiteOrder};
use crate::ledger::SiteState;
use crate::model::Site;
use crate::report::{Exit, Report, moment, order_facts, order_words, peer_json, pile, site_facts};

/// Lists or shows the labs, or does what is ordered for one.
pub fn run(args: &SitesArgs, context: &Context) -> Result<Exit, Report> {
    match &args.command {
        None | Some(SitesCommand::List) => list(context),
        Some(SitesCommand::Show { site }) => show(context, site),
        Some(SitesCommand::Suspend(site)) => order(context, site, SiteOrder::Suspend, false),
        Some(SitesCommand::Resume(site)) => order(context, site, SiteOrder::Resume, false),
        Some(SitesCommand::Revoke { site, yes }) => order(context, site, SiteOrder::Revoke, *yes),
        Some(SitesCommand::Resend(site)) => order(context, site, SiteOrder::Resend, false),
    }
}

fn list(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let peers = engine::sites(&mut home)?;
    if peers.is_empty() {
        context.out.prose("No lab is enrolled yet.");
    } else {
        context.out.grid(&grid(&peers));
    }
    let next = next(&peers);
    context.out.prose(&format!("Do next: {next}"));
    let sites: Vec<Value> = peers.iter().map(peer_json).collect();
    context.out.json("packmule.sites.v1", json!({ "sites": sites, "do_next": next }));
    Ok(Exit::Done)
}

fn grid(peers: &[PeerStatus]) -> Grid {
    let mut grid = Grid::new(&["lab", "no", "state", "last data (UTC)", "waits", "on its way", "confirmed"]);
    for peer in peers {
        let last = peer.last_data.map(|(number, when)| format!("{number}, {}", when.to_words()));
        let numbers = peer.at_home.bundles.len() + peer.under_way.bundles.len();
        let on_its_way = match (peer.state, peer.wants_snapshot) {
            (SiteState::Revoked, _) => "-".to_owned(),
            (SiteState::Active | SiteState::Suspended, true) => "all rows due".to_owned(),
            (SiteState::Active | SiteState::Suspended, false) => {
                pile(numbers, peer.at_home.size_bytes + peer.under_way.size_bytes)
            }
        };
        grid.row(&[
            peer.site.to_string(),
            peer.number.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            peer.state.to_string(),
            last.unwrap_or_else(|| "-".to_owned()),
            pile(peer.waiting.len(), peer.waiting_bytes),
            on_its_way,
            peer.confirmed.map_or_else(|| "-".to_owned(), |(number, _)| number.to_string()),
        ]);
    }
    grid
}

fn next(peers: &[PeerStatus]) -> String {
    let mut next: Vec<String> = Vec::new();
    if peers.is_empty() {
        next.push("for each lab: packmule enrol LAB.card".to_owned());
    }
    for peer in peers.iter().filter(|peer| peer.frozen.is_some() || peer.has_gap()) {
        next.push(format!("packmule sites show {}", peer.site));
    }
    if next.is_empty() { "nothing".to_owned() } else { next.join("; ") }
}

fn show(context: &Context, site: &Site) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::look(&settings, &progress)?;
    let details = engine::site(&mut home, site)?;
    let next = next_for(&details.peer);
    context.out.prose(&headline(&details.peer));
    context.out.facts(&site_facts(&details));
    context.out.prose(&format!("Do next: {next}"));
    context.out.json("packmule.sites.v1", json!({ "sites": [details_json(&details)], "do_next": next }));
    Ok(Exit::Done)
}

fn headline(peer: &PeerStatus) -> String {
    let number = peer.number.map(|number| format!(" number {number},")).unwrap_or_default();
    format!("{}:{number} {}, enrolled {}.", peer.site, peer.state, moment(peer.enrolled_at))
}

fn next_for(peer: &PeerStatus) -> String {
    let site = &peer.site;
    match peer.state {
        SiteState::Revoked => "nothing".to_owned(),
        SiteState::Suspended => format!("when it may take part again: packmule sites resume {site}"),
        SiteState::Active if peer.frozen.is_some() => {
            format!("ask {site} whether its database was put back from a backup or copied")
        }
        SiteState::Active if peer.has_gap() => format!("ask {site} to export again"),
        SiteState::Active if peer.wants_snapshot || peer.unconfirmed() > 0 || peer.unsealed > 0 => {
            format!("with the stick of {site}: packmule import; it puts what waits for {site} on it")
        }
        SiteState::Active => "nothing".to_owned(),
    }
}

fn details_json(details: &SiteDetails) -> Value {
    let mut value = peer_json(&details.peer);
    value["words"] = json!(details.words);
    value["signing_key_id"] = json!(details.signing_key_id);
    value["signing_key"] = json!(details.signing_key);
    value["encryption_key"] = json!(details.encryption_key);
    value
}

fn order(context: &Context, arg: &SiteArg, order: SiteOrder, yes: bool) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let (site, dry_run) = (&arg.site, arg.run.dry_run);
    let mut home = match dry_run {
        true => Home::look(&settings, &progress)?,
        false => Home::work(&settings, &progress)?,
    };
    let mut change = engine::preview_change(&mut home, site, order)?;
    if !dry_run {
        if order == SiteOrder::Revoke && change.is_new && !yes {
            ask_to_revoke(context, site)?;
        }
        change = engine::change_site(&mut home, site, order)?;
    }
    let next = if dry_run { "nothing".to_owned() } else { after(&change) };
    context.out.prose(&order_words(&change, dry_run));
    context.out.facts(&order_facts(&change));
    if dry_run {
        context.out.prose("This was a dry run: nothing was changed.");
    }
    context.out.prose(&format!("Do next: {next}"));
    context.out.json("packmule.site-changed.v1", change_json(&change, dry_run, &next));
    Ok(Exit::Done)
}

fn ask_to_revoke(context: &Context, site: &Site) -> Result<(), Report> {
    let question = format!("Revoke {site} for good? Nothing that it sends will be applied any more");
    match context.ask.typed_yes(&question)? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Report::new(Exit::Question, format!("{site} was not revoked"))
            .because("only the word yes goes on; nothing was changed")
            .hint(format!("for a while only: packmule sites suspend {site}"))),
    }
}

fn after(change: &SiteChange) -> String {
    let site = &change.site;
    match change.order {
        SiteOrder::Suspend => {
            format!("nothing; when {site} may take part again: packmule sites resume {site}")
        }
        SiteOrder::Resume | SiteOrder::Resend if change.wants_snapshot => {
            format!(
                "packmule export, or packmule import with the stick of {site}; then at {site}: packmule import"
            )
        }
        SiteOrder::Resume | SiteOrder::Resend => "nothing".to_owned(),
        SiteOrder::Revoke => {
            "if the lab goes on, set it up anew under another name: there packmule init, here packmule enrol"
                .to_owned()
        }
    }
}

fn account_word(account: &AccountDoor) -> Value {
    match account {
        AccountDoor::None => Value::Null,
        AccountDoor::Open => json!("open"),
        AccountDoor::Closed => json!("closed"),
        AccountDoor::Half { statement } => json!({ "statement": statement }),
    }
}

fn change_json(change: &SiteChange, dry_run: bool, next: &str) -> Value {
    let order = match change.order {
        SiteOrder::Suspend => "suspend",
        SiteOrder::Resume => "resume",
        SiteOrder::Revoke => "revoke",
        SiteOrder::Resend => "resend",
    };
    json!({
        "dry_run": dry_run,
        "site": change.site.to_string(),
        "order": order,
        "before": change.before.to_string(),
        "state": change.after.to_string(),
        "wants_snapshot": change.wants_snapshot,
        "changed": change.is_new,
        "removed": change.removed,
        "account": account_word(&change.account),
        "do_next": next,
    })
}
