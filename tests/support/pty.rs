//! A program in a real terminal, without a person: its screen can be looked at and waited for.

use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use vt100::{Parser, Screen};

use super::wait::until;

/// How long a state is waited for; the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long one look at something takes that cannot be waited for.
const LOOK: Duration = Duration::from_millis(20);

/// A terminal with a program in it. Dropping it kills the program.
pub(crate) struct Pty {
    shared: Arc<Shared>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    reader: Option<JoinHandle<()>>,
    child: Box<dyn Child + Send + Sync>,
}

struct Shared {
    terminal: Mutex<Terminal>,
    changed: Condvar,
    closing: AtomicBool,
}

struct Terminal {
    parser: Parser,
    /// Everything that the program has sent.
    sent: Vec<u8>,
}

impl Terminal {
    fn take(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.sent.extend_from_slice(bytes);
    }
}

impl Pty {
    /// Starts `command` in a terminal of `rows` and `columns`.
    pub(crate) fn start(mut command: CommandBuilder, rows: u16, columns: u16) -> Self {
        command.env("TERM", "xterm-256color");
        Self::start_as_is(command, rows, columns)
    }

    /// The same, but what kind of terminal it is, the command's environment says.
    pub(crate) fn start_as_is(mut command: CommandBuilder, rows: u16, columns: u16) -> Self {
        let pair = native_pty_system().openpty(size(rows, columns)).unwrap();
        // A backtrace would scroll the message of a panic off the screen.
        command.env("RUST_BACKTRACE", "0");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shared = Arc::new(Shared {
            terminal: Mutex::new(Terminal {
                parser: Parser::new(nonzero(rows), nonzero(columns), 0),
                sent: Vec::new(),
            }),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
        });
        let reader = std::thread::spawn({
            let (mut output, shared) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&shared));
            move || {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = output.read(&mut bytes) {
                    shared.lock().take(&bytes[..count]);
                    shared.changed.notify_all();
                    if shared.closing.load(Ordering::SeqCst) {
                        break;
                    }
                }
            }
        });
        Self {
            shared,
            writer: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            reader: Some(reader),
            child,
        }
    }

    /// Types `keys`.
    pub(crate) fn send(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Waits until `condition` holds of the screen; shows the screen when it never does.
    pub(crate) fn wait_until(&self, what: &str, condition: impl Fn(&Screen) -> bool) {
        let waits = |terminal: &mut Terminal| !condition(terminal.parser.screen());
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), PATIENCE, waits);
        let timed_out = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        assert!(
            !timed_out,
            "waited in vain for {what}; the screen shows:\n{}",
            self.contents()
        );
    }

    /// Waits until the screen shows `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Returns what the screen shows.
    pub(crate) fn contents(&self) -> String {
        self.shared.lock().parser.screen().contents()
    }

    /// Looks at the screen.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Screen) -> T) -> T {
        look(self.shared.lock().parser.screen())
    }

    /// Returns every byte that the program has sent.
    pub(crate) fn sent(&self) -> Vec<u8> {
        self.shared.lock().sent.clone()
    }

    /// Gives the terminal a new size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let mut terminal = self.shared.lock();
        let screen = terminal.parser.screen_mut();
        screen.set_size(nonzero(rows), nonzero(columns));
        drop(terminal);
        self.master.as_ref().unwrap().resize(size(rows, columns)).unwrap();
    }

    /// Types `keys` and waits until the program's thread called `reader` has gone to sleep over them.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_and_be_read(&mut self, keys: &str, reader: &str) {
        // A thread that has just begun does not have its name yet.
        let before = until("the reader is there", PATIENCE, || sleeps_of(self.pid(), reader));
        self.send(keys);
        until("the keys are read", PATIENCE, || {
            (sleeps_of(self.pid(), reader) > Some(before)).then_some(())
        });
    }

    /// Closes the terminal under the program. `wake` are keys that make it draw, since the reader of its
    /// output, which keeps the terminal open, can only be ended by output; none if it draws by itself.
    pub(crate) fn close(&mut self, wake: &str) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.send(wake);
        self.reader.take().unwrap().join().unwrap();
        self.writer = None;
        self.master = None;
    }

    /// Waits until the program has ended.
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        until("the program ends", PATIENCE, || self.child.try_wait().unwrap())
    }

    /// Returns the program's process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Returns what the program costs while it is looked at `looks` times, 20 ms apart.
    pub(crate) fn cost_over(&self, looks: u32) -> Cost {
        let (_never, nothing) = mpsc::channel::<()>();
        let before = Cost::of(self.pid());
        for _ in 0..looks {
            let _timeout = nothing.recv_timeout(LOOK);
        }
        let after = Cost::of(self.pid());
        Cost {
            ticks: after.ticks - before.ticks,
            // A thread that ends takes its count along.
            wakes: after.wakes.saturating_sub(before.wakes),
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Terminal> {
        self.terminal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a process has cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// CPU time in ticks, of which there are a hundred in a second.
    pub(crate) ticks: u64,
    /// How often one of its threads has gone to sleep, and so was woken before.
    pub(crate) wakes: u64,
}

impl Cost {
    fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // The name may hold anything; the numbered fields go on behind it with the third.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let field = |number: usize| fields[number - 3].parse::<u64>().unwrap();
        let wakes = threads_of(pid).map(|thread| sleeps(&thread));
        Self {
            ticks: field(14) + field(15),
            wakes: wakes.sum(),
        }
    }
}

/// Returns the status of each thread of `pid`, as the kernel writes it.
fn threads_of(pid: u32) -> impl Iterator<Item = String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    // One may end while the others are read.
    threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("status")).ok())
}

/// Returns how often the thread with this status has gone to sleep.
fn sleeps(status: &str) -> u64 {
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

/// Returns how often the thread called `name` has gone to sleep, if there is one.
#[cfg(target_os = "linux")]
fn sleeps_of(pid: u32, name: &str) -> Option<u64> {
    let named = format!("Name:\t{name}\n");
    let thread = threads_of(pid).find(|status| status.starts_with(&named));
    thread.as_deref().map(sleeps)
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn nonzero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}
