//! A handler's work on one request: looked at once on the spot, and in a task only when it has to wait.
//!
//! Most calls are answered by the first look, so they cost neither a task nor a wake-up.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A request that is being served, to be answered with a `T`.
pub(super) struct Serving<T>(Pin<Box<dyn Future<Output = T> + Send>>);

/// The handler panicked. Only this request is lost.
#[derive(Debug)]
pub(super) struct Panicked {
    /// What it said.
    pub(super) message: String,
}

impl<T> Serving<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }

    /// Returns the answer if the handler has it without waiting.
    pub(super) fn look(&mut self) -> Poll<Result<T, Panicked>> {
        // Nobody is woken: work that is not ready is looked at again by `finish`, with a waker of its own.
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Waits for the answer.
    pub(super) async fn finish(mut self) -> Result<T, Panicked> {
        poll_fn(move |context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Panicked>> {
        // The work is not looked at again after a panic, so nobody sees what it left half done.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(Panicked {
                message: text_of(&*payload),
            })),
        }
    }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
