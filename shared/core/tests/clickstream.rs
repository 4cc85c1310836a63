//! The statistics of a clickstream, against what its specification says they are.
//!
//! The specification has the shape of the stock example: a shop's visitors walk through nine states, wait twenty seconds on
//! average, and carry what was drawn when they logged in. One run of 200 000 records with a fixed seed is looked at from all
//! sides. Where records are independent, chi-square tests decide; where they hang together as the records of a session do,
//! intervals measured over many runs.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::LazyLock;

use headwater_core::datagen::{Advance, Generator, Plan, Records, Run, Window};
use headwater_core::ports::Timestamp;
use serde::Deserialize;
use serde_json::{Value as Json, json};

const EVENTS: usize = 200_000;
const START: Timestamp = Timestamp::from_micros(1_577_836_800_000_000); // 2020-01-01

const DEVICES: [&str; 4] = ["mobile", "tablet", "laptop", "desktop"];
const LANGUAGES: [&str; 8] = ["Russian", "French", "Mandarin", "English", "Hindi", "Spanish", "Arabic", "Portuguese"];
const COUNTRIES: [&str; 13] = [
    "Vietnam",
    "Philippines",
    "Mexico",
    "Brazil",
    "Pakistan",
    "United States",
    "China",
    "India",
    "Indonesia",
    "Nigeria",
    "Russia",
    "Japan",
    "Egypt",
];
const REFERRERS: [&str; 8] = [
    "twitter.com/post",
    "google.com/search",
    "facebook.com/referring-group",
    "bing.com/search",
    "amazon.com",
    "adserve.com",
    "adsRus.com",
    "unknown",
];
/// Lengths of the names of keywords and products: of the names, only that counts.
const KEYWORDS: [usize; 30] = [5, 9, 11, 12, 13, 12, 11, 12, 4, 11, 11, 4, 5, 8, 4, 7, 4, 11, 9, 15, 15, 10, 6, 6, 14, 8, 7, 4, 7, 5];
const PRODUCTS: [usize; 40] = [
    14, 14, 6, 12, 8, 9, 13, 15, 21, 11, 11, 12, 24, 11, 16, 13, 17, 12, 18, 16, 24, 12, 27, 21, 20, 11, 27, 13, 15, 11, 12, 27, 16, 15,
    21, 17, 22, 20, 14, 25,
];

/// A name of this number and length, such as `p7----`.
fn placeholder(kind: char, number: usize, length: usize) -> String {
    format!("{:-<length$}", format!("{kind}{number}"))
}

fn placeholders(kind: char, lengths: &[usize]) -> Vec<String> {
    lengths.iter().enumerate().map(|(number, &length)| placeholder(kind, number, length)).collect()
}

/// Each state with its event and where it goes.
type Walk = (&'static str, &'static str, &'static [(&'static str, f64)]);
const WALKS: [Walk; 9] = [
    ("login", "login", &[("home", 1.0)]),
    ("home", "home", &[("search", 0.95), ("viewcart", 0.05)]),
    ("search", "search", &[("product", 0.55), ("search", 0.40), ("home", 0.05)]),
    ("viewcart", "view_cart", &[("search", 0.50), ("purchase", 0.25), ("product", 0.20), ("dropcart", 0.05)]),
    ("product", "view_product", &[("search", 0.50), ("addcart", 0.15), ("product_detail", 0.35)]),
    ("product_detail", "product_detail", &[("addcart", 0.80), ("viewcart", 0.05), ("search", 0.15)]),
    ("addcart", "add_to_cart", &[("search", 0.20), ("viewcart", 0.80)]),
    ("dropcart", "drop_from_cart", &[("search", 1.0)]),
    ("purchase", "purchase", &[("home", 0.5), ("stop", 0.5)]),
];

fn picked(name: &str, values: &Json, distribution: &Json) -> Json {
    json!({"type": "enum", "name": name, "values": values, "cardinality_distribution": distribution})
}

fn constant(value: &str, name: &str) -> Json {
    picked(name, &json!([value]), &json!({"type": "constant", "value": 0}))
}

fn address() -> Json {
    json!({"type": "ipaddress", "name": "client_ip", "distribution": {"type": "uniform", "min": 2_130_706_433, "max": 2_147_483_647},
        "cardinality": 1000, "cardinality_distribution": {"type": "exponential", "mean": 100}})
}

fn clickstream() -> Json {
    let exponential = |mean: f64| json!({"type": "exponential", "mean": mean});
    let normal = |mean: f64, stddev: f64| json!({"type": "normal", "mean": mean, "stddev": stddev});
    let null = |name: &str| picked(name, &json!([null]), &json!({"type": "constant", "value": 0}));
    let variables = |state: &str, event: &str| {
        let mut variables = vec![constant(event, "event_type")];
        match state {
            "login" => variables.extend([
                json!({"type": "int", "name": "user_id", "distribution": {"type": "uniform", "min": 0, "max": 4000}, "cardinality": 0}),
                address(),
                picked("client_device", &json!(DEVICES), &exponential(2.0)),
                picked("client_lang", &json!(LANGUAGES), &normal(3.0, 2.0)),
                picked("client_country", &json!(COUNTRIES), &normal(6.0, 4.0)),
                picked("referrer", &json!(REFERRERS), &normal(5.0, 3.0)),
                null("product"),
                null("keyword"),
            ]),
            "search" => variables.extend([
                picked("product", &json!(placeholders('p', &PRODUCTS)), &exponential(20.0)),
                picked("keyword", &json!(placeholders('k', &KEYWORDS)), &exponential(10.0)),
            ]),
            "dropcart" => variables.push(null("product")),
            _ => {}
        }
        variables
    };
    let transition = |(next, probability): &(&str, f64)| json!({"next": next, "probability": probability});
    let state = |(name, event, next): &Walk| {
        json!({"name": name, "emitter": "click", "variables": variables(name, event), "delay": exponential(20.0),
            "transitions": next.iter().map(transition).collect::<Vec<_>>()})
    };
    let shown = ["user_id", "event_type", "client_ip", "client_device", "client_lang", "client_country", "referrer", "keyword", "product"];
    let dimensions: Vec<Json> = shown.iter().map(|name| json!({"type": "variable", "name": name, "variable": name})).collect();
    json!({"interarrival": exponential(0.1), "states": WALKS.iter().map(state).collect::<Vec<_>>(),
        "emitters": [{"name": "click", "dimensions": dimensions}]})
}

/// The text of `events` records.
fn text_of(specification: &Json, seed: i64, concurrency: u64, events: usize) -> String {
    let plan = Plan::compile(specification, seed, None).unwrap();
    let run = Run { seed, start: START, concurrency, total_events: Some(events as u64), time_limit: None };
    let mut records = Records::default();
    let window = Window { records: u64::MAX, bytes: usize::MAX, horizon: u64::MAX };
    assert_eq!(Generator::new(&plan, run).advance(window, &mut records), Ok(Advance::Done));
    String::from_utf8(records.into_batch().text.to_vec()).unwrap()
}

#[derive(Debug, Deserialize)]
struct Click<'a> {
    time: &'a str,
    user_id: &'a str,
    event_type: &'a str,
    client_ip: &'a str,
    client_device: &'a str,
    client_lang: &'a str,
    client_country: &'a str,
    referrer: &'a str,
    keyword: Option<&'a str>,
    product: Option<&'a str>,
}

impl Click<'_> {
    /// Seconds from the start, of a run of less than a day.
    fn seconds(&self) -> f64 {
        let part = |from: usize, to: usize| self.time[from..to].parse::<f64>().unwrap();
        assert!(self.time.starts_with("2020-01-01T"), "{}", self.time);
        part(11, 13) * 3600.0 + part(14, 16) * 60.0 + part(17, 23)
    }
}

type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The run that all tests look at.
struct Seen {
    clicks: Vec<Click<'static>>,
    seconds: Vec<f64>,
    bytes: usize,
    /// For each session the records that are its own: those that share what was drawn at its login.
    sessions: Vec<Vec<usize>>,
}

static SEEN: LazyLock<Seen> = LazyLock::new(|| {
    let text: &'static str = text_of(&clickstream(), 2026, 100, EVENTS).leak();
    let clicks: Vec<Click<'static>> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seconds: Vec<f64> = clicks.iter().map(Click::seconds).collect();
    let mut open: Map<[&str; 6], usize> = Map::default();
    let mut sessions: Vec<Vec<usize>> = Vec::new();
    for (i, click) in clicks.iter().enumerate() {
        let key = [click.user_id, click.client_ip, click.client_device, click.client_lang, click.client_country, click.referrer];
        if click.event_type == "login" {
            open.insert(key, sessions.len());
            sessions.push(Vec::new());
        }
        sessions[*open.get(&key).expect("what was drawn at the login stays for the session")].push(i);
    }
    Seen { clicks, seconds, bytes: text.len(), sessions }
});

#[track_caller]
fn within(what: &str, found: f64, least: f64, most: f64) {
    assert!((least..=most).contains(&found), "{what}: {found} is not from {least} to {most}");
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

/// Pearson's statistic stays below the value that chance exceeds once in thirty thousand times (four standard deviations).
#[track_caller]
fn fits(what: &str, counts: &[usize], probabilities: &[f64]) {
    assert_eq!(counts.len(), probabilities.len());
    within(what, probabilities.iter().sum(), 0.999_999, 1.000_001);
    let total = float(counts.iter().sum());
    let part = |(count, probability): (&usize, &f64)| {
        let expected = total * probability;
        assert!(expected > 3.0, "{what}: too few of a kind to expect, {expected}");
        (float(*count) - expected) * (float(*count) - expected) / expected
    };
    let statistic: f64 = counts.iter().zip(probabilities).map(part).sum();
    let freedom = float(counts.len() - 1);
    if freedom == 0.0 {
        return;
    }
    let spread = 2.0 / (9.0 * freedom); // Wilson and Hilferty: its cube root is nearly normal.
    let root = 1.0 - spread + 4.0 * spread.sqrt();
    let greatest = freedom * root * root * root;
    assert!(
        statistic <= greatest,
        "{what}: chi-square {statistic} of {freedom} degrees of freedom, at most {greatest} is chance: {counts:?}"
    );
}

fn counts<'a>(values: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
}

/// How often each of the values came, in their order; there are no others.
#[track_caller]
fn tally<'a, T: AsRef<str>>(found: impl Iterator<Item = &'a str>, values: &[T]) -> Vec<usize> {
    let mut found = counts(found);
    let tally = values.iter().map(|value| found.remove(value.as_ref()).unwrap_or(0)).collect();
    assert!(found.is_empty(), "unknown values {found:?}");
    tally
}

/// Shares of `n` indexes from the probabilities of being below each number, the last one taking the rest.
fn truncated(n: usize, below: impl Fn(f64) -> f64) -> Vec<f64> {
    let upto = |i: usize| if i == n { 1.0 } else { below(float(i)) };
    (0..n).map(|i| upto(i + 1) - if i == 0 { 0.0 } else { upto(i) }).collect()
}

fn exponential_index(n: usize, mean: f64) -> Vec<f64> {
    truncated(n, |x| 1.0 - libm::exp(-x / mean))
}

fn normal_index(n: usize, mean: f64, stddev: f64) -> Vec<f64> {
    truncated(n, |x| 0.5 * libm::erfc((mean - x) / (stddev * std::f64::consts::SQRT_2)))
}

#[test]
fn events_have_their_long_run_shares() {
    // Long-run share; mean and 95 % interval of runs of 50 000 records, which have more logins because they begin with 100.
    let table = [
        ("search", 0.40391, 0.4032, 0.3993, 0.4071),
        ("view_product", 0.23992, 0.2391, 0.2371, 0.2411),
        ("add_to_cart", 0.10317, 0.1027, 0.1010, 0.1043),
        ("view_cart", 0.08885, 0.0881, 0.0867, 0.0895),
        ("product_detail", 0.08397, 0.0838, 0.0822, 0.0855),
        ("home", 0.04241, 0.0438, 0.0424, 0.0452),
        ("purchase", 0.02221, 0.0219, 0.0207, 0.0230),
        ("login", 0.01111, 0.0131, 0.0122, 0.0139),
        ("drop_from_cart", 0.00444, 0.0044, 0.0038, 0.0050),
    ];
    let names = table.map(|row| row.0);
    let long = tally(SEEN.clicks.iter().map(|click| click.event_type), &names);
    let short = tally(SEEN.clicks[..50_000].iter().map(|click| click.event_type), &names);
    for ((name, theory, mean, least, most), (long, short)) in table.into_iter().zip(long.into_iter().zip(short)) {
        // Four times as many records: half the spread, so the interval's half width is four standard deviations. A quarter of
        // what the beginning did is still there.
        let expected = theory + (mean - theory) / 4.0;
        let tolerance = (most - least) / 2.0;
        within(name, float(long) / float(EVENTS), expected - tolerance, expected + tolerance);
        let tolerance = tolerance * 1.6;
        within(name, float(short) / 50_000.0, mean - tolerance, mean + tolerance);
    }
}

#[test]
fn entities_walk_by_the_transition_probabilities() {
    let event = |state: &str| WALKS.iter().find(|walk| walk.0 == state).map(|walk| walk.1);
    for (_, from, next) in WALKS {
        let mut steps = Vec::new();
        for session in &SEEN.sessions {
            for pair in session.windows(2) {
                if SEEN.clicks[pair[0]].event_type == from {
                    steps.push(SEEN.clicks[pair[1]].event_type);
                }
            }
        }
        // Where a walk may end there is no next record: those steps are left out.
        let (names, weights): (Vec<&str>, Vec<f64>) = next.iter().filter_map(|(next, weight)| Some((event(next)?, *weight))).unzip();
        let total: f64 = weights.iter().sum();
        fits(from, &tally(steps.into_iter(), &names), &weights.iter().map(|weight| weight / total).collect::<Vec<_>>());
    }
}

#[test]
fn half_of_the_purchases_end_a_session() {
    let end = *SEEN.seconds.last().unwrap();
    let mut after = [0, 0];
    for session in &SEEN.sessions {
        for (place, &i) in session.iter().enumerate() {
            // Purchases near the end may go on beyond it.
            if SEEN.clicks[i].event_type == "purchase" && end - SEEN.seconds[i] > 400.0 {
                after[usize::from(place + 1 == session.len())] += 1;
            }
        }
    }
    fits("home or stop", &after, &[0.5, 0.5]);
    let ended = |session: &&Vec<usize>| end - SEEN.seconds[*session.last().unwrap()] > 400.0;
    assert!(SEEN.sessions.iter().filter(ended).all(|session| SEEN.clicks[*session.last().unwrap()].event_type == "purchase"));
}

#[test]
fn records_of_a_session_are_twenty_seconds_apart_on_average() {
    let pairs = SEEN.sessions.iter().flat_map(|session| session.windows(2));
    let mut gaps: Vec<f64> = pairs.map(|pair| SEEN.seconds[pair[1]] - SEEN.seconds[pair[0]]).collect();
    gaps.sort_by(f64::total_cmp);
    let n = float(gaps.len());
    let mean = gaps.iter().sum::<f64>() / n;
    let deviation = (gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / n).sqrt();
    let part = |per_mille: usize| gaps[gaps.len() * per_mille / 1000];
    within("mean", mean, 19.8, 20.2);
    within("standard deviation", deviation, 19.7, 20.3);
    within("median", part(500), 13.68, 14.04);
    within("95th percentile", part(950), 59.1, 60.7);
    within("99th percentile", part(990), 90.3, 93.9);
    let mut bins = [0; 20];
    for gap in &gaps {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 20")]
        let bin = ((1.0 - libm::exp(-gap / 20.0)) * 20.0) as usize;
        bins[bin.min(19)] += 1;
    }
    fits("gaps", &bins, &[0.05; 20]);
}

#[test]
fn the_rate_is_that_of_a_hundred_entities_and_the_spawners_grid() {
    let span = *SEEN.seconds.last().unwrap();
    within("records per second", float(EVENTS) / span, 4.993 - 0.035, 4.993 + 0.035);
    assert!(SEEN.seconds.windows(2).all(|pair| pair[0] <= pair[1]), "records are in order of time");
    within("seconds of 50 000 records", SEEN.seconds[49_999], 9_850.0, 10_165.0);
    let logins: Vec<f64> = SEEN.sessions.iter().map(|session| SEEN.seconds[session[0]]).collect();
    within("time of the 100th login", logins[99], 6.8, 12.8);
    assert!(logins[100] > 12.8, "the limit holds: the 101st login came at {} s", logins[100]);
    let begun = SEEN.sessions.iter().filter(|session| session[0] < 50_000).count();
    within("sessions begun in 50 000 records", float(begun), 585.0, 721.0);
    let lengths: Vec<f64> = SEEN.sessions[..1000].iter().map(|session| float(session.len())).collect();
    within("records per session", lengths.iter().sum::<f64>() / 1000.0, 90.037 - 11.0, 90.037 + 11.0); // Deviation 84.4.
}

#[test]
fn records_have_their_size_and_nulls() {
    // The original writes a null in two bytes more.
    within("bytes per record", float(SEEN.bytes) / float(EVENTS), 257.8, 259.6);
    let nulls =
        |of: fn(&Click<'_>) -> bool, clicks: &[Click<'_>]| float(clicks.iter().filter(|click| of(click)).count()) / float(clicks.len());
    let first = &SEEN.clicks[..50_000];
    within("null products", nulls(|click| click.product.is_none(), first), 0.0285, 0.0348);
    within("null keywords", nulls(|click| click.keyword.is_none(), first), 0.0242, 0.0304);
    for session in &SEEN.sessions {
        let mut product = None;
        for &i in session {
            let click = &SEEN.clicks[i];
            match click.event_type {
                "login" => assert!(click.product.is_none() && click.keyword.is_none()),
                "drop_from_cart" => assert!(click.product.is_none()),
                "search" => assert!(click.product.is_some() && click.keyword.is_some()),
                _ => assert_eq!(click.product, product, "what was searched for stays until the next search"),
            }
            product = click.product;
        }
    }
}

/// Checks the shares of an attribute over the sessions: each against an interval of runs of 50 000 records (four standard
/// deviations here), all together against the truncated and clamped distribution.
#[track_caller]
fn check_attribute(what: &str, of: fn(&Click<'static>) -> &'static str, names: &[&str], theory: &[f64], intervals: &[(f64, f64)]) {
    let tally = tally(SEEN.sessions.iter().map(|session| of(&SEEN.clicks[session[0]])), names);
    fits(what, &tally, theory);
    let sessions = float(SEEN.sessions.len());
    for ((name, count), (least, most)) in names.iter().zip(&tally).zip(intervals) {
        within(name, float(*count) / sessions, *least, *most);
    }
}

#[test]
fn devices_are_exponential() {
    let theory = exponential_index(4, 2.0);
    within("mobile", theory[0], 0.3934, 0.3936);
    within("desktop", theory[3], 0.2230, 0.2232);
    let intervals = [(0.354, 0.440), (0.207, 0.271), (0.116, 0.175), (0.191, 0.245)];
    check_attribute("client_device", |click| click.client_device, &DEVICES, &theory, &intervals);
}

#[test]
fn languages_are_normal() {
    let theory = normal_index(8, 3.0, 2.0);
    within("Russian", theory[0], 0.1586, 0.1588);
    within("Portuguese", theory[7], 0.0227, 0.0229);
    let intervals =
        [(0.141, 0.180), (0.123, 0.177), (0.157, 0.226), (0.160, 0.232), (0.122, 0.174), (0.066, 0.112), (0.028, 0.057), (0.009, 0.037)];
    check_attribute("client_lang", |click| click.client_lang, &LANGUAGES, &theory, &intervals);
}

#[test]
fn countries_are_normal() {
    let theory = normal_index(13, 6.0, 4.0);
    within("Vietnam", theory[0], 0.1055, 0.1057);
    within("Egypt", theory[12], 0.0667, 0.0669);
    let intervals = [
        (0.077, 0.126),
        (0.036, 0.071),
        (0.051, 0.083),
        (0.055, 0.110),
        (0.067, 0.117),
        (0.081, 0.127),
        (0.077, 0.127),
        (0.062, 0.121),
        (0.056, 0.105),
        (0.042, 0.091),
        (0.038, 0.068),
        (0.026, 0.051),
        (0.046, 0.088),
    ];
    check_attribute("client_country", |click| click.client_country, &COUNTRIES, &theory, &intervals);
}

#[test]
fn referrers_are_normal() {
    let theory = normal_index(8, 5.0, 3.0);
    within("twitter.com/post", theory[0], 0.0911, 0.0913);
    within("unknown", theory[7], 0.2524, 0.2526);
    let intervals =
        [(0.064, 0.110), (0.044, 0.094), (0.071, 0.122), (0.088, 0.144), (0.089, 0.166), (0.102, 0.159), (0.097, 0.148), (0.211, 0.291)];
    check_attribute("referrer", |click| click.referrer, &REFERRERS, &theory, &intervals);
}

#[test]
fn every_search_draws_a_product_and_a_keyword() {
    let searches = || SEEN.clicks.iter().filter(|click| click.event_type == "search");
    let products = tally(searches().map(|click| click.product.unwrap()), &placeholders('p', &PRODUCTS));
    let theory = exponential_index(40, 20.0);
    within("first product", theory[0], 0.0487, 0.0489);
    within("last product", theory[39], 0.1422, 0.1424);
    fits("product", &products, &theory);
    let keywords = tally(searches().map(|click| click.keyword.unwrap()), &placeholders('k', &KEYWORDS));
    fits("keyword", &keywords, &exponential_index(30, 10.0));
}

#[test]
fn users_are_even_and_addresses_come_from_a_pool() {
    let sessions = || SEEN.sessions.iter().map(|session| &SEEN.clicks[session[0]]);
    let mut bins = [0; 20];
    for user in sessions().map(|click| click.user_id.parse::<usize>().unwrap()) {
        assert!(user <= 4000);
        bins[user * 20 / 4001] += 1;
    }
    fits("user_id", &bins, &[0.05; 20]);
    let drawn = SEEN.sessions.len();
    let (users, tolerance) = distinct(&[1.0 / 4001.0; 4001], drawn);
    within("distinct users", float(counts(sessions().map(|click| click.user_id)).len()), users - tolerance, users + tolerance);
    for n in [650, drawn] {
        let (addresses, tolerance) = distinct(&exponential_index(1000, 100.0), n);
        let found = counts(sessions().take(n).map(|click| click.client_ip)).len();
        within("distinct addresses", float(found), addresses - tolerance, addresses + tolerance);
    }
    assert!(sessions().all(|click| click.client_ip.starts_with("127.")));
}

/// How many distinct values of these probabilities are to be expected in `n` draws, and four standard deviations: each is met
/// with probability 1 - (1 - p)^n.
fn distinct(probabilities: &[f64], n: usize) -> (f64, f64) {
    let met: Vec<f64> = probabilities.iter().map(|p| 1.0 - libm::pow(1.0 - p, float(n))).collect();
    let deviation = met.iter().map(|met| met * (1.0 - met)).sum::<f64>().sqrt();
    (met.iter().sum::<f64>(), 4.0 * deviation)
}

/// A single state with these dimensions.
fn flat(dimensions: &[Json]) -> Json {
    json!({"interarrival": {"type": "constant", "value": 1}, "emitters": [{"name": "e", "dimensions": dimensions}],
        "states": [{"name": "s", "emitter": "e", "delay": {"type": "constant", "value": 1}, "transitions": [{"next": "s", "probability": 1}]}]})
}

#[test]
fn a_pool_of_a_thousand_addresses_has_its_favourite_in_one_of_a_hundred_records() {
    let n = 40_000;
    let text = text_of(&flat(&[address()]), 11, 1, n);
    let found = counts(text.lines().map(|line| &line[34..]));
    let theory = exponential_index(1000, 100.0);
    let (addresses, tolerance) = distinct(&theory, n);
    within("distinct addresses", float(found.len()), addresses - tolerance, addresses + tolerance);
    let mut most: Vec<usize> = found.into_values().collect();
    most.sort_unstable_by(|a, b| b.cmp(a));
    within("the most frequent", float(most[0]) / float(n), 0.009, 0.0125);
    let hundred = |counts: &[usize]| float(counts[..100].iter().sum());
    let expected = theory[..100].iter().sum::<f64>();
    within("the hundred most frequent", hundred(&most) / float(n), expected - 0.01, expected + 0.02);
}

#[test]
fn pools_and_enums_are_picked_from_with_the_same_probabilities() {
    let uniform = |min: f64, max: f64| json!({"type": "uniform", "min": min, "max": max});
    let cases = [
        (json!({"type": "exponential", "mean": 3}), exponential_index(8, 3.0)),
        (json!({"type": "normal", "mean": 4, "stddev": 2.5}), normal_index(8, 4.0, 2.5)),
        (json!({"type": "normal", "mean": -1, "stddev": 3}), normal_index(8, -1.0, 3.0)),
        (uniform(0.0, 7.0), vec![0.125; 8]),
        (uniform(0.0, 15.0), truncated(8, |x| x / 16.0)),
        (uniform(-3.0, 8.0), truncated(8, |x| (x + 3.0) / 12.0)),
        (uniform(0.5, 6.25), truncated(8, |x| ((x - 0.5) / 6.75).clamp(0.0, 1.0))),
    ];
    let mut dimensions = Vec::new();
    for (i, (distribution, _)) in cases.iter().enumerate() {
        dimensions.push(picked(&format!("e{i}"), &json!(["0", "1", "2", "3", "4", "5", "6", "7"]), distribution));
        // A counter in an object fills its pool in ascending order.
        dimensions.push(json!({"type": "object", "name": format!("p{i}"), "dimensions": [{"type": "counter", "name": "c"}],
            "cardinality": 8, "cardinality_distribution": distribution}));
    }
    let text = text_of(&flat(&dimensions), 3, 7, 20_000);
    let records: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (i, (distribution, theory)) in cases.iter().enumerate() {
        let (picked, pooled) = (format!("e{i}"), format!("p{i}"));
        let names = ["0", "1", "2", "3", "4", "5", "6", "7"];
        fits(&distribution.to_string(), &tally(records.iter().map(|record| record[&picked].as_str().unwrap()), &names), theory);
        fits(&distribution.to_string(), &tally(records.iter().map(|record| record[&pooled]["c"].as_str().unwrap()), &names), theory);
    }
}

#[test]
fn integers_and_floats_are_even_between_their_bounds() {
    let drawn =
        |kind: &str, min: i64, max: i64| json!({"type": kind, "name": kind, "distribution": {"type": "uniform", "min": min, "max": max}});
    let text = text_of(&flat(&[drawn("int", -5, 4), drawn("float", 10, 20)]), 4, 3, 20_000);
    let (mut integers, mut floats) = ([0; 10], [0; 10]);
    for line in text.lines() {
        let record: Json = serde_json::from_str(line).unwrap();
        integers[usize::try_from(record["int"].as_i64().unwrap() + 5).unwrap()] += 1;
        let float = record["float"].as_f64().unwrap();
        assert!((10.0..=20.0).contains(&float));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 10 to 20")]
        let bin = float as usize - 10;
        floats[bin.min(9)] += 1;
    }
    fits("integers", &integers, &[0.1; 10]);
    fits("floats", &floats, &[0.1; 10]);
}
