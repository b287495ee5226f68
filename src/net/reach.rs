//! Connecting to a board, but to nobody else's.
//!
//! Whoever may write to a directory can put a socket there. The directories that we make are ours alone; a socket
//! that somebody chose may stand anywhere, so the system is asked who serves it before anything is said.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::project::own_uid;

/// Connects to the board at `socket`. Fails as connecting does, and with [`io::ErrorKind::PermissionDenied`] when
/// another user serves it.
pub fn reach(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    let server = server_of(&stream, socket)?;
    if server == own_uid() {
        return Ok(stream);
    }
    let refused = format!(
        "it is served by another user (uid {server}) and was told nothing; choose another socket, or none"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, refused))
}

/// Returns the user whose process began to listen on the socket.
#[cfg(target_os = "linux")]
fn server_of(stream: &UnixStream, _: &Path) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// Returns the user whose the socket is, which is the next best thing.
#[cfg(not(target_os = "linux"))]
fn server_of(_: &UnixStream, socket: &Path) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(std::fs::metadata(socket)?.uid())
}
