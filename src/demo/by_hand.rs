//! How a bundle is opened without packmule: commands to copy, and the same as a script.

use std::fs;
use std::path::Path;

use super::error::StoryError;
use super::stage::Stage;

impl Stage<'_> {
    /// Prints the commands that open `bundle`, a path in the demo's folder, and leaves them there as a script.
    pub(super) fn show_by_hand(&mut self, bundle: &str) -> Result<(), StoryError> {
        self.say.text(
            "Somebody finds the lost stick. Bundles are made by common tools, which open them again (Debian packages \
             minisign, age, zstd, jq): see what can be read, and what only the centre's key opens.",
        );
        let folder = self.folder.display().to_string();
        let lines = commands(bundle);
        self.say.line("");
        self.say.answer(&format!("cd {folder}"));
        for line in &lines {
            if line.starts_with('#') {
                self.say.line("");
            }
            self.say.answer(line);
        }
        let path = self.folder.join(SCRIPT);
        let script = format!("{HEAD}{}\n", lines.join("\n"));
        fs::write(&path, script).map_err(|source| self.fault(&path, source))?;
        self.say.text(&format!("The same commands are in {SCRIPT} there: sh {SCRIPT}"));
        Ok(())
    }
}

fn commands(bundle: &str) -> Vec<String> {
    let (stream, name) = bundle.rsplit_once('/').unwrap_or((".", bundle));
    let up = Path::new("..");
    let sign_pub = up.join("lab-a/keys/sign.pub");
    let key = up.join("central/keys/encrypt.key");
    [
        "# three files, nothing else",
        &format!("D={stream}"),
        &format!("B={name}"),
        "mkdir -p by-hand",
        "tar -tvf $D/$B",
        "tar -xf $D/$B -C by-hand",
        "cd by-hand",
        "# did lab-a sign it? the answer also says which bundle it is",
        &format!("minisign -V -p {} -m manifest.json", sign_pub.display()),
        "# what anybody who finds the stick can read, and no more",
        "jq . manifest.json",
        "# is the content the signed one?",
        r#"jq -r '.payload | "\(.sha256)  \(.name)"' manifest.json | sha256sum -c"#,
        "# open it: only the centre's key can",
        &format!("age -d -i {} -o changes.zst changes.ndjson.zst.age", key.display()),
        "zstd -q -d -f -M8MB changes.zst -o changes.ndjson",
        "# a head, then table by table the changes, an end",
        "jq -c . changes.ndjson",
    ]
    .map(str::to_owned)
    .to_vec()
}

const SCRIPT: &str = "open-by-hand.sh";
const HEAD: &str =
    "# Opens the bundle of lab-a's offline week with common tools.\nset -e\ncd \"$(dirname \"$0\")\"\n\n";
