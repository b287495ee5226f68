//! The thread that reads the keyboard.
//!
//! Crossterm's own stream goes on reading at full speed when its terminal is gone. This thread asks the
//! kernel first, without a time-out, so an idle dashboard costs nothing and a closed terminal is noticed.
//! A terminal that closes while crossterm reads is left to its feature `use-dev-tty`: the way of reading
//! that goes with it gives up at the end of a terminal, at the latest after [`LOOK`].

use std::io::{self, PipeReader, PipeWriter, Stdin};
use std::time::Duration;

use crossterm::event as terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use tokio::sync::mpsc::Sender;

use super::event::Event;

const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);
/// How long crossterm may look for more to read. Not zero: it would not look at all.
const LOOK: Duration = Duration::from_millis(1);
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// The reading thread. Dropping this ends it.
#[derive(Debug)]
pub(super) struct Input {
    /// Its end is what the thread watches for.
    _alive: PipeWriter,
}

impl Input {
    /// Starts to send what happens on the terminal to `events`.
    pub(super) fn start(events: Sender<Event>) -> io::Result<Self> {
        let (ended, alive) = io::pipe()?;
        std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                let stdin = io::stdin();
                if matches!(read(&stdin, &ended, &events), Reading::Gone) {
                    // When nobody listens any more, there is nobody to tell.
                    let _nobody_listens = events.blocking_send(Event::TerminalGone);
                }
            })?;
        Ok(Self { _alive: alive })
    }
}

/// Why reading ended.
enum Reading {
    /// The terminal is gone.
    Gone,
    /// The dashboard does not want any more.
    Ended,
}

fn read(stdin: &Stdin, ended: &PipeReader, events: &Sender<Event>) -> Reading {
    loop {
        let mut watched = [
            PollFd::new(stdin, PollFlags::IN),
            PollFd::new(ended, PollFlags::IN),
        ];
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return Reading::Gone,
        }
        if !watched[1].revents().is_empty() {
            return Reading::Ended;
        }
        if watched[0].revents().intersects(GONE) || is_at_end(stdin) {
            return Reading::Gone;
        }
        while is_there(stdin) {
            match terminal::poll(LOOK) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return Reading::Gone,
            }
            let Ok(event) = terminal::read() else {
                return Reading::Gone;
            };
            if let Some(event) = Event::of(event)
                && events.blocking_send(event).is_err()
            {
                return Reading::Ended;
            }
        }
    }
}

fn is_there(stdin: &Stdin) -> bool {
    let mut watched = [PollFd::new(stdin, PollFlags::IN)];
    poll(&mut watched, Some(&AT_ONCE)).is_ok() && !watched[0].revents().intersects(GONE)
}

/// Tells whether there is nothing to read though reading is possible, which is what an end looks like.
fn is_at_end(stdin: &Stdin) -> bool {
    ioctl_fionread(stdin).is_ok_and(|waiting| waiting == 0)
}
