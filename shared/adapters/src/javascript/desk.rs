//! What a call has asked for so far, and what it may still ask for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_core::limits;
use headwater_core::ports::{Effect, ScriptCall, ScriptEnd, ScriptFailure, Timestamp};
use headwater_core::random::{Draw, FieldId, SeedKey};

/// Steps after which QuickJS asks whether to go on.
const STEPS_A_POLL: u32 = 10_000;

/// The place where the functions that a script is given leave what they are told. It outlives calls: each begins with [`Desk::open`].
#[derive(Debug)]
pub(super) struct Desk {
    record: RefCell<Record>,
    polls: Cell<u32>,
    most_polls: u32,
}

#[derive(Debug)]
struct Record {
    effects: Vec<Effect>,
    bytes: usize,
    slept: Duration,
    sleeps: u32,
    waited: u32,
    now: Timestamp,
    draw: Draw,
    /// How the call has ended, once it has. Whatever the script does then is not heard any more.
    end: Option<ScriptEnd>,
    cancelled: Arc<AtomicBool>,
}

impl Desk {
    pub(super) fn new(steps: u32) -> Rc<Self> {
        let record = Record {
            effects: Vec::new(),
            bytes: 0,
            slept: Duration::ZERO,
            sleeps: 0,
            waited: 0,
            now: Timestamp::from_micros(0),
            draw: draw_of(0),
            end: None,
            cancelled: Arc::default(),
        };
        Rc::new(Self { record: RefCell::new(record), polls: Cell::new(0), most_polls: steps / STEPS_A_POLL })
    }

    /// Begins a call. It ends soon after `cancelled` becomes true.
    pub(super) fn open(&self, call: &ScriptCall, cancelled: &Arc<AtomicBool>) {
        self.polls.set(0);
        *self.record.borrow_mut() = Record {
            effects: Vec::new(),
            bytes: 0,
            slept: Duration::ZERO,
            sleeps: 0,
            waited: call.waited,
            now: call.now,
            draw: draw_of(call.seed),
            end: None,
            cancelled: Arc::clone(cancelled),
        };
    }

    /// Ends the call in this way, if it has not ended yet.
    pub(super) fn end(&self, end: ScriptEnd) {
        self.record.borrow_mut().end.get_or_insert(end);
    }

    /// Ends the call for what the script asked for. False, as the call is over.
    pub(super) fn refuse(&self, why: String) -> bool {
        self.end(ScriptEnd::Failed(ScriptFailure::Output(why)));
        false
    }

    /// Ends the call for what came of it by itself. What the script does while that is found out is not heard.
    pub(super) fn fail(&self, find_out: impl FnOnce() -> ScriptFailure) {
        let first = !self.is_over();
        self.end(ScriptEnd::Failed(ScriptFailure::Time));
        let why = find_out();
        if first {
            self.record.borrow_mut().end = Some(ScriptEnd::Failed(why));
        }
    }

    /// Whether the call has ended.
    pub(super) fn is_over(&self) -> bool {
        self.record.borrow().end.is_some()
    }

    /// Takes what the call has left here. A call that nothing has ended is done.
    pub(super) fn close(&self) -> (Vec<Effect>, ScriptEnd) {
        let mut record = self.record.borrow_mut();
        (std::mem::take(&mut record.effects), record.end.take().unwrap_or(ScriptEnd::Done))
    }

    /// Asked again and again while a script runs: whether it has to stop.
    pub(super) fn must_stop(&self) -> bool {
        if self.is_over() {
            return true;
        }
        self.polls.set(self.polls.get() + 1);
        let stop = self.polls.get() > self.most_polls || self.record.borrow().cancelled.load(Ordering::Relaxed);
        if stop {
            self.end(ScriptEnd::Failed(ScriptFailure::Time));
        }
        stop
    }

    /// Keeps an effect of about this many bytes. False when the call is over, or is by this.
    pub(super) fn keep(&self, effect: Effect, bytes: usize) -> bool {
        let mut record = self.record.borrow_mut();
        if record.end.is_some() {
            return false;
        }
        record.bytes = record.bytes.saturating_add(bytes);
        let too_much = if record.effects.len() >= limits::SCRIPT_EFFECTS {
            format!("more than {} updates and lines", limits::SCRIPT_EFFECTS)
        } else if record.bytes > limits::SCRIPT_OUTPUT {
            too_many_bytes()
        } else {
            record.effects.push(effect);
            return true;
        };
        record.end = Some(ScriptEnd::Failed(ScriptFailure::Output(too_much)));
        false
    }

    /// Sleeps for so many milliseconds: true when that is over.
    pub(super) fn sleep(&self, millis: f64) -> bool {
        let mut record = self.record.borrow_mut();
        if record.end.is_some() {
            return false;
        }
        let most = limits::SCRIPT_SLEEP;
        // What is no number, or negative, takes no time.
        let span = Duration::try_from_secs_f64(millis.max(0.0) / 1000.0).unwrap_or(Duration::MAX);
        record.end = if span > most {
            Some(ScriptEnd::Failed(ScriptFailure::Output(format!("a sleep of more than {} hours", most.as_secs() / 3600))))
        } else if record.sleeps >= limits::SCRIPT_SLEEPS {
            Some(ScriptEnd::Failed(ScriptFailure::Output(format!("more than {} sleeps", limits::SCRIPT_SLEEPS))))
        } else if record.sleeps >= record.waited {
            Some(ScriptEnd::Asleep(span))
        } else {
            record.sleeps += 1;
            record.slept += span;
            None
        };
        record.end.is_none()
    }

    /// The present of the call, in milliseconds since 1970: its beginning, and what it has slept.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any year that Date knows fit exactly")]
    pub(super) fn present(&self) -> f64 {
        let record = self.record.borrow();
        record.now.plus(record.slept).as_millis() as f64
    }

    /// The next random number of the call, from [0, 1).
    pub(super) fn random(&self) -> f64 {
        self.record.borrow_mut().draw.unit()
    }
}

/// Says that the bytes of a call's effects are too many.
pub(super) fn too_many_bytes() -> String {
    format!("more than {} bytes", limits::SCRIPT_OUTPUT)
}

fn draw_of(seed: u64) -> Draw {
    SeedKey::new(seed.cast_signed()).entity(0).step(0).draw(FieldId::ROOT)
}
