//! Help for a name that does not exist: which ones come nearest.

/// Beyond this length a name is not worth comparing.
const MAX_NAME: usize = 64;
/// How many names are offered.
const OFFERED: usize = 3;

/// Returns the names that come nearest to `wrong`, best first; none when nothing comes near.
///
/// Case, `_` and `-` do not count, nor does what clients put before a tool's name, as in
/// `mcp__callboard__getStorage`.
pub(super) fn nearest(wrong: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    if wrong.len() > MAX_NAME {
        return Vec::new();
    }
    let wrong = plain(wrong.rsplit("__").next().unwrap_or(wrong));
    let mut ranked: Vec<_> = names
        .map(|name| (distance(&wrong, &plain(name)), name))
        .filter(|(distance, name)| *distance <= name.len() / 2)
        .collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().map(|(_, name)| name).take(OFFERED).collect()
}

fn plain(name: &str) -> Vec<u8> {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
    letters.map(|byte| byte.to_ascii_lowercase()).collect()
}

/// Returns how many letters must be added, removed or replaced to get from `a` to `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["setStorage", "getStorage", "listKeys", "watchStorage"];

    fn near(wrong: &str) -> Vec<&'static str> {
        nearest(wrong, NAMES.into_iter())
    }

    #[test]
    fn slips_and_other_spellings_find_their_tool() {
        for (wrong, meant) in [
            ("setStorge", "setStorage"),
            ("set_storage", "setStorage"),
            ("SETSTORAGE", "setStorage"),
            ("mcp__callboard__getStorage", "getStorage"),
            ("list_key", "listKeys"),
        ] {
            assert_eq!(near(wrong).first(), Some(&meant), "{wrong}");
        }
    }

    #[test]
    fn what_comes_near_nothing_gets_no_offer() {
        for wrong in ["", "bash", "frobnicate", &"x".repeat(10_000)] {
            assert_eq!(near(wrong), Vec::<&str>::new(), "{wrong}");
        }
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (a, b, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0)] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected);
        }
    }
}
