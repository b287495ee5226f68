//! The options by which a command line leads to a board: found among others, compared and written.

use crate::board::Namespace;
use crate::cli::args::Place;
use crate::cli::{CliError, place};

const SOCKET: &str = "--socket";
const NAMESPACE: &str = "--namespace";

/// Which board a command line leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Address {
    /// `None` for that of the project which the command is run in.
    socket: Option<String>,
    /// `None` for the default.
    namespace: Option<String>,
}

/// What the user says of a board; what was not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Said {
    socket: Option<String>,
    namespace: Option<String>,
}

impl Address {
    /// Returns where `place` leads from anywhere.
    pub(in crate::cli) fn of(place: &Place) -> Result<Self, CliError> {
        Ok(Said::of(place, true)?.over(&Self::default()))
    }

    /// Returns where `words` lead, and the words that are not about that. `None` when an option has no value.
    pub(in crate::cli) fn take(words: Vec<String>) -> Option<(Self, Vec<String>)> {
        let (mut said, mut rest) = (Said::default(), Vec::new());
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (option, joined) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            match option {
                SOCKET => said.socket = Some(joined.or_else(|| words.next())?),
                NAMESPACE => said.namespace = Some(joined.or_else(|| words.next())?),
                _ => rest.push(word),
            }
        }
        Some((said.over(&Self::default()), rest))
    }

    /// Returns the options that lead there.
    pub(in crate::cli) fn words(&self) -> impl Iterator<Item = String> {
        let options = [(SOCKET, &self.socket), (NAMESPACE, &self.namespace)];
        let options = options
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value.clone()?]));
        options.flatten()
    }
}

impl Said {
    /// Returns what `place` says, whose namespace is the default when `names_namespace` is not so.
    pub(in crate::cli) fn of(place: &Place, names_namespace: bool) -> Result<Self, CliError> {
        let socket = match place.socket {
            Some(_) => Some(place::project(place)?.socket.display().to_string()),
            None => None,
        };
        let namespace = names_namespace.then(|| place.namespace.to_string());
        Ok(Self { socket, namespace })
    }

    /// Returns the board that is meant where `old` was meant before.
    pub(in crate::cli) fn over(&self, old: &Address) -> Address {
        let namespace = self.namespace.as_ref().or(old.namespace.as_ref());
        Address {
            socket: self.socket.clone().or_else(|| old.socket.clone()),
            namespace: namespace
                .filter(|name| **name != Namespace::default().as_str())
                .cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(words: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Address::take(words).map(|(address, rest)| (address.words().collect(), rest))
    }

    #[test]
    fn what_leads_to_a_board_is_told_from_what_does_not() {
        for (words, leads, rest) in [
            (&["--loud"][..], &[][..], &["--loud"][..]),
            (
                &["--namespace=n", "--agent", "me", "--socket", "/s"],
                &["--socket", "/s", "--namespace", "n"],
                &["--agent", "me"],
            ),
            (&["--namespace", "main"], &[], &[]),
            (&["--socket=/a=b"], &["--socket", "/a=b"], &[]),
        ] {
            let (found, left) = take(words).unwrap();
            assert_eq!((&found[..], &left[..]), (&owned(leads)[..], &owned(rest)[..]));
        }
        assert_eq!(take(&["--loud", "--socket"]), None);
    }

    #[test]
    fn what_was_not_said_stays_and_the_default_can_be_said() {
        let old = Said {
            socket: Some("/s".to_owned()),
            namespace: Some("n".to_owned()),
        }
        .over(&Address::default());
        assert_eq!(Said::default().over(&old), old);
        let main = Said {
            namespace: Some("main".to_owned()),
            ..Said::default()
        };
        let words: Vec<_> = main.over(&old).words().collect();
        assert_eq!(words, ["--socket", "/s"]);
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}
