//! `situs authorize`: one question, answered by a server or in this process.

mod local;
mod print;
mod request;

use std::process::ExitCode;

use serde_json::Value;

use self::local::Local;
use self::print::Told;
use self::request::{Question, RequestError};
use super::output::{chain, line, note, raw};
use super::remote::{self, Server, bad_words, failed};
use super::text::Printer;
use crate::grpc::words;
use crate::law::Facts;
use crate::policy;

/// Ask: may this data go there, or be handed to them?
///
/// The answer says ALLOW or DENY, which rules decided and where the law stands, what must now be done, and when
/// it is DENY, the lawful ways on. Ends with 0 where it is ALLOW, 3 where it is DENY, and 1 where there is no
/// answer, which is never an ALLOW (2: the arguments are wrong).
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    local: Local,
    /// How the answer is printed: for a person, whole or in brief, or as the wire's message in words.
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Text,
    Brief,
    Json,
}

/// Examples name places and dates of law, so they stand beside the catalogue that they speak of.
const EXAMPLES: &str = include_str!("../../deploy/example/authorize-help.txt");

/// The exit code of a denial: apart from 1, where there is no answer, and from 2, wrong arguments.
const DENIED: u8 = 3;

pub(super) fn run(args: &Args) -> ExitCode {
    let question = match args.question.words() {
        Ok(question) => question,
        Err(RequestError::Words(errors)) => {
            return errors.iter().fold(ExitCode::FAILURE, |_, error| bad_words(error));
        }
        Err(error) => {
            note(format!("error: {}", chain(&error)));
            return ExitCode::FAILURE;
        }
    };
    if args.local.local {
        return match args.local.decide(&question) {
            Ok((decision, facts)) => match words::answer(decision.answer) {
                Ok(answer) => {
                    let (action, facts) = (Some(decision.action.as_str()), Some(&*facts));
                    show(args, Told { question: &question, action, facts, local: true }, &answer)
                }
                Err(error) => bad_words(&error),
            },
            Err(code) => code,
        };
    }
    remote::run(async {
        let client = args.server.connect().await?;
        let answer = client.authorize(&question).await.map_err(failed)?;
        // The server's facts have the sentences of its own words; of those that every bundle begins with, the
        // default facts have them too.
        let facts = Facts::load(&policy::default_files()).ok();
        let told = Told { question: &question, action: None, facts: facts.as_ref(), local: false };
        Ok(show(args, told, &answer))
    })
}

fn show(args: &Args, told: Told<'_>, answer: &Value) -> ExitCode {
    match args.output {
        Output::Json => line(format!("{answer:#}")),
        Output::Text | Output::Brief => {
            let printer = Printer::for_stdout();
            let form = if args.output == Output::Brief { print::brief } else { print::text };
            match form(&printer, told, answer) {
                Ok(text) => raw(&text),
                Err(error) => {
                    note(format!(
                        "error: the answer cannot be read: {error}; is the server of this version?"
                    ));
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    // Whatever is not an allow is a deny.
    match answer.get("decision").and_then(Value::as_str) {
        Some("allow") => ExitCode::SUCCESS,
        _ => ExitCode::from(DENIED),
    }
}
