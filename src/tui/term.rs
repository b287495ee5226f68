//! The terminal: entering and leaving the screen, and writing each picture in one go.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{Frame, Terminal};

/// Reports clicks and the wheel, with coordinates of any size. Crossterm's own command would also report
/// every movement, each of which wakes the program.
const REPORT_CLICKS: &str = "\x1b[?1000h\x1b[?1006h";

/// Whether the terminal shows the dashboard and must be restored.
static UP: AtomicBool = AtomicBool::new(false);

/// What the dashboard is drawn on. Tests draw on memory.
pub trait Surface {
    /// Returns how large it is now.
    fn size(&self) -> io::Result<Size>;

    /// Shows what `view` draws.
    fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()>;

    /// Forgets what is shown, so that the next picture is drawn whole.
    fn forget(&mut self) -> io::Result<()>;

    /// Sends `text` to the clipboard of whoever looks.
    fn copy(&mut self, text: &str) -> io::Result<()>;
}

/// The real terminal. Dropping it restores the screen.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Picture>>,
    picture: Picture,
}

impl Screen {
    /// Takes the terminal over.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        UP.store(true, Ordering::SeqCst);
        let picture = Picture::default();
        let entered = take_over(mouse).and_then(|()| Terminal::new(CrosstermBackend::new(picture.clone())));
        match entered {
            Ok(terminal) => Ok(Self { terminal, picture }),
            Err(error) => {
                restore()?;
                Err(error)
            }
        }
    }
}

impl Surface for Screen {
    fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(view)?;
        let drawn = self.picture.take();
        let mut whole = Vec::with_capacity(drawn.len() + 16);
        queue!(whole, BeginSynchronizedUpdate)?;
        whole.extend(drawn);
        queue!(whole, EndSynchronizedUpdate)?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&whole)?;
        stdout.flush()
    }

    fn forget(&mut self) -> io::Result<()> {
        // Not `clear`, which asks the terminal for its cursor and takes the answer from the keyboard's thread.
        let size = self.size()?;
        self.terminal.resize(Rect::from(size))
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Err(error) = restore() {
            tracing::warn!(%error, "cannot restore the terminal");
        }
    }
}

fn take_over(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    let mut stdout = io::stdout();
    execute!(
        stdout,
        EnterAlternateScreen,
        Hide,
        EnableBracketedPaste,
        EnableFocusChange
    )?;
    if mouse {
        execute!(stdout, Print(REPORT_CLICKS))?;
    }
    Ok(())
}

/// Gives the terminal back as it was, once; also from the panic hook.
pub(super) fn restore() -> io::Result<()> {
    if !UP.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let modes = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    // Raw mode is left even if the modes could not be, since a shell without echo is the worst of it.
    disable_raw_mode().and(modes)
}

/// Tells whether the terminal shows the dashboard.
pub(super) fn is_up() -> bool {
    UP.load(Ordering::SeqCst)
}

/// What ratatui draws, kept until the picture is complete: one that arrives in pieces flickers.
#[derive(Clone, Debug, Default)]
struct Picture(Arc<Mutex<Vec<u8>>>);

impl Picture {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Picture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Keeps what was written: ratatui flushes in the middle of a picture.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
