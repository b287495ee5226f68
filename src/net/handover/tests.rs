use tokio::task::spawn_blocking;

use super::*;
use crate::net::lines::{Line, Lines};
use crate::net::listen::Claim;

const IMAGE: &[u8] = b"what the board knows\nover two lines";

fn project(dir: &tempfile::TempDir) -> Project {
    Project::locate(dir.path(), None, Some(dir.path())).unwrap()
}

/// Returns who asks next, as a server hears of it.
async fn next(listening: &Listening) -> Successor {
    next_of(listening, VERSION).await.unwrap()
}

/// The same for one who is taken to speak `version`.
async fn next_of(listening: &Listening, version: u32) -> Option<Successor> {
    let mut stream = listening.accept().await.unwrap();
    let mut lines = Lines::default();
    let line = loop {
        if let Some(Line::Whole(range)) = lines.next() {
            break range;
        }
        assert_ne!(lines.fill(&mut stream).await.unwrap(), 0);
    };
    let ask = Ask::read(lines.bytes(&line)).unwrap().unwrap();
    let ask = Ask { version, ..ask };
    let pid = stream.peer_cred().unwrap().pid();
    Successor::of(stream, pid.map(i32::cast_unsigned), ask).unwrap()
}

fn ask(project: &Project) -> tokio::task::JoinHandle<Result<Offer, HandoverError>> {
    let project = project.clone();
    spawn_blocking(move || Offer::ask(&project, true))
}

async fn give(successor: Successor, listening: Listening) -> Result<(), Box<Kept>> {
    spawn_blocking(move || successor.give(listening, IMAGE))
        .await
        .unwrap()
}

fn is_taken(project: &Project) -> bool {
    matches!(Claim::take(project), Err(ListenError::Taken { .. }))
}

#[tokio::test]
async fn lock_and_socket_change_hands_and_are_never_free() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    let listening = Claim::take(&project).unwrap().listen().unwrap();
    let asked = ask(&project);
    let successor = next(&listening).await;
    assert_eq!(successor.pid(), Some(std::process::id()));
    assert!(successor.has_screen());
    let given = tokio::spawn(give(successor, listening));
    let offer = asked.await.unwrap().unwrap();
    assert_eq!(offer.image(), IMAGE);
    assert!(is_taken(&project));
    // Nobody accepts at the moment, and this is no reason to fail.
    let early = UnixStream::connect(&project.socket).unwrap();

    let listening = offer.accept(&project).unwrap();
    given.await.unwrap().unwrap();
    assert!(is_taken(&project), "also now that the predecessor has let go");
    let own = early.peer_addr().unwrap();
    listening.accept().await.unwrap();
    assert_eq!(own.as_pathname(), Some(&*project.socket));

    drop(listening);
    assert!(!project.socket.exists());
    assert!(!is_taken(&project));
}

#[tokio::test]
async fn a_successor_that_gives_up_or_dies_leaves_all_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    let listening = Claim::take(&project).unwrap().listen().unwrap();
    let asked = ask(&project);
    let successor = next(&listening).await;
    let given = tokio::spawn(give(successor, listening));
    drop(asked.await.unwrap().unwrap());
    let Kept { listening, error } = *given.await.unwrap().unwrap_err();
    assert!(
        error.to_string().contains("hear whether the board is taken"),
        "{error}"
    );
    assert!(is_taken(&project));
    UnixStream::connect(&project.socket).unwrap();
    listening.accept().await.unwrap();
}

#[tokio::test]
async fn a_successor_that_was_given_up_cannot_take_the_board_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    let listening = Claim::take(&project).unwrap().listen().unwrap();
    let asked = ask(&project);
    let successor = next(&listening).await;
    let impatient = Some(Duration::from_millis(1));
    successor.stream.set_read_timeout(impatient).unwrap();
    let given = tokio::spawn(give(successor, listening));
    let offer = asked.await.unwrap().unwrap();
    let Kept { listening, .. } = *given.await.unwrap().unwrap_err();
    let refused = offer.accept(&project).unwrap_err();
    assert!(refused.to_string().contains("take the board"), "{refused}");
    assert!(is_taken(&project));
    UnixStream::connect(&project.socket).unwrap();
    listening.accept().await.unwrap();
}

#[tokio::test]
async fn who_is_refused_is_told_why() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    let listening = Claim::take(&project).unwrap().listen().unwrap();
    let asked = ask(&project);
    next(&listening).await.refuse("a dashboard shows it already");
    let refused = asked.await.unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "a dashboard shows it already");
}

#[tokio::test]
async fn another_version_gets_no_board() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    let listening = Claim::take(&project).unwrap().listen().unwrap();
    let asked = ask(&project);
    assert!(next_of(&listening, VERSION + 1).await.is_none());
    let refused = asked.await.unwrap().unwrap_err().to_string();
    assert!(
        refused.contains("another version") && refused.contains("callboard stop"),
        "{refused}"
    );
}

#[tokio::test]
async fn who_waits_no_more_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    let listening = Claim::take(&project).unwrap().listen().unwrap();
    let mut asks = UnixStream::connect(&project.socket).unwrap();
    let ask = Ask {
        version: VERSION,
        screen: true,
    };
    write_line(&mut asks, serde_json::to_vec(&Opening { ask }).unwrap()).unwrap();
    let successor = next(&listening).await;
    assert!(successor.is_there());
    drop(asks);
    assert!(!successor.is_there());
}

#[tokio::test]
async fn no_board_is_taken_from_where_none_is() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir);
    project.prepare().unwrap();
    let gone = Offer::ask(&project, true).unwrap_err();
    assert!(matches!(gone, HandoverError::Gone), "{gone:?}");

    let listener = std::os::unix::net::UnixListener::bind(&project.socket).unwrap();
    let asked = ask(&project);
    let (dies, _) = listener.accept().unwrap();
    let (heard, _) = recv(&dies, &mut [0], RecvFlags::PEEK).unwrap();
    assert_ne!(heard, 0, "it has asked, and is not answered any more");
    drop(dies);
    let gone = asked.await.unwrap().unwrap_err();
    assert!(matches!(gone, HandoverError::Gone), "{gone:?}");

    for (answer, foreign) in [
        ("", false),
        ("{\"jsonrpc\":\"2.0\"}\n", true),
        ("\"taken\"\n", true),
    ] {
        let asked = ask(&project);
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        let mut asks = [0; 64];
        assert_ne!(stream.read(&mut asks).unwrap(), 0);
        drop(stream);
        let error = asked.await.unwrap().unwrap_err();
        assert_eq!(
            matches!(error, HandoverError::Foreign),
            foreign,
            "{answer}: {error:?}"
        );
        assert_eq!(
            matches!(error, HandoverError::Gone),
            !foreign,
            "{answer}: {error:?}"
        );
    }
}
