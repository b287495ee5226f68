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
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

/// Reports clicks and the wheel, with coordinates of any size. Crossterm's own command would also report
/// every movement, each of which wakes the program.
const REPORT_CLICKS: &str = "\x1b[?1000h\x1b[?1006h";

/// Whether the terminal shows the dashboard and must be restored.
static UP: AtomicBool = AtomicBool::new(false);

/// What the dashboard is drawn on. Tests draw on memory.
pub trait Surface {
    /// Where ratatui draws.
    type Backend: Backend<Error: Into<io::Error>>;

    /// Returns ratatui's side of the surface.
    fn terminal(&mut self) -> &mut Terminal<Self::Backend>;

    /// Shows what was drawn since the last call.
    fn present(&mut self) -> io::Result<()>;

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
    type Backend = CrosstermBackend<Picture>;

    fn terminal(&mut self) -> &mut Terminal<Self::Backend> {
        &mut self.terminal
    }

    fn present(&mut self) -> io::Result<()> {
        let drawn = self.picture.take();
        if drawn.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(drawn.len() + 16);
        queue!(whole, BeginSynchronizedUpdate)?;
        whole.extend(drawn);
        queue!(whole, EndSynchronizedUpdate)?;
        let mut stdout = io::stdout().lock();
        stdout.write_all(&whole)?;
        stdout.flush()
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

/// What ratatui draws, kept until it is presented: a picture that arrives in pieces flickers.
#[derive(Clone, Debug, Default)]
pub struct Picture(Arc<Mutex<Vec<u8>>>);

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

    /// Keeps what was written; [`Surface::present`] is what sends it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
