//! Ctrl-C: the first one ends the session between two runs, the second one at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crate::exit;
use crate::target::Stopper;

static ASKED: AtomicBool = AtomicBool::new(false);
static STOPPER: Mutex<Option<Stopper>> = Mutex::new(None);

/// Lets an interrupt stop the agent behind `stopper`; one that came before stops it now.
pub fn stops(stopper: Stopper) {
    static INSTALLED: Once = Once::new();
    // Without a handler Ctrl-C ends us at once, which loses nothing that was finished.
    INSTALLED.call_once(|| drop(ctrlc::set_handler(on_interrupt)));
    if ASKED.load(Ordering::SeqCst) {
        stopper();
    }
    *STOPPER.lock().unwrap_or_else(PoisonError::into_inner) = Some(stopper);
}

/// Whether an interrupt came.
pub fn came() -> bool {
    ASKED.load(Ordering::SeqCst)
}

fn on_interrupt() {
    if ASKED.swap(true, Ordering::SeqCst) {
        std::process::exit(i32::from(exit::INTERRUPTED));
    }
    eprintln!("stopping after what is under way; press Ctrl-C again to end at once");
    if let Some(stop) = &*STOPPER.lock().unwrap_or_else(PoisonError::into_inner) {
        stop();
    }
}
