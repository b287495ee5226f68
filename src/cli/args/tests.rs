//! Command lines, and what is read from them.

use super::*;

fn read(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::read(line.split(' ').map(OsString::from))
}

#[test]
fn the_description_is_consistent() {
    description().debug_assert();
    let ids: Vec<_> = description()
        .get_arguments()
        .map(|arg| arg.get_id().to_string())
        .collect();
    assert!(SERVE_OPTIONS.iter().all(|id| ids.iter().any(|known| known == id)));
}

#[test]
fn options_of_the_board_are_refused_beside_a_subcommand() {
    let error = read("callboard --max-keys 5 get task:1").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error.to_string().contains("--max-keys is an option of the board"),
        "{error}"
    );
    assert_eq!(
        read("callboard --max-keys 5")
            .unwrap()
            .serve
            .plan(Duration::ZERO)
            .limits,
        Limits {
            keys: 5,
            ..Limits::default()
        }
    );
}

#[test]
fn place_and_json_stand_on_either_side_of_the_subcommand() {
    for line in [
        "callboard --socket /s --namespace n --json get k",
        "callboard get k --socket /s --namespace n --json",
    ] {
        let arguments = read(line).unwrap();
        assert_eq!(arguments.place.socket, Some(PathBuf::from("/s")));
        assert_eq!(arguments.place.namespace.as_str(), "n");
        assert!(arguments.json);
    }
    assert!(read("callboard get k --namespace a:b").is_err());
}

#[test]
fn a_value_may_begin_with_a_hyphen() {
    let Some(Command::Set { value, .. }) = read("callboard set k -5").unwrap().command else {
        panic!("not a set");
    };
    assert_eq!(value, "-5");
}

#[test]
fn a_board_lingers_for_ten_minutes_unless_it_is_told_otherwise() {
    let linger = |line| read(line).unwrap().serve.linger();
    assert_eq!(linger("callboard"), Some(Duration::from_secs(600)));
    assert_eq!(linger("callboard --linger 5"), Some(Duration::from_secs(5)));
    assert_eq!(linger("callboard --linger 0"), None);
    assert!(read("callboard --linger 5 stop").is_err());
    assert!(
        read("callboard --detached").is_err(),
        "it has no screen to draw on"
    );
}
