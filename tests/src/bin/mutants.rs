//! Mutation test of a room of the core: every comparison, condition, sum and body of a function is changed, one at a time,
//! and the tests must notice (issue of surviving mutants: `protocol/docs/mutants.md`).
//!
//! `cargo run -p coterie-tests --bin mutants -- protocol/src/encryption` copies the repository to a temporary folder, writes *all*
//! changes into the copied files at once, each behind a number, builds the tests once, and runs them with
//! `MUTANT=1`, `MUTANT=2`, … . So a thousand changes cost one build ("mutant schemata", Untch et al., ISSTA 1993), where
//! `cargo mutants` builds for each. `--tests` names the quick unit tests, without those after `--skip`; those after
//! `--then`, and the integration tests after `--also`, are asked about what survives the quick ones. Each run ends at
//! its first failure. `--jobs` says how many run side by side, `--seconds` when to stop, `--only` which numbers to try;
//! `--list` only lists the changes.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a command that cannot go on ends, and says where")]
#![expect(clippy::string_slice, reason = "the parser's places lie between characters")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coterie_tests::house;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A run that takes this many times as long as the unchanged one hangs, and so is noticed.
const PATIENCE: u32 = 8;

/// How long the tests may take that are asked about survivors.
const SLOW: Duration = Duration::from_secs(300);

/// What is put into the copied library: whether a change is on.
const SWITCH: &str = "
pub mod mutants {
    pub fn on(number: u32) -> bool {
        static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
        *CHOSEN.get_or_init(|| std::env::var(\"MUTANT\").ok().and_then(|number| number.parse().ok()).unwrap_or(0)) == number
    }
    pub fn flip(number: u32, is_so: bool) -> bool { is_so != on(number) }
}
";

/// One change.
struct Mutant {
    place: String,
    what: String,
}

/// Text to be put in at an offset; at one offset in the order in which they were found, which nests them rightly.
struct Edit {
    at: usize,
    text: String,
    is_end: bool,
}

/// Finds the changes in one file.
struct Finder<'a> {
    path: &'a str,
    text: &'a str,
    mutants: &'a mut Vec<Mutant>,
    edits: Vec<Edit>,
    function: String,
}

impl Finder<'_> {
    fn number(&mut self, span: proc_macro2::Span, what: String) -> usize {
        let place = format!("{}:{} {}", self.path, span.start().line, self.function);
        self.mutants.push(Mutant { place, what });
        self.mutants.len()
    }

    fn source(&self, node: &impl Spanned) -> &str {
        &self.text[node.span().byte_range()]
    }

    fn wrap(&mut self, node: &impl Spanned, before: String, after: String) {
        let range = node.span().byte_range();
        self.edits.push(Edit { at: range.start, text: before, is_end: false });
        self.edits.push(Edit { at: range.end, text: after, is_end: true });
    }

    fn flip(&mut self, node: &impl Spanned, what: String) {
        let number = self.number(node.span(), what);
        self.wrap(node, format!("(crate::mutants::flip({number}, ("), ")))".to_owned());
    }

    fn binary(&mut self, binary: &syn::ExprBinary) {
        use syn::BinOp;
        let (left, right) = (self.source(&*binary.left).to_owned(), self.source(&*binary.right).to_owned());
        let both = format!("({left}) == ({right})");
        let shown = self.source(binary).replace('\n', " ");
        let what = |to: &str| format!("`{shown}` became {to}");
        match binary.op {
            BinOp::Eq(_) => self.flip(binary, what("`!=`")),
            BinOp::Ne(_) => self.flip(binary, what("`==`")),
            BinOp::Lt(_) | BinOp::Gt(_) => {
                let (edge, turned) = (what("true also when equal"), what("the opposite"));
                let number = self.number(binary.span(), edge);
                self.wrap(binary, "((".to_owned(), format!(") || (crate::mutants::on({number}) && {both}))"));
                self.flip(binary, turned);
            }
            BinOp::Le(_) | BinOp::Ge(_) => {
                let (edge, turned) = (what("false when equal"), what("the opposite"));
                let number = self.number(binary.span(), edge);
                self.wrap(binary, "((".to_owned(), format!(") && !(crate::mutants::on({number}) && {both}))"));
                self.flip(binary, turned);
            }
            BinOp::And(_) if !holds_let(&binary.left) && !holds_let(&binary.right) => {
                let number = self.number(binary.span(), what("`||`"));
                let either = format!("(({left}) || ({right}))");
                self.wrap(binary, "((".to_owned(), format!(") || (crate::mutants::on({number}) && {either}))"));
            }
            BinOp::Or(_) => {
                let number = self.number(binary.span(), what("`&&`"));
                let all = format!("(({left}) && ({right}))");
                self.wrap(binary, "((".to_owned(), format!(") && (!crate::mutants::on({number}) || {all}))"));
            }
            _ => {}
        }
    }

    fn body(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if signature.constness.is_some() {
            return;
        }
        let returned = match &signature.output {
            syn::ReturnType::Default => vec!["return;".to_owned()],
            syn::ReturnType::Type(_, kind) => {
                let kind = self.source(&**kind).to_owned();
                match kind.as_str() {
                    "bool" => vec!["return true;".to_owned(), "return false;".to_owned()],
                    kind if kind.starts_with("Option<") => vec!["return None;".to_owned()],
                    kind if kind.starts_with("Vec<") => vec!["return Vec::new();".to_owned()],
                    kind if kind.starts_with("Result<(),") => vec!["return Ok(());".to_owned()],
                    "u64" | "usize" => vec!["return 0;".to_owned(), "return 1;".to_owned()],
                    _ => Vec::new(),
                }
            }
        };
        for text in returned {
            let number = self.number(signature.span(), format!("the body became `{text}`"));
            let at = block.brace_token.span.open().byte_range().end;
            self.edits.push(Edit {
                at,
                text: format!(" if crate::mutants::on({number}) {{ {text} }} "),
                is_end: false,
            });
        }
    }

    /// The file with all changes in it.
    fn written(mut self) -> String {
        let mut out = String::with_capacity(self.text.len() * 2);
        // Outer ones were found first: they begin before and end after what lies in them.
        let order = |(found, edit): (usize, &Edit)| {
            (edit.at, !edit.is_end, if edit.is_end { usize::MAX - found } else { found })
        };
        let mut sorted: Vec<(_, Edit)> = {
            let keys: Vec<_> = self.edits.iter().enumerate().map(order).collect();
            keys.into_iter().zip(self.edits.drain(..)).collect()
        };
        sorted.sort_by_key(|(key, _)| *key);
        let mut done = 0;
        for (_, edit) in sorted {
            out.push_str(&self.text[done..edit.at]);
            out.push_str(&edit.text);
            done = edit.at;
        }
        out.push_str(&self.text[done..]);
        out
    }
}

/// Whether a condition binds a name, so that it can't stand outside of its `if`.
fn holds_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => holds_let(&binary.left) || holds_let(&binary.right),
        syn::Expr::Paren(inner) => holds_let(&inner.expr),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.sig.constness.is_none() && !is_test(&item.attrs) {
            self.function = item.sig.ident.to_string();
            self.body(&item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if item.sig.constness.is_none() && !is_test(&item.attrs) {
            self.function = item.sig.ident.to_string();
            self.body(&item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        self.binary(binary);
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        if matches!(unary.op, syn::UnOp::Not(_)) && !matches!(*unary.expr, syn::Expr::Binary(_) | syn::Expr::Paren(_)) {
            let what = format!("`{}` lost its `!`", self.source(unary));
            self.flip(unary, what);
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_if(&mut self, condition: &'ast syn::ExprIf) {
        if matches!(
            *condition.cond,
            syn::Expr::MethodCall(_) | syn::Expr::Call(_) | syn::Expr::Path(_) | syn::Expr::Field(_)
        ) {
            let what = format!("`if {}` became its opposite", self.source(&*condition.cond));
            self.flip(&*condition.cond, what);
        }
        visit::visit_expr_if(self, condition);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        let swap = [("saturating_add", "saturating_sub"), ("saturating_sub", "saturating_add")];
        if let Some((_, other)) = swap.iter().find(|(from, _)| *from == name) {
            let range = call.method.span().byte_range();
            let whole = call.span().byte_range();
            let other = format!("{}{other}{}", &self.text[whole.start..range.start], &self.text[range.end..whole.end]);
            let number = self.number(
                call.method.span(),
                format!("`{}`: {name} became the other", self.source(call).replace('\n', " ")),
            );
            self.wrap(call, format!("(if crate::mutants::on({number}) {{ {other} }} else {{ "), " })".to_owned());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

fn files_below(root: &Path, room: &str) -> Vec<PathBuf> {
    let listed = Command::new("git").arg("ls-files").arg("--").arg(format!("{room}*")).current_dir(root).output();
    let listed = String::from_utf8(listed.expect("git runs").stdout).expect("paths");
    let is_code = |path: &&str| path.ends_with(".rs") && !path.contains("/tests");
    listed.lines().filter(is_code).map(PathBuf::from).collect()
}

/// Writes all changes of a room into a copy of the repository.
fn plant(root: &Path, copy: &Path, room: &str) -> Vec<Mutant> {
    let cloned = Command::new("git").args(["clone", "-q"]).arg(root).arg(copy).status();
    assert!(cloned.expect("git runs").success(), "the repository is copied (as it is committed)");
    let mut mutants = Vec::new();
    for path in files_below(copy, room) {
        let text = std::fs::read_to_string(copy.join(&path)).expect("a file");
        let file = syn::parse_file(&text).expect("Rust");
        let name = path.to_string_lossy().into_owned();
        let mut finder =
            Finder { path: &name, text: &text, mutants: &mut mutants, edits: Vec::new(), function: String::new() };
        finder.visit_file(&file);
        let written = finder.written();
        std::fs::write(copy.join(&path), written).expect("written");
    }
    let lib = copy.join("protocol/src/lib.rs");
    let text = std::fs::read_to_string(&lib).expect("the library");
    std::fs::write(&lib, text + SWITCH).expect("written");
    mutants
}

/// The built test programs, by name.
fn build(copy: &Path, also: &[String]) -> BTreeMap<String, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "-p", "coterie-protocol", "--no-run", "--lib", "--message-format=json"]);
    for name in also {
        cargo.args(["--test", name]);
    }
    let built = cargo.current_dir(copy).stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(built.status.success(), "the changed tests build");
    let text = String::from_utf8_lossy(&built.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        })
        .collect()
}

/// Which tests of the unit tests are asked first.
struct Quick {
    filters: Vec<String>,
    skipped: Vec<String>,
}

/// Whether the tests go well with this change; in how long.
fn holds(program: &Path, copy: &Path, quick: &Quick, mutant: usize, patience: Duration) -> (bool, Duration) {
    let since = Instant::now();
    let mut run = Command::new(program);
    // The first failure is enough; stable's test harness knows that wish too, if it is told to.
    run.args(&quick.filters).args(["--test-threads", "1", "--format", "terse", "-Zunstable-options", "--fail-fast"]);
    run.args(quick.skipped.iter().flat_map(|name| ["--skip", name])).env("RUSTC_BOOTSTRAP", "1");
    run.env("MUTANT", mutant.to_string()).env("RUST_BACKTRACE", "0").current_dir(copy.join("protocol"));
    run.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = run.spawn().expect("the tests start");
    while since.elapsed() < patience && child.try_wait().expect("a child").is_none() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    // If it is over already, nothing is killed.
    let _ = child.kill();
    (child.wait().expect("a child").success(), since.elapsed())
}

/// The words after `flag`, up to the next one.
fn after(arguments: &[String], flag: &str) -> Vec<String> {
    let from = arguments.iter().skip_while(|word| *word != flag).skip(1);
    from.take_while(|word| !word.starts_with("--")).cloned().collect()
}

/// All that is asked about a change, the quickest first.
struct Asked {
    copy: PathBuf,
    programs: BTreeMap<String, PathBuf>,
    quick: Quick,
    then: Vec<String>,
    also: Vec<String>,
    patience: Duration,
}

impl Asked {
    fn all(&self) -> Quick {
        Quick { filters: self.then.clone(), skipped: Vec::new() }
    }

    fn survives(&self, number: usize) -> bool {
        let main = &self.programs["coterie_protocol"];
        let whole = Quick { filters: Vec::new(), skipped: Vec::new() };
        holds(main, &self.copy, &self.quick, number, self.patience).0
            && (self.then.is_empty() || holds(main, &self.copy, &self.all(), number, SLOW).0)
            && self.also.iter().all(|name| holds(&self.programs[name], &self.copy, &whole, number, SLOW).0)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let room = arguments.first().expect("a room, such as protocol/src/encryption").clone();
    let [filters, skipped, then, also] = ["--tests", "--skip", "--then", "--also"].map(|flag| after(&arguments, flag));
    let [seconds, jobs] = [("--seconds", 7_200), ("--jobs", 1)]
        .map(|(flag, usual)| after(&arguments, flag).first().map_or(usual, |word| word.parse().expect("a number")));
    let only: Vec<usize> = after(&arguments, "--only").iter().map(|word| word.parse().expect("a number")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy");
    let mutants = plant(&house::root(), &copy, &room);
    println!("{} changes in {room}", mutants.len());
    if arguments.iter().any(|word| word == "--list") {
        (1..).zip(&mutants).for_each(|(number, mutant)| println!("{number}: {}: {}", mutant.place, mutant.what));
        return;
    }
    let programs = build(&copy, &also);
    let mut asked =
        Asked { copy, programs, quick: Quick { filters, skipped }, then, also, patience: Duration::from_secs(600) };
    let (is_well, time) = holds(&asked.programs["coterie_protocol"], &asked.copy, &asked.quick, 0, asked.patience);
    assert!(is_well && asked.survives(0), "the tests fail without any change");
    println!("the quick tests take {time:?} unchanged");
    asked.patience = time * PATIENCE + Duration::from_secs(5);

    let until = Instant::now() + Duration::from_secs(seconds);
    let chosen: Vec<usize> = (1..=mutants.len()).filter(|number| only.is_empty() || only.contains(number)).collect();
    let (next, survivors) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while Instant::now() < until
                    && let Some(&number) = chosen.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if asked.survives(number) {
                        let mutant = &mutants[number - 1];
                        println!("SURVIVES {number}: {}: {}", mutant.place, mutant.what);
                        survivors.lock().expect("no thread panics").push(number);
                    }
                }
            });
        }
    });
    let tried = next.into_inner().min(chosen.len());
    let survivors = survivors.into_inner().expect("no thread panics").len();
    println!("{tried} of {} changes tried, {survivors} survive", mutants.len());
}
