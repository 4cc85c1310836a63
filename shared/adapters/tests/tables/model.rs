//! Tables beside a model that keeps every element in a list and goes through all of it for every question.

use proptest::prelude::*;

use super::*;

/// What is done to a table.
#[derive(Debug, Clone)]
enum Act {
    Push(Vec<Vec<i32>>),
    Last(i64),
    Range(i64, i64),
    Finish,
}

#[derive(Debug, Clone)]
struct Shape {
    element: &'static str,
    measure: u64,
    rate: u64,
    retention_ms: i64,
    windows: Vec<(usize, usize)>,
}

/// A row of the model: the sample with which it begins, how many samples its first element spans, and its value.
type Rows = Vec<(u64, Value)>;

fn shapes() -> impl Strategy<Value = Shape> {
    let element = prop::sample::select(vec!["sample", "vector", "list", "json"]);
    let windows = prop::collection::vec((2_usize..5, 1_usize..5), 0..3);
    (element, 1_u64..4, prop::sample::select(vec![1_u64, 3, 1000, 44_100]), 1_i64..60, windows).prop_map(
        |(element, measure, rate, kept, windows)| {
            let measure = if element == "json" { measure } else { 1 };
            // About as many milliseconds as there are elements, whatever the rate.
            let retention_ms = (kept * 1000).div_euclid(i64::try_from(rate).unwrap()).max(1);
            Shape { element, measure, rate, retention_ms, windows }
        },
    )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let element = prop::collection::vec(-9_i32..9, 0..4);
    let act = prop_oneof![
        5 => prop::collection::vec(element, 0..40).prop_map(Act::Push),
        2 => (-10_i64..90).prop_map(Act::Last),
        2 => (-10_i64..90, -10_i64..90).prop_map(|(from, to)| Act::Range(from, to)),
        1 => Just(Act::Finish),
    ];
    prop::collection::vec(act, 1..30)
}

impl Shape {
    fn definition(&self) -> Value {
        let windows: Vec<Value> = self.windows.iter().map(|(size, step)| json!({"window": {"size": size, "step": step}})).collect();
        let retention = format!("{}ms", self.retention_ms);
        json!({"element": self.element, "sampleRate": self.rate, "measure": self.measure, "retention": retention, "operations": windows})
    }

    /// The element that stands for these numbers, and the samples that it spans.
    fn element(&self, numbers: &[i32]) -> (Value, u64) {
        match self.element {
            "sample" => (json!(f64::from(numbers.first().copied().unwrap_or(0))), 1),
            "vector" => (json!(numbers.iter().map(|number| f64::from(*number)).collect::<Vec<_>>()), numbers.len() as u64),
            "list" => (json!(numbers), numbers.len() as u64),
            _ => (json!({ "n": numbers }), self.measure),
        }
    }

    fn marker(&self, sample: u64) -> i64 {
        i64::try_from(u128::from(sample) * 1_000_000_000 / u128::from(self.rate)).unwrap()
    }

    /// All rows that these elements make.
    fn rows(&self, elements: &[(Value, u64)], finished: bool) -> Rows {
        let mut sample = 0;
        let mut rows: Rows = Vec::new();
        for (value, span) in elements {
            rows.push((sample, value.clone()));
            sample += span;
        }
        for (depth, &(size, step)) in self.windows.iter().enumerate() {
            let kind = match (depth, self.element) {
                (0, "sample") => "java.lang.Double",
                (0, "vector") => "io.wavebeans.lib.SampleVector",
                (0, "list") => "java.util.List",
                (0, _) => "java.util.Map",
                _ => "io.wavebeans.lib.stream.window.Window",
            };
            let starts = (0..rows.len()).step_by(step).filter(|start| finished || start + size <= rows.len());
            let windows = starts.map(|start| {
                let part = &rows[start..rows.len().min(start + size)];
                let elements: Vec<&Value> = part.iter().map(|(_, value)| value).collect();
                (part[0].0, json!({"size": size, "step": step, "elements": elements, "sampleType": kind}))
            });
            rows = windows.collect();
        }
        rows
    }

    fn kept(&self, rows: &Rows) -> Vec<(i64, Value)> {
        let marked: Vec<(i64, Value)> = rows.iter().map(|(sample, value)| (self.marker(*sample), value.clone())).collect();
        let Some(newest) = marked.last().map(|(marker, _)| *marker) else { return marked };
        marked.into_iter().filter(|(marker, _)| *marker > newest - self.retention_ms * 1_000_000).collect()
    }
}

async fn play(shape: Shape, acts: Vec<Act>) {
    let bench = Bench::new();
    let service = bench.service();
    define(&service, "t", shape.definition()).await;
    let (mut elements, mut finished) = (Vec::new(), false);
    // Nanoseconds of an element, about.
    let unit = 1_000_000_000 / i64::try_from(shape.rate).unwrap();
    for act in acts {
        match act {
            Act::Push(numbers) => {
                let new: Vec<(Value, u64)> = numbers.iter().map(|numbers| shape.element(numbers)).collect();
                let values: Vec<Value> = new.iter().map(|(value, _)| value.clone()).collect();
                match push(&service, "t", &values).await {
                    Ok(count) => {
                        assert!(!finished);
                        assert_eq!(count, values.len() as u64);
                        elements.extend(new);
                    }
                    Err(TableError::Finished(_)) => assert!(finished),
                    Err(other) => panic!("{other}"),
                }
            }
            Act::Finish => {
                service.finish(&name("t")).await.unwrap();
                finished = true;
            }
            Act::Last(units) => {
                let kept = shape.kept(&shape.rows(&elements, finished));
                let newest = kept.last().map_or(0, |(marker, _)| *marker);
                let interval = units * unit;
                let wanted: Vec<_> = kept.into_iter().filter(|(marker, _)| interval > 0 && *marker > newest - interval).collect();
                assert_eq!(selected(&service, "t", Selection::Last(TimeMeasure::from_nanos(interval))).await, wanted, "last {interval}");
            }
            Act::Range(from, to) => {
                let (from, to) = (from * unit, to * unit);
                let kept = shape.kept(&shape.rows(&elements, finished));
                let wanted: Vec<_> = kept.into_iter().filter(|(marker, _)| (from..to).contains(marker)).collect();
                assert_eq!(selected(&service, "t", range(from, to)).await, wanted, "from {from} to {to}");
            }
        }
        let kept = shape.kept(&shape.rows(&elements, finished));
        assert_eq!(all(&service, "t").await, kept);
        let shown = service.describe(&name("t")).await.unwrap();
        assert_eq!(shown.rows, kept.len() as u64);
        assert_eq!((shown.first_marker, shown.last_marker), (kept.first().map(|row| row.0), kept.last().map(|row| row.0)));
        assert_eq!(shown.finished, finished);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn a_table_is_what_its_elements_make_it(shape in shapes(), acts in acts()) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(shape, acts));
    }
}
