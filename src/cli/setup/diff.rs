//! A change as people know it: a unified diff.

use similar::TextDiff;

use crate::cli::text;

/// How many unchanged lines stand around a change.
const CONTEXT: usize = 3;

/// Returns the change of the file `name`, where `None` is no file. What is shown comes from files of others, so
/// nothing in it can control the terminal.
pub(super) fn unified(name: &str, before: Option<&str>, after: Option<&str>) -> String {
    let side = |text: Option<&str>| if text.is_some() { name } else { "/dev/null" };
    let (old, new) = (side(before), side(after));
    let diff = TextDiff::from_lines(before.unwrap_or_default(), after.unwrap_or_default());
    let shown = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .header(old, new)
        .to_string();
    text::printable(&shown.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_and_one_that_goes_have_one_side() {
        assert_eq!(
            unified("a", None, Some("x\r\n")),
            "--- /dev/null\n+++ a\n@@ -0,0 +1 @@\n+x\n"
        );
        let gone = unified("a", Some("x\u{1b}[31m"), None);
        assert!(gone.starts_with("--- a\n+++ /dev/null\n"), "{gone}");
        assert!(!gone.contains('\u{1b}'));
    }
}
