//! The bridge and a real board over a connection that is cut again and again, at any byte.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;

use crate::support::bridge::{Client, Place};
use crate::support::socket::SocketServer;
use serde_json::{Value, json};

const CUTS: usize = 200;
/// How many calls wait at a time; more than one answer can be lost in a cut.
const AT_A_TIME: u64 = 8;

/// Passes a random number of bytes between a bridge and a board, then cuts the connection.
struct Cutter {
    cuts: Arc<AtomicUsize>,
    calm: Arc<AtomicBool>,
}

impl Cutter {
    fn between(place: &Path, board: PathBuf) -> Self {
        let listener = UnixListener::bind(place).unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let calm = Arc::new(AtomicBool::new(false));
        let cutter = Self {
            cuts: Arc::clone(&cuts),
            calm: Arc::clone(&calm),
        };
        thread::spawn(move || {
            let mut seed = 0x5eed_u64;
            loop {
                let (bridge, _) = listener.accept().unwrap();
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let calm = calm.load(Ordering::SeqCst);
                let allowance = if calm {
                    i64::MAX
                } else {
                    i64::from((seed >> 33) as u32 % 6_000)
                };
                pass(bridge, UnixStream::connect(&board).unwrap(), allowance);
                cuts.fetch_add(1, Ordering::SeqCst);
            }
        });
        cutter
    }

    fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }

    fn stop(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }
}

/// Copies both ways until `allowance` bytes have passed, the last of them perhaps half a line.
fn pass(bridge: UnixStream, board: UnixStream, allowance: i64) {
    let left = AtomicI64::new(allowance);
    let copy = |mut from: &UnixStream, mut to: &UnixStream| -> io::Result<()> {
        let mut buffer = [0; 4_096];
        loop {
            let count = from.read(&mut buffer)?;
            let size = i64::try_from(count).unwrap();
            let before = left.fetch_sub(size, Ordering::SeqCst);
            let passing = usize::try_from(before.clamp(0, size)).unwrap();
            to.write_all(&buffer[..passing])?;
            if passing < count || count == 0 {
                return Ok(());
            }
        }
    };
    let end = |_ended: io::Result<()>| {
        for stream in [&bridge, &board] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| end(copy(&bridge, &board)));
        end(copy(&board, &bridge));
    });
}

/// Makes calls with `line` until the connection was cut often enough, and returns how many got their answer.
fn call_through_cuts(client: &mut Client, cutter: &Cutter, line: impl Fn(u64) -> Value) -> u64 {
    let mut asked = 0;
    let mut answered = std::collections::BTreeSet::new();
    while cutter.cuts() < CUTS || (answered.len() as u64) < asked {
        while cutter.cuts() < CUTS && asked - (answered.len() as u64) < AT_A_TIME {
            asked += 1;
            client.say(&line(asked));
        }
        if cutter.cuts() >= CUTS {
            cutter.stop();
        }
        let answer = client.read();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        assert!(answered.insert(answer["id"].as_u64().unwrap()), "twice: {answer}");
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_made_and_answered_once_however_often_the_connection_is_cut() {
    let server = SocketServer::start();
    let place = Place::new();
    let cutter = Cutter::between(&place.socket, server.socket.clone());
    let board = server.board.clone();
    tokio::task::spawn_blocking(move || {
        let mut client = place.client();
        let before = board.rev();
        let asked = call_through_cuts(&mut client, &cutter, |id| {
            let arguments = json!({"key": format!("progress:{id}"), "value": "x".repeat(100)});
            let params = json!({"name": "setStorage", "arguments": arguments});
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
        });
        assert_eq!(client.end().len(), 0);
        // Each change raises the revision by one, so a change that was made twice would show.
        assert_eq!(board.rev().0 - before.0, asked);
        println!("{asked} calls through {} cuts", cutter.cuts());
    })
    .await
    .unwrap();
}
