//! What is written in `#[failpoint::test(…)]`?
//!
//! ```text
//! arguments = [ argument { "," argument } [ "," ] ] ;
//! argument  = "points" "=" CONFIG | "allow_unfired" | "crate" "=" PATH
//!           | "flavor" "=" ( '"current_thread"' | '"multi_thread"' )
//!           | "worker_threads" "=" NUMBER | "start_paused" "=" ( "true" | "false" ) ;
//! ```

use crate::krate;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, Ident, LitBool, LitStr, Path, Result, Token};

pub(crate) struct Arguments {
    /// The path of the crate `failpoint`.
    pub(crate) krate: Path,
    /// What is armed before the test: `a=TERMS;b=TERMS`.
    pub(crate) points: Option<Expr>,
    /// Whether a point that was armed may never fire.
    pub(crate) allow_unfired: bool,
    pub(crate) runtime: Runtime,
}

/// How tokio's runtime is built.
#[derive(Default)]
pub(crate) struct Runtime {
    /// The first word that asks for something of it.
    pub(crate) key: Option<Ident>,
    pub(crate) multi_thread: bool,
    pub(crate) worker_threads: Option<Expr>,
    pub(crate) start_paused: Option<LitBool>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self {
            krate: krate::default(),
            points: None,
            allow_unfired: false,
            runtime: Runtime::default(),
        };
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let key = input.fork().call(Ident::parse_any)?;
            if seen.contains(&key) {
                return Err(Error::new(key.span(), format!("`{key}` was given already")));
            }
            seen.push(key);
            arguments.argument(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        arguments.runtime.check(&seen)?;
        Ok(arguments)
    }
}

impl Arguments {
    fn argument(&mut self, input: ParseStream<'_>) -> Result<()> {
        if krate::peek(input) {
            self.krate = krate::parse(input)?;
            return Ok(());
        }
        let key = input.call(Ident::parse_any)?;
        if key == "allow_unfired" {
            self.allow_unfired = true;
            return Ok(());
        }
        let is_known =
            ["points", "flavor", "worker_threads", "start_paused"].iter().any(|name| key == name);
        if !is_known {
            return Err(Error::new(
                key.span(),
                format!(
                    "unknown argument `{key}`: expected `points`, `allow_unfired`, `flavor`, \
                     `worker_threads`, `start_paused` or `crate`"
                ),
            ));
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(key.span(), format!("expected `{key} = …`")));
        }
        input.parse::<Token![=]>()?;
        if key == "points" {
            self.points = Some(input.parse()?);
            return Ok(());
        }
        match key.to_string().as_str() {
            "flavor" => self.runtime.multi_thread = is_multi_thread(&input.parse()?)?,
            "worker_threads" => self.runtime.worker_threads = Some(input.parse()?),
            _ => self.runtime.start_paused = Some(input.parse()?),
        }
        self.runtime.key.get_or_insert(key);
        Ok(())
    }
}

fn is_multi_thread(flavor: &LitStr) -> Result<bool> {
    match flavor.value().as_str() {
        "current_thread" => Ok(false),
        "multi_thread" => Ok(true),
        _ => Err(Error::new(flavor.span(), "expected \"current_thread\" or \"multi_thread\"")),
    }
}

impl Runtime {
    /// What tokio would refuse when the test runs.
    fn check(&self, keys: &[Ident]) -> Result<()> {
        let (wrong, flavor) = match self.multi_thread {
            true => ("start_paused", "current_thread"),
            false => ("worker_threads", "multi_thread"),
        };
        match keys.iter().find(|key| *key == wrong) {
            Some(key) => {
                Err(Error::new(key.span(), format!("`{wrong}` goes with flavor = \"{flavor}\"")))
            }
            None => Ok(()),
        }
    }
}
