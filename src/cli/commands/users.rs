//! `packmule users`: who may sign in to the centre's web console, and what each may do there.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::{Ask, Context, Grid, PasswordArgs, UsersArgs, UsersCommand};
use crate::config::read_passphrase;
use crate::engine::{self, Home};
use crate::ledger::User;
use crate::model::{UserName, UserRole};
use crate::report::{Exit, Report};

/// Lists the users, or does what is to be done with one.
pub fn run(args: &UsersArgs, context: &Context) -> Result<Exit, Report> {
    match &args.command {
        None | Some(UsersCommand::List) => list(context),
        Some(UsersCommand::Add { name, role, password }) => add(context, name, *role, password),
        Some(UsersCommand::Password { name, password }) => change_password(context, name, password),
        Some(UsersCommand::Role { name, role }) => change_role(context, name, *role),
        Some(UsersCommand::Remove { name }) => remove(context, name),
    }
}

fn list(context: &Context) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let users = engine::users(&mut Home::look(&settings, &progress)?)?;
    if users.is_empty() {
        context.out.prose("Nobody may sign in to the console yet.");
    } else {
        context.out.grid(&grid(&users));
    }
    let next = next(&users);
    context.out.prose(&format!("Do next: {next}"));
    let users: Vec<Value> = users.iter().map(user_json).collect();
    context.out.json("packmule.users.v1", json!({ "users": users, "do_next": next }));
    Ok(Exit::Done)
}

fn grid(users: &[User]) -> Grid {
    let mut grid = Grid::new(&["user", "role", "since (UTC)", "signed in (UTC)"]);
    for user in users {
        grid.row(&[
            user.name.to_string(),
            user.role.to_string(),
            user.made_at.to_words(),
            user.signed_in_at.map_or_else(|| "never".to_owned(), |when| when.to_words()),
        ]);
    }
    grid
}

fn next(users: &[User]) -> &'static str {
    match users.iter().any(|user| user.role == UserRole::Admin) {
        true => "nothing",
        false => "let an admin in: packmule users add NAME --role admin",
    }
}

fn add(context: &Context, name: &UserName, role: UserRole, args: &PasswordArgs) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    // Before the site's lock is taken: nobody else must wait while a person types.
    let password = new_password(context, name, args)?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let user = engine::add_user(&mut home, name, role, &password)?;
    changed(context, &user, &format!("{name} may sign in as {role}: {}.", may(role)));
    Ok(Exit::Done)
}

fn change_password(context: &Context, name: &UserName, args: &PasswordArgs) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    // Before the site's lock is taken: nobody else must wait while a person types.
    let password = new_password(context, name, args)?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let user = engine::change_password(&mut home, name, &password)?;
    changed(context, &user, &format!("{name} has another password, and must sign in again."));
    Ok(Exit::Done)
}

fn change_role(context: &Context, name: &UserName, role: UserRole) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    let mut home = Home::work(&settings, &progress)?;
    let user = engine::set_user_role(&mut home, name, role)?;
    changed(context, &user, &format!("{name} is {role}: {}.", may(role)));
    Ok(Exit::Done)
}

fn remove(context: &Context, name: &UserName) -> Result<Exit, Report> {
    let settings = context.settings_to_sign_in()?;
    let progress = context.progress()?;
    engine::remove_user(&mut Home::work(&settings, &progress)?, name)?;
    context.out.result(&format!("{name} may sign in no more. What {name} has decided stays."));
    context.out.prose("Do next: nothing");
    context.out.json(
        "packmule.user-changed.v1",
        json!({ "user": null, "removed": name.to_string(), "do_next": "nothing" }),
    );
    Ok(Exit::Done)
}

/// Says what became of a user.
fn changed(context: &Context, user: &User, words: &str) {
    context.out.result(words);
    context.out.prose("Do next: nothing");
    context.out.json(
        "packmule.user-changed.v1",
        json!({ "user": user_json(user), "removed": null, "do_next": "nothing" }),
    );
}

fn may(role: UserRole) -> &'static str {
    match role {
        UserRole::Viewer => "looks, and changes nothing",
        UserRole::Reviewer => "looks, and decides conflicts",
        UserRole::Admin => "does everything",
    }
}

/// The password that is to be used from now on: out of a file, or typed twice.
fn new_password(
    context: &Context,
    name: &UserName,
    args: &PasswordArgs,
) -> Result<Zeroizing<String>, Report> {
    if let Some(path) = &args.password_file {
        return Ok(read_passphrase(path)?);
    }
    let question = format!("New password of {name}");
    if context.ask == Ask::Nobody {
        return Err(Report::new(Exit::Question, format!("a question needs an answer: {question}"))
            .because("nobody is here to answer; nothing was changed")
            .hint("answer it beforehand with `--password-file FILE`"));
    }
    let typed = context.ask.password(&question)?;
    if context.ask.password("The same again")?.expose() != typed.expose() {
        return Err(
            Report::new(Exit::Question, "these are two different passwords").because("nothing was changed")
        );
    }
    Ok(Zeroizing::new(typed.expose().to_owned()))
}

fn user_json(user: &User) -> Value {
    json!({
        "name": user.name.to_string(),
        "role": user.role.to_string(),
        "made_at": user.made_at.to_string(),
        "changed_at": user.changed_at.to_string(),
        "signed_in_at": user.signed_in_at.map(|when| when.to_string()),
    })
}
