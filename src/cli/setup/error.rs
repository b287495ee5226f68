//! Why a client was not set up, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::cli::text;

/// Why nothing was written for a client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// None of the clients is there.
    #[error("none of the clients that callboard knows was found on this machine")]
    NoClient,
    /// A configuration cannot be read as what it should be.
    #[error("{}:{line}: {problem}", .file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration is no text.
    #[error("{} is not text in UTF-8", .0.display())]
    NoText(PathBuf),
    /// The place of our entry or file is taken.
    #[error("{} has something else called callboard already: {}", .file.display(), text::whole_line(.found))]
    Taken {
        /// The file.
        file: PathBuf,
        /// What is there.
        found: String,
    },
    /// A link leads to where setup has no business.
    #[error("{} leads to {}, which is not below {}", .file.display(), .target.display(), .base.display())]
    Leaves {
        /// The file as it is called.
        file: PathBuf,
        /// Where it really is.
        target: PathBuf,
        /// The directory that it must be in.
        base: PathBuf,
    },
    /// A link leads to nothing, or what is there is no file.
    #[error("{} is {what}", .file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The user's home is not known.
    #[error("the environment does not say where your home is")]
    NoHome,
    /// The client has no file for this scope that is known.
    #[error("it is not known where {client} keeps the servers of a user")]
    NoUserFile {
        /// What people call it.
        client: &'static str,
        /// The command that adds the server instead.
        command: Option<String>,
    },
    /// Nobody can be asked.
    #[error("there is no terminal to ask on, so nothing was written")]
    Unasked,
    /// The file is not what the shown change was made for.
    #[error("{} was changed by somebody else in the meantime", .0.display())]
    Meddled(PathBuf),
    /// The system refuses something.
    #[error("cannot {doing} {}: {source}", .file.display())]
    System {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Of several clients, some failed; what was wrong with each has been told.
    #[error("{failed} of {all} clients were left as they were")]
    Some {
        /// How many failed.
        failed: usize,
        /// How many there were.
        all: usize,
    },
}

impl SetupError {
    /// Returns what the reader can do about it.
    pub(in crate::cli) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoClient => "name the one that you want: callboard setup claude".to_owned(),
            Self::Broken { .. } | Self::NoText(_) => {
                "nothing was changed; repair the file or move it away, then run it again".to_owned()
            }
            Self::Taken { .. } => "nothing was changed; rename or remove that, then run it again".to_owned(),
            Self::Leaves { target, .. } => format!(
                "if that is what you want, put there what `callboard config` prints: {}",
                target.display()
            ),
            Self::NoFile { .. } => "remove it, then run it again".to_owned(),
            Self::NoHome => "set HOME, or use --project".to_owned(),
            Self::NoUserFile {
                command: Some(command),
                ..
            } => format!("run: {command}"),
            Self::NoUserFile { command: None, .. } => "use --project".to_owned(),
            Self::Unasked => "add --yes to write it, or --dry-run to look only".to_owned(),
            Self::Meddled(_) => "nothing was written to it; run it again to see the change anew".to_owned(),
            Self::System { .. } => return None,
            Self::Some { .. } => "see above what to do about each".to_owned(),
        })
    }
}
