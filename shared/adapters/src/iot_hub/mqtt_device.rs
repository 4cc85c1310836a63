//! A device that speaks MQTT: its connection, from the first to the last.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use headwater_core::ports::{DeviceMessage, MethodCall, Timestamp};
use serde_json::{Map, Value};

use super::BackOff;
use super::device::Device;
use super::topics::{self, FromHub};
use super::traffic::{Traffic, Turn};
use crate::mqtt::{Connect, Incoming, Line, LineError, packet};

/// Messages of one device on their way at the same time.
const WINDOW: usize = 32;

/// How long the hub may take for one.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the hub is told about silence. Routers on the way forget a silent connection after four minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(180);

/// The number of the one subscription; messages have those behind it.
const SUBSCRIPTION: u16 = 1;

/// Keeps a device connected until it is asked to end.
pub(super) async fn run(device: Arc<Device>, traffic: Arc<Traffic>) {
    let mut pauses = BackOff::new(traffic.first_pause);
    let mut renewing = false;
    while !device.is_closing() {
        // Boxed, so that the memory for connecting is given back when that is done.
        let opening = Box::pin(open(&device, &traffic));
        let opened = tokio::select! {
            () = device.closed() => break,
            opened = opening => opened,
        };
        let why = match opened {
            Ok((line, renewal)) => {
                pauses = BackOff::new(traffic.first_pause);
                device.enable();
                if !renewing {
                    traffic.connected(&device.id);
                }
                let mut session = Session::new(&device, &traffic, renewal);
                let end = session.serve(line).await;
                session.lose();
                match end {
                    End::Asked => break,
                    End::Renewal => {
                        renewing = true;
                        continue;
                    }
                    End::Broken(why) => why,
                }
            }
            Err(why) => {
                traffic.connection_failed();
                why
            }
        };
        renewing = false;
        device.disable(&traffic);
        tracing::debug!(device = &*device.id, host = traffic.host, error = &why as &dyn std::error::Error, "a device is not connected");
        let pause = pauses.next(traffic.entropy.as_ref());
        tokio::select! {
            () = device.closed() => break,
            () = recover(&device, &traffic, &why, pause) => {}
        }
    }
    device.disable(&traffic);
}

/// Sees to it that the next attempt has more prospects.
async fn recover(device: &Device, traffic: &Traffic, why: &LineError, pause: Duration) {
    if why.is_refusal() {
        // The hub says the same of a device that it does not know, and of a key that it does not take.
        if let Err(error) = traffic.register_unknown(&device.id).await {
            tracing::warn!(
                device = &*device.id,
                error = &error as &dyn std::error::Error,
                "the hub refused a device, and did not register it"
            );
        }
    }
    traffic.clock.sleep(pause).await;
}

/// Connects and subscribes, when it is this device's turn. Also says when a new token is due.
async fn open(device: &Device, traffic: &Traffic) -> Result<(Line, Timestamp), LineError> {
    traffic.clock.sleep(traffic.book(Turn::Connection)).await;
    let now = traffic.clock.now();
    let token = traffic.token(&device.id, now.plus(traffic.token_life));
    let connect = Connect {
        client_id: &device.id,
        user: Some(&topics::user(&traffic.host, &device.id)),
        password: Some(token.expose()),
        keep_alive_seconds: u16::try_from(KEEP_ALIVE.as_secs()).expect("a few minutes"),
    };
    let mut line = Line::open(&traffic.port, &connect).await?;
    let mut subscription = BytesMut::new();
    packet::subscribe(&mut subscription, &topics::SUBSCRIPTIONS, SUBSCRIPTION);
    line.send(&subscription).await?;
    let answered = async {
        loop {
            match line.next().await? {
                Incoming::Subscribed { number: SUBSCRIPTION, refused: false } => return Ok(()),
                Incoming::Subscribed { .. } => return Err(LineError::Refused(5)),
                _ => {} // Nothing is lost: what comes before the answer was meant for nobody.
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.map_err(|_| LineError::Silent)??;
    // Spread over a tenth of the tokens' life, so that devices which connected together do not do so for ever.
    let share = 0.8 + 0.1 * BackOff::fraction(traffic.entropy.as_ref());
    Ok((line, now.plus(traffic.token_life.mul_f64(share))))
}

/// How a connection ended.
enum End {
    Asked,
    /// A new token is due. Nothing is on its way.
    Renewal,
    Broken(LineError),
}

/// A connection while it lasts.
struct Session<'a> {
    device: &'a Device,
    traffic: &'a Traffic,
    renewal: Timestamp,
    next_ping: Timestamp,
    /// A ping that waits for its answer.
    pinged: Option<Timestamp>,
    /// A message that waits for its turn.
    held: Option<(Timestamp, DeviceMessage)>,
    /// The turn of the report that waits at the device. Messages do not wait for it: a fleet's first reports may take minutes.
    report_turn: Option<Timestamp>,
    last_number: u16,
    /// Not acknowledged yet, oldest first: number, and whether it is a message; and by when.
    flying: VecDeque<(u16, bool, Timestamp)>,
    /// Reports that the hub has not answered.
    reports: VecDeque<(u64, Timestamp)>,
    out: BytesMut,
}

impl<'a> Session<'a> {
    fn new(device: &'a Device, traffic: &'a Traffic, renewal: Timestamp) -> Self {
        let now = traffic.clock.now();
        Self {
            device,
            traffic,
            renewal,
            next_ping: now.plus(KEEP_ALIVE / 2),
            pinged: None,
            held: None,
            report_turn: None,
            last_number: SUBSCRIPTION,
            flying: VecDeque::new(),
            reports: VecDeque::new(),
            out: BytesMut::new(),
        }
    }

    async fn serve(&mut self, mut line: Line) -> End {
        loop {
            if self.device.is_closing() {
                line.close().await;
                return End::Asked;
            }
            let now = self.traffic.clock.now();
            let quiet = self.flying.is_empty() && self.reports.is_empty() && self.held.is_none();
            if now >= self.renewal && quiet {
                line.close().await;
                return End::Renewal;
            }
            self.load(now);
            if !self.out.is_empty() {
                self.next_ping = now.plus(KEEP_ALIVE / 2);
                if let Err(error) = line.send(&self.out).await {
                    return End::Broken(error);
                }
                self.out = BytesMut::new();
            }
            let pause = match self.overdue(now) {
                ControlFlow::Break(error) => return End::Broken(error),
                ControlFlow::Continue(pause) => pause,
            };
            tokio::select! {
                incoming = line.next() => match incoming {
                    Ok(incoming) => self.take(incoming),
                    Err(error) => return End::Broken(error),
                },
                () = self.device.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Fills the buffer with what may be sent now.
    fn load(&mut self, now: Timestamp) {
        if now >= self.next_ping && self.pinged.is_none() {
            packet::ping(&mut self.out);
            self.pinged = Some(now.plus(PATIENCE));
        }
        self.load_report(now);
        while self.flying.len() < WINDOW {
            let message = match self.held.take() {
                Some((turn, message)) if turn <= now => message,
                Some(held) => {
                    self.held = Some(held);
                    return;
                }
                // A token that is about to end takes nothing more on; it waits for the next one.
                None if now >= self.renewal => return,
                None => {
                    let Some(message) = self.device.next() else { return };
                    let wait = self.traffic.book(Turn::Message);
                    if !wait.is_zero() {
                        self.held = Some((now.plus(wait), message));
                        return;
                    }
                    message
                }
            };
            self.put(&topics::telemetry(&message), &message.body, true, now.plus(PATIENCE));
        }
    }

    /// Fills the buffer with the report that waits, if it is its turn.
    fn load_report(&mut self, now: Timestamp) {
        if now >= self.renewal || !self.device.has_report() {
            return;
        }
        let traffic = self.traffic;
        if *self.report_turn.get_or_insert_with(|| now.plus(traffic.book(Turn::TwinWrite))) > now {
            return;
        }
        self.report_turn = None;
        let Some(reported) = self.device.take_report() else { return };
        let body = serde_json::to_vec(&reported).expect("a map of JSON has no part that cannot be written");
        let (request, deadline) = (traffic.number_report(), now.plus(PATIENCE));
        self.reports.push_back((request, deadline));
        self.put(&topics::report(request), &body, false, deadline);
    }

    fn put(&mut self, topic: &str, body: &[u8], is_message: bool, deadline: Timestamp) {
        let number = self.next_number();
        if topic.len() > packet::LONGEST_TEXT || body.len() > packet::LONGEST / 2 {
            // No hub takes it, and the others need not suffer for it.
            if is_message {
                self.traffic.settle_message(false);
            }
            return;
        }
        packet::publish(&mut self.out, topic, body, Some(number));
        self.flying.push_back((number, is_message, deadline));
    }

    fn next_number(&mut self) -> u16 {
        // The window is far smaller than the numbers are, so the one that comes round is free.
        self.last_number = if self.last_number == u16::MAX { SUBSCRIPTION + 1 } else { self.last_number + 1 };
        self.last_number
    }

    /// How long nothing needs to be done; or that the hub has been silent for too long.
    fn overdue(&mut self, now: Timestamp) -> ControlFlow<LineError, Duration> {
        let silent = |deadline: &Timestamp| *deadline <= now;
        if self.flying.front().is_some_and(|(_, _, deadline)| silent(deadline)) || self.pinged.as_ref().is_some_and(silent) {
            return ControlFlow::Break(LineError::Silent);
        }
        while self.reports.front().is_some_and(|(_, deadline)| silent(deadline)) {
            self.reports.pop_front();
            self.traffic.report_failed(&self.device.id);
        }
        let quiet_for = if now < self.renewal { self.renewal } else { now.plus(PATIENCE) };
        let next = [
            Some(self.next_ping).filter(|_| self.pinged.is_none()),
            self.pinged,
            self.held.as_ref().map(|(turn, _)| *turn),
            self.report_turn.filter(|_| now < self.renewal),
            self.flying.front().map(|(_, _, deadline)| *deadline),
            self.reports.front().map(|(_, deadline)| *deadline),
        ];
        let next = next.into_iter().flatten().fold(quiet_for, Timestamp::min);
        ControlFlow::Continue(next.since(now).max(Duration::from_millis(1)))
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Acknowledged(number) => {
                let Some(place) = self.flying.iter().position(|(flying, _, _)| *flying == number) else { return };
                if let Some((_, true, _)) = self.flying.remove(place) {
                    self.traffic.settle_message(true);
                }
                if self.flying.is_empty() {
                    self.flying = VecDeque::new();
                }
            }
            Incoming::Message { topic, payload, number } => {
                if let Some(number) = number {
                    packet::acknowledge(&mut self.out, number);
                }
                self.hear(&topic, &payload);
            }
            Incoming::Pong => {
                self.pinged = None;
                self.next_ping = self.traffic.clock.now().plus(KEEP_ALIVE / 2);
            }
            Incoming::Connected(_) | Incoming::Subscribed { .. } => {}
        }
    }

    fn hear(&mut self, topic: &str, payload: &Bytes) {
        match topics::read(topic) {
            Some(FromHub::Method { name, request }) => {
                // Acknowledged before it runs, and nobody waits for whether that has arrived.
                packet::publish(&mut self.out, &topics::method_answer(&request), b"", None);
                let payload = serde_json::from_slice(payload).unwrap_or(Value::Null);
                self.traffic.called(MethodCall { device: Arc::clone(&self.device.id), method: name, payload });
            }
            Some(FromHub::Reported { request, status }) => {
                let Some(place) = self.reports.iter().position(|(report, _)| *report == request) else { return };
                self.reports.remove(place);
                if !(200..300).contains(&status) {
                    self.traffic.report_failed(&self.device.id);
                }
            }
            Some(FromHub::Desired) => {
                let Ok(mut desired) = serde_json::from_slice::<Map<String, Value>>(payload) else { return };
                desired.retain(|name, _| !name.starts_with('$')); // What the hub says about the twin itself, such as its version.
                self.traffic.desired(&self.device.id, desired);
            }
            None => {}
        }
    }

    /// What is on its way when a connection ends is not sent again: whoever reads the hub would meet it twice.
    fn lose(&mut self) {
        for (_, is_message, _) in std::mem::take(&mut self.flying) {
            if is_message {
                self.traffic.settle_message(false);
            }
        }
        for _ in std::mem::take(&mut self.reports) {
            self.traffic.report_failed(&self.device.id);
        }
        if self.held.take().is_some() {
            self.traffic.settle_message(false);
        }
    }
}
