//! The files in the text of an `apply_patch`.

/// What stands before a path at the beginning of a line. Not every client needs a blank behind it.
const HEADERS: [&str; 4] = [
    "*** Add File:",
    "*** Update File:",
    "*** Delete File:",
    "*** Move to:",
];

/// Returns the paths that the patch touches, as it spells them. Codex takes headers that are indented; lines of content
/// begin with another character, or are unchanged lines that read like a header and are taken for one.
pub(super) fn paths(patch: &str) -> Vec<String> {
    let path = |line: &str| {
        let line = line.trim();
        let path = HEADERS.iter().find_map(|header| line.strip_prefix(header));
        path.map(|path| path.trim_start().to_owned())
    };
    let mut paths: Vec<String> = patch
        .lines()
        .filter_map(path)
        .filter(|path| !path.is_empty())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_patch_is_found_once() {
        let patch = "*** Begin Patch\r\n*** Add File: new file.md\r\n+*** Update File: not/this\r\n\
                     *** Update File: src/a.rs\n*** Move to: src/b.rs\n@@ fn\n-old\n+new\n\
                     *** Delete File: gone.rs\n*** Update File: src/a.rs\n*** End Patch";
        assert_eq!(paths(patch), ["gone.rs", "new file.md", "src/a.rs", "src/b.rs"]);
    }

    #[test]
    fn headers_may_be_indented() {
        let patch = "*** Begin Patch\n  *** Update File: src/a.rs\n\t*** Move to: src/b.rs\n@@\n-x\n\
                     + *** Update File: not/this\n- *** Add File: nor/that\n *** Delete File: c.rs \n*** End Patch";
        assert_eq!(paths(patch), ["c.rs", "src/a.rs", "src/b.rs"]);
    }

    #[test]
    fn a_text_that_is_no_patch_names_nothing() {
        assert_eq!(paths("*** Update File:  \nUpdate File: a"), [""; 0]);
    }
}
