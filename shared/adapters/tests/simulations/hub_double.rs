//! A hub that does what a test tells it: it refuses, takes half, calls methods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use headwater_core::ports::{Committed, DeviceMessage, Hub, HubDevice, Hubs, MethodCall, News, Owner, SinkError, TwinReport};
use headwater_core::simulations::{HubChoice, RateLimits};
use serde_json::{Map, Value};

/// What is known at the hub, whoever opens it.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// What every send is answered.
    pub(crate) refusal: Option<Refusal>,
    /// Of every send that is refused this many messages are taken before.
    pub(crate) takes: usize,
    /// Messages by their numbers, for each writer.
    pub(crate) taken: BTreeMap<String, BTreeMap<u64, Taken>>,
    /// Messages that came with a number that was there already.
    pub(crate) repeated: usize,
    pub(crate) registered: BTreeSet<String>,
    /// Every registration and removal, in order.
    pub(crate) registry: Vec<(bool, String)>,
    pub(crate) calls: Vec<MethodCall>,
    pub(crate) reports: Vec<(String, Map<String, Value>)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    Later,
    Never,
    /// It does not answer at all.
    Silence,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taken {
    pub(crate) device: String,
    pub(crate) created: i64,
    pub(crate) body: String,
}

/// Opens hubs at one desk.
#[derive(Debug, Default)]
pub(crate) struct Doubles {
    pub(crate) desk: Arc<Mutex<Desk>>,
}

#[derive(Debug)]
struct Double {
    desk: Arc<Mutex<Desk>>,
    owner: String,
    committed: Committed,
    connected: Vec<Arc<str>>,
    listens: bool,
}

impl Desk {
    /// All messages of one device, in the order of their numbers.
    pub(crate) fn of(&self, device: &str) -> Vec<Taken> {
        self.taken.values().flat_map(BTreeMap::values).filter(|taken| taken.device == device).cloned().collect()
    }

    /// What a device has said of one of its properties, in order.
    pub(crate) fn reported(&self, device: &str, property: &str) -> Vec<Value> {
        self.reports.iter().filter(|(from, _)| from == device).filter_map(|(_, members)| members.get(property).cloned()).collect()
    }
}

#[async_trait]
impl Hubs for Doubles {
    fn supports(&self, _: &HubChoice) -> Result<(), String> {
        Ok(())
    }

    async fn open(&self, hub: &HubChoice, owner: &Owner, committed: Committed, _: &RateLimits) -> Result<Box<dyn Hub>, SinkError> {
        let (desk, owner) = (Arc::clone(&self.desk), format!("{} {}", hub.label(), owner.0));
        Ok(Box::new(Double { desk, owner, committed, connected: Vec::new(), listens: !hub.connects_at_once() }))
    }
}

#[async_trait]
impl Hub for Double {
    async fn register(&mut self, devices: &[HubDevice]) -> Result<(), SinkError> {
        let mut desk = self.desk.lock().unwrap();
        for device in devices {
            desk.registered.insert(device.id.to_string());
            desk.registry.push((true, device.id.to_string()));
        }
        Ok(())
    }

    async fn unregister(&mut self, devices: &[HubDevice]) -> Result<(), SinkError> {
        let mut desk = self.desk.lock().unwrap();
        for device in devices {
            desk.registered.remove(&*device.id);
            desk.registry.push((false, device.id.to_string()));
        }
        Ok(())
    }

    async fn connect(&mut self, devices: Vec<HubDevice>) -> Result<(), SinkError> {
        self.connected.extend(devices.into_iter().map(|device| device.id));
        Ok(())
    }

    async fn disconnect(&mut self, _: &[Arc<str>]) {}

    async fn send(&mut self, messages: Vec<DeviceMessage>) -> Result<(), SinkError> {
        let refusal = self.desk.lock().unwrap().refusal.clone();
        if let Some(Refusal::Silence) = refusal {
            std::future::pending::<()>().await;
        }
        let mut desk = self.desk.lock().unwrap();
        let most = if refusal.is_some() { desk.takes } else { usize::MAX };
        for message in messages.into_iter().take(most) {
            self.committed.records += 1;
            let body = String::from_utf8(message.body.to_vec()).unwrap();
            let taken = Taken { device: message.device.to_string(), created: message.created.as_millis(), body };
            // A hub of Azure numbers nothing, and takes what comes again.
            if self.listens {
                let number = desk.taken.values().map(BTreeMap::len).sum::<usize>() as u64;
                desk.taken.entry(self.owner.clone()).or_default().insert(number, taken);
                continue;
            }
            let former = desk.taken.entry(self.owner.clone()).or_default().insert(self.committed.records, taken.clone());
            if let Some(former) = former {
                assert_eq!(former, taken, "another message has the number {}", self.committed.records);
                desk.repeated += 1;
            }
        }
        match refusal {
            Some(Refusal::Later) => Err(SinkError::Retry("the hub is tired".to_owned())),
            Some(Refusal::Never) => Err(SinkError::Fatal("the hub has had enough".to_owned())),
            _ => Ok(()),
        }
    }

    async fn report(&mut self, reports: Vec<TwinReport>) -> Result<(), SinkError> {
        let mut desk = self.desk.lock().unwrap();
        desk.reports.extend(reports.into_iter().map(|report| (report.device.to_string(), report.reported)));
        Ok(())
    }

    fn listens(&self) -> bool {
        self.listens
    }

    fn news(&mut self) -> News {
        let calls = if self.listens { std::mem::take(&mut self.desk.lock().unwrap().calls) } else { Vec::new() };
        News { connected: std::mem::take(&mut self.connected), calls, ..News::default() }
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.committed
    }
}
