//! A thread that asks for pages ahead of whoever will touch them.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::mapping::UnixMapping;
use super::unix::system;
use super::{Mapping, OsError, Stream};
use crate::job::Advice;
use crate::unit::{PageRange, PageSize};

/// How often it is asked whether a piece has come. Short against the time that one takes on a phone.
const PAUSE: Duration = Duration::from_micros(100);
/// A piece that hasn't come by then is no longer waited for: it may have been dropped again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread, or what it will need.
pub enum Streaming {
    Ready { mapping: UnixMapping, file: File, page: PageSize, pieces: Vec<PageRange>, lead: u64 },
    Running { stop: Arc<AtomicBool>, thread: JoinHandle<Result<(), OsError>> },
}

impl Stream for Streaming {
    fn start(self: Box<Self>) -> Result<Box<dyn Stream>, OsError> {
        let Streaming::Ready { mapping, file, page, pieces, lead } = *self else { return Ok(self) };
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let ask = move |mapping: &UnixMapping, piece| {
            let will_need = || mapping.apply(Advice::WillNeed, piece);
            system::ask_ahead(&file, page.bytes_of(piece), will_need)
        };
        let class = system::Class::of_this_thread();
        let walk = move || {
            class.take();
            walk(&mapping, &pieces, lead, &asked, ask)
        };
        let thread = std::thread::Builder::new().name("stream".to_owned()).spawn(walk);
        let thread = thread.map_err(|source| OsError::Call { call: "starting a thread", source })?;
        Ok(Box::new(Streaming::Running { stop, thread }))
    }

    fn finish(self: Box<Self>) -> Result<(), OsError> {
        let Streaming::Running { stop, thread } = *self else { return Ok(()) };
        stop.store(true, Ordering::Relaxed);
        thread.join().expect("the thread makes system calls only and doesn't panic")
    }
}

/// Asks for `pieces` in order, at most `lead` pages ahead of what has come.
fn walk(
    mapping: &UnixMapping,
    pieces: &[PageRange],
    lead: u64,
    stop: &AtomicBool,
    ask: impl Fn(&UnixMapping, PageRange) -> Result<(), OsError>,
) -> Result<(), OsError> {
    let (mut awaited, mut ahead) = (0, 0);
    for (index, &piece) in pieces.iter().enumerate() {
        while awaited < index && ahead + piece.count > lead {
            wait_for(mapping, &pieces[awaited..], stop)?;
            ahead -= pieces[awaited].count;
            awaited += 1;
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
        ask(mapping, piece)?;
        ahead += piece.count;
    }
    Ok(())
}

/// Waits until the first of `pieces` has come. Where memory is short it may have gone again before anyone looked: then
/// there is something of the next one.
fn wait_for(mapping: &UnixMapping, pieces: &[PageRange], stop: &AtomicBool) -> Result<(), OsError> {
    let begun = Instant::now();
    while mapping.resident(pieces[0])? < pieces[0].count
        && pieces.get(1).map_or(Ok(0), |&next| mapping.resident(next))? == 0
        && !stop.load(Ordering::Relaxed)
        && begun.elapsed() < PATIENCE
    {
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
