//! The log pane: what the program itself has to say, by tui-logger.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

use crate::tui::state::Model;
use crate::tui::text;
use crate::tui::theme::Theme;

/// Draws the log.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let widget = TuiLoggerWidget::default()
        .style(model.theme.text)
        .formatter(Box::new(Format(model.theme)))
        .state(&model.log);
    frame.render_widget(widget, area);
}

/// The columns that time and level take.
const HEAD: usize = 15;

/// How a line of the log looks. The crate's own format would pass on whatever agents wrote into it, and
/// colours that the theme does not know.
struct Format(Theme);

impl LogFormatter for Format {
    fn min_width(&self) -> u16 {
        10
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let Self(theme) = self;
        let (word, style) = match record.level.as_str() {
            "ERROR" => ("error", theme.error),
            "WARN" => ("warn ", theme.warn),
            "INFO" => ("info ", theme.good),
            "DEBUG" => ("debug", theme.dim),
            _ => ("trace", theme.dim),
        };
        let time = record.timestamp.strftime("%H:%M:%S").to_string();
        let message = text::clean(record.msg().trim());
        let mut lines = Vec::new();
        for (at, piece) in text::wrap(&message, width.saturating_sub(HEAD).max(1))
            .into_iter()
            .enumerate()
        {
            let head = match at {
                0 => vec![
                    Span::styled(format!("{time} "), theme.dim),
                    Span::styled(format!("{word} "), style),
                ],
                _ => vec![Span::raw(" ".repeat(HEAD))],
            };
            let mut line = Line::from(head);
            line.push_span(Span::styled(piece.to_owned(), theme.text));
            lines.push(line);
        }
        lines
    }
}
