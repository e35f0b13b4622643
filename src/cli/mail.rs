//! What is said of bundles that went by network, by `push`, `pull` and `sync`.

use serde_json::{Value, json};

use crate::cli::commands::import::{lines, rank};
use crate::cli::sent::{content, sealed_json};
use crate::cli::{Context, LineArgs};
use crate::engine::{LineOptions, Pull, Push, Pushed, PushedBundle, Unfetched};
use crate::mailbox::UnderWay;
use crate::model::{BundleKind, BundleName, Role, Site};
use crate::report::{
    Exit, Facts, Report, Told, bundles, capital, counts_json, escape, is_are, number_of, size, tell,
    unparked_json, unparked_line, waiting,
};

impl From<LineArgs> for LineOptions {
    fn from(args: LineArgs) -> Self {
        LineOptions { timeout: args.timeout, limit_rate: args.limit_rate }
    }
}

/// What a push or a pull comes to, in words and for a program.
pub(super) struct Outcome {
    /// Whether there was nothing to do.
    is_idle: bool,
    /// What is printed.
    lines: Vec<String>,
    /// One line for each bundle that was taken in.
    told: Vec<Told>,
    /// What went wrong.
    reports: Vec<Report>,
    /// What a person should do.
    pub(super) next: Vec<String>,
    /// The same for a program.
    pub(super) value: Value,
}

impl Outcome {
    /// Prints it, and returns the exit code.
    pub(super) fn say(&self, context: &Context) -> Exit {
        self.lines.iter().for_each(|line| context.out.prose(line));
        if !self.told.is_empty() {
            let mut facts = Facts::flush();
            lines(&self.told, &self.reports).iter().for_each(|(label, line)| facts.add(label, line));
            context.out.facts(&facts);
        }
        if !context.out.is_json() {
            self.reports.iter().for_each(|report| context.out.report(report));
        }
        self.exit()
    }

    /// What went wrong, each thing on its own.
    pub(super) fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// The same without what went wrong, one sentence a line; nothing where nothing was done.
    pub(super) fn sentences(&self) -> Vec<String> {
        if self.is_idle {
            return Vec::new();
        }
        let told = lines(&self.told, &[]).into_iter().map(|(label, line)| format!("{label}: {line}"));
        self.lines.iter().cloned().chain(told).collect()
    }

    /// The code of the error that matters most.
    pub(super) fn exit(&self) -> Exit {
        self.reports.iter().min_by_key(|report| rank(report.code)).map_or(Exit::Done, |report| report.code)
    }

    /// Prints it with what to do next, for a person and for a program, and returns the exit code.
    pub(super) fn finish(self, context: &Context, format: &str) -> Exit {
        let exit = self.say(context);
        let next = if self.next.is_empty() { "nothing".to_owned() } else { self.next.join("; ") };
        context.out.prose(&format!("Do next: {next}"));
        let mut value = self.value;
        if let Value::Object(fields) = &mut value {
            fields.extend([("dry_run".to_owned(), json!(false)), ("exit".to_owned(), json!(exit.number()))]);
            fields.insert("do_next".to_owned(), json!(next));
        }
        context.out.json(format, value);
        exit
    }
}

/// Puts a pull into words.
pub(super) fn pulled(pull: Pull, here: &Site) -> Outcome {
    let is_quiet = pull.fetched.is_empty() && pull.stopped_by.is_none();
    let is_idle =
        is_quiet && pull.unfetched.is_empty() && pull.odd.is_empty() && pull.import.items.is_empty();
    let mut lines: Vec<String> = Vec::new();
    if !pull.fetched.is_empty() {
        let bytes = pull.fetched.iter().map(|one| one.size_bytes).sum();
        let from: Vec<String> = pull.senders().iter().map(Site::to_string).collect();
        let count = number_of(pull.fetched.len() as u64, "bundle", "bundles");
        lines.push(format!("Fetched {count} from {}, {}.", from.join(", "), size(bytes)));
    } else if is_quiet && pull.unfetched.is_empty() {
        lines.push(format!("Nothing new waits for {here}."));
    }
    let unparked = unparked_line(&pull.import.unparked);
    let is_idle = is_idle && unparked.is_none();
    lines.extend(unparked);
    lines.extend(pull.odd.iter().map(|odd| {
        format!(
            "Row {} of the mail is no bundle of packmule's ({}) and was left alone.",
            odd.id,
            escape(&odd.name)
        )
    }));
    let fetched: Vec<Value> = pull
        .fetched
        .iter()
        .map(|one| json!({ "name": one.name.to_string(), "bytes": one.size_bytes, "fetched_bytes": one.fetched_bytes }))
        .collect();
    let mut reports: Vec<Report> = pull.unfetched.into_iter().map(unfetched).collect();
    reports.extend(pull.import.problems.into_iter().map(Report::from));
    reports.extend(pull.import.not_retried.map(Report::from));
    let waits = waiting(&pull.import.items);
    let items = pull.import.items.into_iter();
    let told: Vec<Told> = items.map(|item| tell(item, here, &waits, false)).collect();
    let mut next: Vec<String> = Vec::new();
    for words in told.iter().filter_map(|one| one.next.clone()) {
        if !next.contains(&words) {
            next.push(words);
        }
    }
    reports.extend(told.iter().filter_map(|one| one.report.clone()));
    reports.extend(pull.stopped_by.map(|error| under_way(error.into(), pull.under_way.as_ref(), "here")));
    let set_aside: u64 = told.iter().filter_map(|one| one.applied).map(|applied| applied.parked).sum();
    if set_aside > 0 {
        let changes = number_of(set_aside, "change is", "changes are");
        next.push(format!("packmule conflicts list: {changes} set aside for a person"));
    }
    let value = json!({
        "fetched": fetched,
        "bundles": told.iter().map(|one| &one.value).collect::<Vec<_>>(),
        "problems": reports.iter().map(Report::to_value).collect::<Vec<_>>(),
        "odd": pull.odd.iter().map(|odd| json!({ "row": odd.id, "name": odd.name })).collect::<Vec<_>>(),
        "removed": pull.cleared.bundles,
        "set_aside_before": unparked_json(&pull.import.unparked),
    });
    Outcome { is_idle, lines, told, reports, next, value }
}

/// A bundle that was damaged on its way: where it was removed, its sender sends it again by itself.
fn unfetched(one: Unfetched) -> Report {
    let from = one.name.from.clone();
    let report = Report::from(one.error);
    match one.is_removed {
        true => Report { hints: Vec::new(), ..report }
            .hint(format!("it was taken out of the mail; {from} sends it again at its next `packmule push`")),
        false => report,
    }
}

/// Puts a push into words.
pub(super) fn pushed(push: Push, role: Role) -> Outcome {
    let mut lines = Vec::new();
    for (table, why) in &push.sealed.skipped {
        let (table, why) = (escape(table.as_str()), escape(why));
        lines.push(format!("Table {table} was left out: {why}; its changes stay in the log."));
    }
    let mut receivers: Vec<&Site> = push.bundles.iter().map(|one| &one.name.to).collect();
    receivers.dedup();
    receivers.iter().for_each(|site| lines.extend(sent_lines(&push, site)));
    lines.extend(unparked_line(&push.sealed.unparked));
    let is_idle = lines.is_empty() && push.left.is_empty() && push.stopped_by.is_none();
    if is_idle {
        lines.push("Nothing has changed, and nothing waits to be sent.".to_owned());
    }
    if !push.only_by_stick.is_empty() {
        let sites: Vec<&str> = push.only_by_stick.iter().map(Site::as_str).collect();
        lines.push(format!("Only by stick, because there is no mail for them: {}.", sites.join(", ")));
    }
    let value = push_json(&push);
    let mut reports: Vec<Report> = push.bundles.iter().filter_map(refused).collect();
    let left = push.left.clone();
    reports.extend(
        push.stopped_by
            .map(|error| not_sent(under_way(error.into(), push.under_way.as_ref(), "there"), &left)),
    );
    let waits =
        push.bundles.iter().any(|one| one.kind != BundleKind::Receipt && one.outcome != Pushed::Taken);
    let next = match (role, waits, left.is_empty()) {
        (_, _, false) => vec!["run the same command again".to_owned()],
        (Role::Lab, true, true) => {
            vec!["nothing; the centre's receipt comes with a later `packmule sync`".to_owned()]
        }
        (Role::Lab, false, true) | (Role::Central, _, true) => Vec::new(),
    };
    Outcome { is_idle, lines, told: Vec::new(), reports, next, value }
}

/// What lies at the centre for a site: what was sent just now, and what was there before.
fn sent_lines(push: &Push, site: &Site) -> Vec<String> {
    let of_site = |one: &&PushedBundle| one.name.to == *site;
    let (new, mut older): (Vec<&PushedBundle>, Vec<&PushedBundle>) =
        push.bundles.iter().filter(of_site).partition(|one| one.outcome == Pushed::Sent);
    let numbers = |some: &[&PushedBundle]| some.iter().map(|one| one.name.seq.number()).collect::<Vec<u64>>();
    let mut lines = Vec::new();
    if !new.is_empty() {
        let bytes = size(new.iter().map(|one| one.sent_bytes).sum());
        let stream = push.sealed.streams.iter().find(|stream| stream.to == *site);
        let only_sealed = stream.filter(|stream| new.iter().all(|one| stream.names.contains(&one.name)));
        let what = only_sealed
            .map_or_else(|| format!("{bytes} sent"), |stream| format!("{}; {bytes} sent", content(stream)));
        lines.push(format!(
            "{} for {site} {} at the centre: {what}.",
            capital(&bundles(&numbers(&new))),
            is_are(new.len())
        ));
    }
    // Nobody waits for the confirmation of a receipt.
    older.retain(|one| one.kind != BundleKind::Receipt || one.outcome == Pushed::There);
    for (outcome, words) in [
        (Pushed::There, "at the centre already, not confirmed yet"),
        (Pushed::Taken, "applied by the centre; the receipt is on its way"),
    ] {
        let some: Vec<&PushedBundle> = older.iter().copied().filter(|one| one.outcome == outcome).collect();
        if !some.is_empty() {
            lines.push(format!(
                "{} for {site} {} {words}.",
                capital(&bundles(&numbers(&some))),
                is_are(some.len())
            ));
        }
    }
    lines
}

fn refused(one: &PushedBundle) -> Option<Report> {
    let BundleName { to, seq, .. } = &one.name;
    match &one.outcome {
        Pushed::Refused { note } => Some(
            Report::new(Exit::Refused, format!("{to} cannot use bundle {seq}: it {note}"))
                .because("it was looked at there and put aside; it is kept here")
                .hint("look at the file: packmule verify FILE, in the folder outbox of this site's state folder")
                .hint("tell the centre"),
        ),
        Pushed::Leaving => Some(
            Report::new(Exit::Unreachable, format!("bundle {seq} for {to} was damaged at the centre"))
                .because("it is being removed there; it is kept here and will be sent next time")
                .hint("run the same command again"),
        ),
        Pushed::Sent | Pushed::There | Pushed::Taken => None,
    }
}

/// A line that broke in the middle: how far it came.
fn under_way(report: Report, under_way: Option<&UnderWay>, place: &str) -> Report {
    let Some(UnderWay { name, done_bytes, size_bytes }) = under_way else {
        return report;
    };
    let (done, whole) = (size(*done_bytes), size(*size_bytes));
    let far = format!("{done} of {whole} of bundle {} are {place}", name.seq);
    let cause = report.cause.clone().map_or(far.clone(), |cause| format!("{cause}; {far}"));
    report.because(cause)
}

fn not_sent(report: Report, left: &[BundleName]) -> Report {
    if left.is_empty() {
        return report;
    }
    let numbers: Vec<u64> = left.iter().map(|name| name.seq.number()).collect();
    // Of several receivers the numbers may be the same.
    let one_stream = left.iter().all(|name| Some(&name.to) == left.first().map(|first| &first.to));
    let what = if one_stream { bundles(&numbers) } else { number_of(left.len() as u64, "bundle", "bundles") };
    let safe = format!("{what} {} kept here and will be sent next time", is_are(left.len()));
    let cause = report.cause.clone().map_or(safe.clone(), |cause| format!("{cause}; {safe}"));
    report.because(cause)
}

fn push_json(push: &Push) -> Value {
    let bundle = |one: &PushedBundle| {
        json!({
            "bundle": one.name.seq.number(),
            "name": one.name.to_string(),
            "to": one.name.to.to_string(),
            "kind": one.kind.to_string(),
            "bytes": one.size_bytes,
            "sent_bytes": one.sent_bytes,
            "state": word(&one.outcome),
        })
    };
    json!({
        "sealed": sealed_json(&push.sealed),
        "changes": counts_json(&push.sealed.counts),
        "bundles": push.bundles.iter().map(bundle).collect::<Vec<_>>(),
        "left": push.left.iter().map(BundleName::to_string).collect::<Vec<_>>(),
        "set_aside_before": unparked_json(&push.sealed.unparked),
        "only_by_stick": push.only_by_stick.iter().map(Site::to_string).collect::<Vec<_>>(),
        "removed": push.cleared.bundles,
    })
}

fn word(outcome: &Pushed) -> &'static str {
    match outcome {
        Pushed::Sent => "sent",
        Pushed::There => "there",
        Pushed::Taken => "taken",
        Pushed::Refused { .. } => "refused",
        Pushed::Leaving => "leaving",
    }
}
