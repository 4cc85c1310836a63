//! What a table is to hold, and where that comes from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::plan::{Operation, Plan};
use super::{ElementType, SampleRate, Signal, Spectrum, TimeMeasure, WindowFunction};
use crate::ids::{NamespaceId, StreamId, StreamName, TableName};
use crate::limits;
use crate::mistakes::{Findings, Mistakes, Node};
use crate::streams::DEFAULT_NAMESPACE;

/// A table's sample rate where nobody says another one, in Hz.
const DEFAULT_RATE: f64 = 44_100.0;

/// How long elements are kept where nobody says how long.
const DEFAULT_RETENTION: &str = "1d";

/// What a table is to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The base elements that are put in.
    pub element: ElementType,
    /// Samples a second. `None` as long as it is that of a source that is yet to be looked up.
    pub(super) sample_rate: Option<SampleRate>,
    /// How far back from the newest row rows are kept.
    pub retention: Span,
    /// Samples that a `json` element spans.
    pub measure: u32,
    /// What is made of the elements.
    pub operations: Vec<Operation>,
    /// Where they come from; `None` when they are pushed.
    pub source: Option<Source>,
}

/// A time measure, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// As it was written.
    pub text: String,
    /// What it says.
    pub measure: TimeMeasure,
}

/// Where the elements of a table come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// They are made: in real time without an end, or so many at once.
    Signal {
        /// What they are.
        signal: Signal,
        /// How long it is.
        length: Option<Span>,
    },
    /// They are those of another table, as they come.
    Table(TableName),
    /// They are a number of each event of a stream, as they come.
    Stream(StreamSource),
}

/// Numbers in the events of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSource {
    /// The stream.
    pub stream: StreamName,
    /// The member of the event's record that holds the number; a dot leads into an object.
    pub field: String,
    /// How the numbers lie in time.
    pub time: EventTime,
    /// Headers that an event must have to count.
    pub headers: BTreeMap<String, String>,
}

/// How the numbers of events lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventTime {
    /// Each is the next sample, whenever it came.
    Rate,
    /// Each holds from the time of its event until the next one comes, and is sampled at the table's rate.
    Event,
}

impl Source {
    /// What people call it.
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Signal { .. } => "a signal".to_owned(),
            Self::Table(table) => format!("the table {table}"),
            Self::Stream(source) => format!("the {}", source.stream),
        }
    }
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// All that is wrong with it, with the paths of the members.
    pub fn parse(body: &[u8]) -> Result<Self, Mistakes> {
        if body.len() > limits::TABLE_DEFINITION {
            return Err(Mistakes::one(
                "",
                format!("the definition has {} bytes, at most {} are taken", body.len(), limits::TABLE_DEFINITION),
            ));
        }
        Self::parse_stored(body)
    }

    /// Reads a definition that was taken before, and written with its defaults.
    pub(super) fn parse_stored(body: &[u8]) -> Result<Self, Mistakes> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| Mistakes::one("", format!("the definition is not valid JSON: {error}")))?;
        let findings = Findings::default();
        let read = Self::read(&Node::top(&value, "", &findings));
        findings.conclude(read)
    }

    fn read(node: &Node<'_>) -> Option<Self> {
        node.expect_object()?;
        only(node, &["element", "sampleRate", "retention", "measure", "operations", "source"]);
        let element = node.required("element").and_then(|element| read_element(&element));
        let sample_rate = match node.optional("sampleRate") {
            Some(rate) => rate
                .number()
                .and_then(|number| SampleRate::from_f64(number).map_err(|wrong| rate.wrong::<()>(wrong.to_string())).ok())
                .map(Some),
            None => Some(None),
        };
        let retention = match node.optional("retention") {
            Some(retention) => read_span(&retention),
            None => Some(Span { text: DEFAULT_RETENTION.to_owned(), measure: DEFAULT_RETENTION.parse().expect("a time measure") }),
        };
        let measure = match node.optional("measure") {
            Some(measure) => read_measure(&measure, element),
            None => Some(1),
        };
        let operations = node.optional("operations").map_or(Some(Vec::new()), |operations| read_operations(&operations));
        let source = match node.optional("source") {
            Some(source) => read_source(&source).map(Some),
            None => Some(None),
        };
        let (element, operations, source) = (element?, operations?, source?);
        if matches!(source, Some(Source::Signal { .. } | Source::Stream(_))) && element != ElementType::Sample {
            node.get("element")?.wrong::<()>("must be sample where the elements come from a signal or a stream");
        }
        // What comes from another table may have been through operations there.
        if !matches!(source, Some(Source::Table(_)))
            && let Err(wrong) = Plan::new(element, &operations)
        {
            node.findings().note(wrong.path, wrong.problem);
        }
        if matches!(source, Some(Source::Signal { .. } | Source::Stream(_)))
            && let Some(Some(rate)) = sample_rate
        {
            check_fed(node, rate, source.as_ref());
        }
        let sample_rate = match source {
            Some(Source::Table(_)) => sample_rate?,
            _ => Some(sample_rate?.unwrap_or_else(default_rate)),
        };
        Some(Self { element, sample_rate, retention: retention?, measure: measure?, operations, source })
    }

    /// Samples a second.
    #[must_use]
    pub fn rate(&self) -> SampleRate {
        self.sample_rate.unwrap_or_else(default_rate)
    }

    /// Whether this one, as it was asked for, says what that one says.
    pub(super) fn means(&self, other: &Self) -> bool {
        let sample_rate = self.sample_rate.or(other.sample_rate);
        Self { sample_rate, ..self.clone() } == *other
    }

    /// The definition as JSON.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("element".to_owned(), self.element.name().into());
        all.insert("sampleRate".to_owned(), serde_json::to_value(self.rate()).expect("a number"));
        all.insert("retention".to_owned(), self.retention.text.clone().into());
        all.insert("measure".to_owned(), self.measure.into());
        all.insert("operations".to_owned(), self.operations.iter().map(Operation::to_json).collect());
        if let Some(source) = &self.source {
            all.insert("source".to_owned(), source.to_json());
        }
        all
    }
}

impl Source {
    fn to_json(&self) -> Value {
        match self {
            Self::Signal { signal, length } => {
                let mut signal = signal.to_json();
                if let (Some(length), Some(members)) = (length, signal.as_object_mut()) {
                    members.insert("length".to_owned(), length.text.clone().into());
                }
                json!({ "signal": signal })
            }
            Self::Table(table) => json!({ "table": table }),
            Self::Stream(source) => {
                let mut stream = json!({"namespace": source.stream.namespace, "stream": source.stream.stream, "field": source.field});
                if source.time == EventTime::Event {
                    stream["time"] = "event".into();
                }
                if !source.headers.is_empty() {
                    stream["headers"] = json!(source.headers);
                }
                json!({ "stream": stream })
            }
        }
    }
}

/// Notes what would fill the table faster, or with more, than anybody can want.
fn check_fed(node: &Node<'_>, rate: SampleRate, source: Option<&Source>) {
    if rate.as_f64() > limits::FED_RATE {
        node.findings().note("sampleRate", format!("must be at most {} where a source fills the table", limits::FED_RATE));
    }
    if let Some(Source::Signal { length: Some(length), .. }) = source
        && rate.samples_in(length.measure.nanos()) > limits::SIGNAL_SAMPLES
    {
        node.findings().note("source.signal.length", format!("comes to more than {} samples", limits::SIGNAL_SAMPLES));
    }
}

fn default_rate() -> SampleRate {
    SampleRate::from_f64(DEFAULT_RATE).expect("a sample rate")
}

/// Notes every member that is none of these.
fn only(node: &Node<'_>, known: &[&str]) {
    for name in node.value().as_object().into_iter().flat_map(Map::keys).filter(|name| !known.contains(&name.as_str())) {
        if let Some(member) = node.get(name) {
            member.wrong::<()>(format!("is unknown here; there are {}", known.join(", ")));
        }
    }
}

fn read_element(node: &Node<'_>) -> Option<ElementType> {
    let name = node.text()?;
    ElementType::from_name(name).or_else(|| node.wrong(format!("must be sample, vector, list or json, not {name:?}")))
}

fn read_span(node: &Node<'_>) -> Option<Span> {
    let text = node.text()?;
    match text.parse::<TimeMeasure>() {
        Ok(measure) if measure.nanos() > 0 => Some(Span { text: text.to_owned(), measure }),
        Ok(_) => node.wrong(format!("must be longer than nothing, which {text:?} is not")),
        Err(wrong) => node.wrong(wrong.to_string()),
    }
}

fn read_measure(node: &Node<'_>, element: Option<ElementType>) -> Option<u32> {
    let measure = node.integer_within(1, i64::from(limits::TABLE_MEASURE))?;
    if measure != 1 && element.is_some_and(|element| element != ElementType::Json) {
        return node.wrong("is for json elements; others span as many samples as they have");
    }
    u32::try_from(measure).ok()
}

fn read_operations(node: &Node<'_>) -> Option<Vec<Operation>> {
    let elements = node.elements()?;
    if elements.len() > limits::TABLE_OPERATIONS {
        return node.wrong(format!("must be {} at most", limits::TABLE_OPERATIONS));
    }
    elements.iter().map(read_operation).collect::<Vec<_>>().into_iter().collect()
}

fn read_operation(node: &Node<'_>) -> Option<Operation> {
    node.expect_object()?;
    only(node, &["window", "windowFunction", "fft"]);
    let given: Vec<Node<'_>> = ["window", "windowFunction", "fft"].iter().filter_map(|name| node.get(name)).collect();
    if node.value().as_object().is_none_or(|members| members.len() != 1) {
        return node.wrong("must have one member: window, windowFunction or fft");
    }
    let operation = given.first()?;
    if let Some(function) = node.get("windowFunction") {
        let name = function.text()?;
        let found = WindowFunction::from_name(name).map(Operation::Function);
        let names = || WindowFunction::ALL.map(WindowFunction::name).join(", ");
        return found.or_else(|| function.wrong(format!("must be one of {}, not {name:?}", names())));
    }
    operation.expect_object()?;
    if node.get("window").is_some() {
        only(operation, &["size", "step"]);
        let most = limits::WINDOW_ELEMENTS as i64;
        let size = operation.required("size").and_then(|size| size.integer_within(2, most));
        let step = match operation.optional("step") {
            Some(step) => step.integer_within(1, most),
            None => size,
        };
        return Some(Operation::Window { size: usize::try_from(size?).ok()?, step: u64::try_from(step?).ok()? });
    }
    only(operation, &["binCount"]);
    let node = operation.required("binCount")?;
    let bin_count = usize::try_from(node.integer_within(2, limits::FFT_BINS as i64)?).ok()?;
    match Spectrum::takes(bin_count) {
        true => Some(Operation::Fft { bin_count }),
        false => node.wrong(format!("must be a power of two, not {bin_count}")),
    }
}

fn read_source(node: &Node<'_>) -> Option<Source> {
    node.expect_object()?;
    only(node, &["signal", "table", "stream"]);
    if node.value().as_object().is_none_or(|members| members.len() != 1) {
        return node.wrong("must have one member: signal, table or stream");
    }
    if let Some(table) = node.get("table") {
        let name = table.text()?;
        return match TableName::try_from(name) {
            Ok(name) => Some(Source::Table(name)),
            Err(wrong) => table.wrong(wrong.to_string()),
        };
    }
    if let Some(signal) = node.get("signal") {
        let length = match signal.optional("length") {
            Some(length) => Some(read_span(&length)?),
            None => None,
        };
        return Some(Source::Signal { signal: Signal::read(&signal)?, length });
    }
    node.get("stream").and_then(|stream| read_stream(&stream)).map(Source::Stream)
}

fn read_stream(node: &Node<'_>) -> Option<StreamSource> {
    node.expect_object()?;
    only(node, &["namespace", "stream", "field", "time", "headers"]);
    let namespace = match node.optional("namespace") {
        Some(namespace) => NamespaceId::try_from(namespace.text()?).map_err(|wrong| namespace.wrong::<()>(wrong.to_string())).ok(),
        None => NamespaceId::try_from(DEFAULT_NAMESPACE).ok(),
    };
    let stream = node.required("stream").and_then(|stream| {
        let id = stream.text()?;
        StreamId::try_from(id).map_err(|wrong| stream.wrong::<()>(wrong.to_string())).ok()
    });
    let field = node.required("field").and_then(|field| match field.text()? {
        "" => field.wrong("must not be empty"),
        name => Some(name.to_owned()),
    });
    let time = match node.optional("time") {
        None => Some(EventTime::Rate),
        Some(time) => match time.text()? {
            "rate" => Some(EventTime::Rate),
            "event" => Some(EventTime::Event),
            other => time.wrong(format!("must be rate or event, not {other:?}")),
        },
    };
    let headers = match node.optional("headers") {
        None => Some(BTreeMap::new()),
        Some(headers) => {
            headers.expect_object()?;
            let names = headers.value().as_object().into_iter().flat_map(Map::keys);
            // Upper and lower case do not count in names of headers.
            names.map(|name| Some((name.to_ascii_lowercase(), headers.get(name)?.text()?.to_owned()))).collect()
        }
    };
    Some(StreamSource { stream: StreamName { namespace: namespace?, stream: stream? }, field: field?, time: time?, headers: headers? })
}
