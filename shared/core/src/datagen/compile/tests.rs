//! What is wrong with a specification is said, all of it, and where.

use serde_json::{Value as Json, json};

use crate::datagen::Plan;
use crate::limits;

fn constant(value: impl Into<Json>) -> Json {
    json!({"type": "constant", "value": value.into()})
}

fn uniform(min: impl Into<Json>, max: impl Into<Json>) -> Json {
    json!({"type": "uniform", "min": min.into(), "max": max.into()})
}

/// One emitter with an enum, one state that loops, one second between records and entities: nothing is wrong with it.
fn sound() -> Json {
    json!({
        "interarrival": constant(1),
        "states": [{"name": "s", "emitter": "e", "delay": constant(1), "transitions": [{"next": "s", "probability": 1}]}],
        "emitters": [{"name": "e", "dimensions": [{"type": "enum", "name": "x", "values": ["A", "B"], "cardinality_distribution": uniform(0, 1)}]}],
    })
}

/// The mistakes as `path: problem`, in the order in which they are met.
fn mistakes(specification: &Json) -> Vec<String> {
    match Plan::compile(specification, 1, None) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.as_slice().iter().map(ToString::to_string).collect(),
    }
}

/// Checks that exactly these mistakes are found: each begins with the path and holds the words.
#[track_caller]
fn check(specification: &Json, wanted: &[(&str, &str)]) {
    let found = mistakes(specification);
    let alike = found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(found, (path, words))| {
            let problem =
                if path.is_empty() { Some(found.as_str()) } else { found.strip_prefix(path).and_then(|rest| rest.strip_prefix(": ")) };
            problem.is_some_and(|problem| problem.contains(words))
        });
    assert!(alike, "found {found:#?}\ninstead of {wanted:#?}\nin {specification}");
}

/// Puts a value at a place of the sound specification, given as a JSON pointer; `None` takes away what is there.
fn with(pointer: &str, value: Option<Json>) -> Json {
    let mut specification = sound();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    match (specification.pointer_mut(parent).unwrap(), value) {
        (Json::Object(members), Some(value)) => drop(members.insert(member.to_owned(), value)),
        (Json::Object(members), None) => drop(members.shift_remove(member)),
        (Json::Array(elements), Some(value)) => elements.push(value),
        (other, _) => panic!("nothing can be put into {other}"),
    }
    specification
}

/// The places where a dimension can stand, with the path that its own mistakes then have.
fn at_every_place(dimension: &Json) -> [(Json, &'static str); 4] {
    let emitter = "/emitters/0/dimensions/1";
    let object = json!({"type": "object", "name": "o", "dimensions": [dimension]});
    let list = json!({"type": "list", "name": "o", "elements": [dimension], "length_distribution": constant(1), "selection_distribution": constant(0)});
    [
        (with(emitter, Some(dimension.clone())), "emitters[0].dimensions[1]"),
        (with(emitter, Some(object)), "emitters[0].dimensions[1].dimensions[0]"),
        (with(emitter, Some(list)), "emitters[0].dimensions[1].elements[0]"),
        (with("/states/0/variables", Some(json!([dimension]))), "states[0].variables[0]"),
    ]
}

/// Checks that a dimension has exactly one mistake, wherever it stands; `path` is below the dimension.
#[track_caller]
fn check_dimension(dimension: &Json, path: &str, words: &str) {
    let mut dimension = dimension.clone();
    if dimension.get("name").is_none() {
        dimension["name"] = json!("d");
    }
    for (specification, place) in at_every_place(&dimension) {
        check(&specification, &[(&format!("{place}{path}"), words)]);
    }
}

#[test]
fn nothing_is_wrong_with_a_sound_specification() {
    check(&sound(), &[]);
    let mut specification = sound();
    specification["type"] = json!("Generator");
    specification["target"] = json!({"type": "whatever"});
    specification["unknown"] = json!([1]);
    specification["states"][0]["variables"] = Json::Null;
    check(&specification, &[]);
}

#[test]
fn what_is_missing_or_of_another_type_at_the_top_is_named() {
    for (pointer, value, path, words) in [
        ("/states", None, "states", "is required"),
        ("/emitters", None, "emitters", "is required"),
        ("/interarrival", None, "interarrival", "is required"),
        ("/states", Some(json!([])), "states", "at least one state"),
        ("/states", Some(json!({})), "states", "must be an array, not an object"),
        ("/emitters", Some(json!("e")), "emitters", "must be an array, not a text"),
        ("/interarrival", Some(json!(1)), "interarrival", "must be an object, not a number"),
        ("/type", Some(json!("foo")), "type", "unknown type \"foo\""),
        ("/type", Some(json!(3)), "type", "must be a text, not a number"),
    ] {
        check(&with(pointer, value), &[(path, words)]);
    }
    for document in [json!(null), json!([]), json!("iot/iot_twin.json")] {
        check(&document, &[("", "must be an object")]);
    }
}

#[test]
fn what_is_wrong_with_a_state_is_named() {
    for (pointer, value, path, words) in [
        ("/states/1", Some(json!(5)), "states[1]", "must be an object, not a number"),
        ("/states/0/emitter", None, "states[0].emitter", "is required"),
        ("/states/0/emitter", Some(json!("f")), "states[0].emitter", "no emitter is called \"f\""),
        ("/states/0/emitter", Some(json!(["e"])), "states[0].emitter", "must be a text"),
        ("/states/0/delay", None, "states[0].delay", "is required"),
        ("/states/0/variables", Some(json!({})), "states[0].variables", "must be an array"),
        ("/states/0/variables", Some(json!([7])), "states[0].variables[0]", "must be an object"),
        ("/states/0/variables", Some(json!([{"type": "counter"}])), "states[0].variables[0].name", "is required"),
        ("/states/0/transitions", None, "states[0].transitions", "is required"),
        ("/states/0/transitions", Some(json!([])), "states[0].transitions", "at least one"),
        ("/states/0/transitions", Some(json!({"next": "s"})), "states[0].transitions", "must be an array"),
        ("/states/0/transitions/1", Some(json!({"probability": 1})), "states[0].transitions[1].next", "is required"),
        ("/states/0/transitions/1", Some(json!({"next": "s"})), "states[0].transitions[1].probability", "is required"),
        (
            "/states/0/transitions/1",
            Some(json!({"next": "t", "probability": 1})),
            "states[0].transitions[1].next",
            "no state is called \"t\"",
        ),
        (
            "/states/0/transitions/1",
            Some(json!({"next": "s", "probability": -1})),
            "states[0].transitions[1].probability",
            "must not be negative",
        ),
        (
            "/states/0/transitions/1",
            Some(json!({"next": "s", "probability": "1"})),
            "states[0].transitions[1].probability",
            "must be a number",
        ),
        ("/states/0/transitions/1", Some(json!("s")), "states[0].transitions[1]", "must be an object"),
        (
            "/states/0/transitions",
            Some(json!([{"next": "s", "probability": 0}, {"next": "stop", "probability": 0.0}])),
            "states[0].transitions",
            "must not all be 0",
        ),
    ] {
        check(&with(pointer, value), &[(path, words)]);
    }
    let mut stop = sound();
    stop["states"][0]["name"] = json!("STOP");
    stop["states"][0]["transitions"][0]["next"] = json!("Stop");
    check(&stop, &[("states[0].name", "no state can be called stop")]);
    check(
        &with("/states/0/name", None),
        &[("states[0].name", "is required"), ("states[0].transitions[0].next", "no state is called \"s\"")],
    );
}

#[test]
fn names_are_given_once() {
    let state = sound()["states"][0].clone();
    check(&with("/states/1", Some(state)), &[("states[1].name", "another state is called \"s\" already")]);
    let emitter = sound()["emitters"][0].clone();
    check(&with("/emitters/1", Some(emitter)), &[("emitters[1].name", "another emitter is called \"e\" already")]);
    let counter = |name: &str| json!({"type": "counter", "name": name});
    check(
        &with("/states/0/variables", Some(json!([counter("v"), counter("v")]))),
        &[("states[0].variables[1].name", "this state sets \"v\" already")],
    );
    check(&with("/emitters/0/dimensions/1", Some(counter("x"))), &[("emitters[0].dimensions[1].name", "this emitter has \"x\" already")]);
    check(&with("/emitters/0/dimensions/1", Some(counter("time"))), &[("emitters[0].dimensions[1].name", "its own member `time`")]);
    let object = json!({"type": "object", "name": "o", "dimensions": [counter("time"), counter("i"), counter("i")]});
    check(
        &with("/emitters/0/dimensions/1", Some(object)),
        &[("emitters[0].dimensions[1].dimensions[2].name", "this object has \"i\" already")],
    );
}

#[test]
fn what_is_wrong_with_an_emitter_is_named() {
    for (pointer, value, path, words) in [
        ("/emitters/1", Some(json!(null)), "emitters[1]", "must be an object, not null"),
        ("/emitters/1", Some(json!({"dimensions": []})), "emitters[1].name", "is required"),
        ("/emitters/1", Some(json!({"name": 1, "dimensions": []})), "emitters[1].name", "must be a text"),
        ("/emitters/1", Some(json!({"name": "f"})), "emitters[1].dimensions", "is required"),
        ("/emitters/1", Some(json!({"name": "f", "dimensions": {}})), "emitters[1].dimensions", "must be an array"),
        ("/emitters/0/dimensions/1", Some(json!([])), "emitters[0].dimensions[1]", "must be an object, not an array"),
        ("/emitters/0/dimensions/1", Some(json!({"type": "counter"})), "emitters[0].dimensions[1].name", "is required"),
        ("/emitters/0/dimensions/1", Some(json!({"type": "counter", "name": 4})), "emitters[0].dimensions[1].name", "must be a text"),
    ] {
        check(&with(pointer, value), &[(path, words)]);
    }
}

#[test]
fn what_is_wrong_with_a_distribution_is_named_wherever_it_stands() {
    let wrong = [
        (json!("constant"), "", "must be an object, not a text"),
        (json!({"value": 1}), ".type", "is required"),
        (json!({"type": 1}), ".type", "must be a text"),
        (json!({"type": "gamma"}), ".type", "unknown distribution \"gamma\""),
        (json!({"type": "constant"}), ".value", "is required"),
        (json!({"type": "constant", "value": "1"}), ".value", "must be a number, not a text"),
        (json!({"type": "uniform", "min": 1}), ".max", "is required"),
        (json!({"type": "UNIFORM", "max": 1}), ".min", "is required"),
        (json!({"type": "uniform", "min": 3, "max": 2}), ".min", ""),
        (json!({"type": "uniform", "min": null, "max": 2}), ".min", "must be a number, not null"),
        (json!({"type": "exponential"}), ".mean", "is required"),
        (json!({"type": "exponential", "mean": -1}), ".mean", "must not be negative"),
        (json!({"type": "exponential", "mean": true}), ".mean", "must be a number"),
        (json!({"type": "Normal", "mean": 5}), ".stddev", "is required"),
        (json!({"type": "normal", "stddev": 5}), ".mean", "is required"),
        (json!({"type": "normal", "mean": 0, "stddev": -1}), ".stddev", "must not be negative"),
    ];
    for (distribution, path, words) in wrong {
        for (pointer, place) in [("/interarrival", "interarrival"), ("/states/0/delay", "states[0].delay")] {
            check(&with(pointer, Some(distribution.clone())), &[(&format!("{place}{path}"), words)]);
        }
        for kind in ["int", "float", "ipaddress"] {
            check_dimension(&json!({"type": kind, "distribution": distribution}), &format!(".distribution{path}"), words);
        }
        let pooled = json!({"type": "int", "distribution": uniform(0, 9), "cardinality": 3, "cardinality_distribution": distribution});
        check_dimension(&pooled, &format!(".cardinality_distribution{path}"), words);
        check_dimension(&json!({"type": "string", "length_distribution": distribution}), &format!(".length_distribution{path}"), words);
        let list = |length: &Json, selection: &Json| json!({"type": "list", "elements": [{"type": "counter"}], "length_distribution": length, "selection_distribution": selection});
        check_dimension(&list(&distribution, &constant(0)), &format!(".length_distribution{path}"), words);
        check_dimension(&list(&constant(0), &distribution), &format!(".selection_distribution{path}"), words);
    }
}

#[test]
fn what_is_wrong_with_a_dimension_is_named_wherever_it_stands() {
    let letters = |chars: Json| json!({"type": "string", "length_distribution": constant(3), "chars": chars});
    for (dimension, path, words) in [
        (json!({}), ".type", "is required"),
        (json!({"type": 4}), ".type", "must be a text"),
        (json!({"type": "uuid"}), ".type", "unknown dimension type \"uuid\""),
        (json!({"type": "int"}), ".distribution", "is required"),
        (json!({"type": "float"}), ".distribution", "is required"),
        (json!({"type": "timestamp"}), ".distribution", "is required"),
        (json!({"type": "ipaddress"}), ".distribution", "is required"),
        (json!({"type": "string"}), ".length_distribution", "is required"),
        (letters(json!("")), ".chars", "at least one character"),
        (letters(json!([])), ".chars", "at least one character"),
        (letters(json!(["a", 1])), ".chars[1]", "must be a text, not a number"),
        (letters(json!(7)), ".chars", "must be a text or an array of texts"),
        (json!({"type": "string", "length_distribution": constant(100_002)}), ".length_distribution", "more than 100000"),
        (json!({"type": "counter", "start": "a"}), ".start", "must be a number, not a text"),
        (json!({"type": "counter", "increment": []}), ".increment", "must be a number, not an array"),
        (json!({"type": "float", "distribution": constant(1), "precision": -1}), ".precision", "from 0 to 30"),
        (json!({"type": "float", "distribution": constant(1), "precision": 1.5}), ".precision", "must be an integer"),
        (json!({"type": "int", "distribution": constant(1e300)}), ".distribution.value", "beyond the integers"),
        (json!({"type": "int", "distribution": uniform(0.2, 0.8)}), ".distribution.min", "no integer lies from 0.2 to 0.8"),
        (json!({"type": "counter", "percent_nulls": 101}), ".percent_nulls", "from 0 to 100, not 101"),
        (json!({"type": "counter", "percent_nulls": "5"}), ".percent_nulls", "must be a number"),
        (json!({"type": "variable"}), ".variable", "is required"),
        (json!({"type": "variable", "variable": 1}), ".variable", "must be a text"),
        (json!({"type": "variable", "variable": "unset"}), ".variable", "no state sets a variable called \"unset\""),
        (json!({"type": "object"}), ".dimensions", "is required"),
        (json!({"type": "object", "dimensions": 1}), ".dimensions", "must be an array"),
        (json!({"type": "object", "dimensions": [1]}), ".dimensions[0]", "must be an object"),
        (json!({"type": "object", "dimensions": [{"type": "counter"}]}), ".dimensions[0].name", "is required"),
        (
            json!({"type": "list", "elements": [], "length_distribution": constant(1), "selection_distribution": constant(1)}),
            ".elements",
            "at least one element",
        ),
        (
            json!({"type": "list", "elements": [null], "length_distribution": constant(1), "selection_distribution": constant(1)}),
            ".elements[0]",
            "must be an object",
        ),
        (json!({"type": "list", "length_distribution": constant(1), "selection_distribution": constant(1)}), ".elements", "is required"),
        (
            json!({"type": "list", "elements": [{"type": "counter"}], "selection_distribution": constant(1)}),
            ".length_distribution",
            "is required",
        ),
        (
            json!({"type": "list", "elements": [{"type": "counter"}], "length_distribution": constant(1)}),
            ".selection_distribution",
            "is required",
        ),
    ] {
        check_dimension(&dimension, path, words);
    }
}

#[test]
fn percentages_of_missing_members_are_checked() {
    for (percent, words) in [(json!(-0.5), "from 0 to 100"), (json!(100.5), "from 0 to 100"), (json!("50"), "must be a number")] {
        check_dimension(&json!({"type": "counter", "percent_missing": percent}), ".percent_missing", words);
        let values = json!({"type": "enum", "values": ["A"], "cardinality_distribution": constant(0), "percent_missing": percent});
        check_dimension(&values, ".percent_missing", words);
    }
}

#[test]
fn what_is_wrong_with_an_enum_is_named() {
    let picked = |values: Json| json!({"type": "enum", "values": values, "cardinality_distribution": constant(0)});
    check_dimension(&json!({"type": "enum", "values": ["A"]}), ".cardinality_distribution", "is required");
    check_dimension(&json!({"type": "enum", "cardinality_distribution": constant(0)}), ".values", "is required");
    check_dimension(&picked(json!([])), ".values", "at least one value");
    check_dimension(&picked(json!("AB")), ".values", "must be an array");
    check_dimension(&picked(json!({})), ".values", "must be an array");
}

#[test]
fn addresses_lie_within_32_bits() {
    let address = |distribution: &Json| json!({"type": "ipaddress", "distribution": distribution});
    check_dimension(&address(&constant(-1)), ".distribution.value", "no IPv4 address");
    check_dimension(&address(&constant(4_294_967_296_u64)), ".distribution.value", "no IPv4 address");
    check_dimension(&address(&uniform(-1, 5)), ".distribution.min", "no IPv4 address");
    check_dimension(&address(&uniform(5, 4_294_967_296_u64)), ".distribution.max", "no IPv4 address");
    check(
        &with("/emitters/0/dimensions/1", Some(json!({"type": "ipaddress", "name": "d", "distribution": uniform(0, 4_294_967_295_u64)}))),
        &[],
    );
}

#[test]
fn moments_are_iso_8601_texts() {
    let moment = |distribution: Json| json!({"type": "timestamp", "distribution": distribution});
    for (distribution, path, words) in [
        (constant("yesterday"), ".value", "not an ISO 8601 date"),
        (constant("2020-02-30"), ".value", "not an ISO 8601 date"),
        (constant(1_577_836_800), ".value", "must be a text, not a number"),
        (uniform("2020-01-02", "2020-01-01"), ".min", "later than max"),
        (json!({"type": "uniform", "min": "2020-01-01"}), ".max", "is required"),
        (json!({"type": "normal", "mean": "2020-01-01", "stddev": -1}), ".stddev", "must not be negative"),
        (json!({"type": "normal", "mean": 5, "stddev": 1}), ".mean", "must be a text"),
        (json!({"type": "exponential", "mean": "2020-01-01"}), ".type", "no meaning for moments"),
    ] {
        check_dimension(&moment(distribution), &format!(".distribution{path}"), words);
    }
}

#[test]
fn a_pool_says_how_many_values_it_has_and_how_one_is_picked() {
    let pooled = |cardinality: Json| json!({"type": "int", "distribution": uniform(0, 99), "cardinality": cardinality, "cardinality_distribution": constant(0)});
    check_dimension(&json!({"type": "int", "distribution": uniform(0, 99), "cardinality": 3}), ".cardinality_distribution", "is required");
    check_dimension(&pooled(json!("3")), ".cardinality", "must be an integer");
    check_dimension(&pooled(json!(2.5)), ".cardinality", "must be an integer");
    check_dimension(&pooled(json!(-1)), ".cardinality", "not -1");
    check_dimension(&pooled(json!(limits::POOL + 1)), ".cardinality", "from 0 to 200000");
    for cardinality in [json!(0), json!(1), json!(100), json!(3.0), Json::Null] {
        check(
            &with(
                "/emitters/0/dimensions/1",
                Some({
                    let mut dimension = pooled(cardinality);
                    dimension["name"] = json!("d");
                    dimension
                }),
            ),
            &[],
        );
    }
}

/// Pools that can never be filled are refused without drawing for long: this test takes a blink, or it fails.
#[test]
fn a_pool_that_can_never_be_filled_is_refused_at_once() {
    let exponential = |mean: f64| json!({"type": "exponential", "mean": mean});
    let normal = |mean: f64, stddev: f64| json!({"type": "normal", "mean": mean, "stddev": stddev});
    let letters = |chars: Json, length: &Json| json!({"type": "string", "chars": chars, "length_distribution": length});
    let pairs = json!({"type": "object", "dimensions": [{"type": "int", "name": "i", "distribution": uniform(0, 1)}, {"type": "int", "name": "j", "distribution": uniform(0, 1)}]});
    let places = json!({"type": "list", "elements": [{"type": "int", "distribution": uniform(0, 1)}], "length_distribution": uniform(0, 2), "selection_distribution": constant(0)});
    for (dimension, too_few) in [
        (json!({"type": "int", "distribution": constant(1)}), 1),
        (json!({"type": "int", "distribution": constant(1.9)}), 1),
        (json!({"type": "int", "distribution": uniform(-2, 2)}), 5),
        (json!({"type": "int", "distribution": uniform(0.5, 3.5)}), 3),
        (json!({"type": "int", "distribution": normal(5.0, 0.0)}), 1),
        (json!({"type": "int", "distribution": normal(0.0, 1.0)}), 200),
        (json!({"type": "int", "distribution": exponential(2.0)}), 200),
        (json!({"type": "int", "distribution": exponential(0.0)}), 1),
        (json!({"type": "float", "distribution": constant(1)}), 1),
        (json!({"type": "float", "distribution": exponential(0.0)}), 1),
        (json!({"type": "ipaddress", "distribution": uniform(1, 3)}), 3),
        (json!({"type": "timestamp", "distribution": constant("2020-01-01")}), 1),
        (json!({"type": "timestamp", "distribution": uniform("2020-01-01T00:00:00", "2020-01-01T00:00:00.002")}), 200),
        (letters(json!("ab"), &constant(3)), 8),
        (letters(json!("aab"), &uniform(0, 2)), 7),
        (letters(json!(["a", "aa"]), &constant(2)), 200),
        (letters(json!("a"), &exponential(3.0)), 200),
        (pairs, 200),
        (places, 200),
    ] {
        for cardinality in [too_few + 1, limits::POOL] {
            let mut dimension = dimension.clone();
            dimension["cardinality"] = json!(cardinality);
            dimension["cardinality_distribution"] = constant(0);
            dimension["name"] = json!("d");
            let specification = with("/emitters/0/dimensions/1", Some(dimension));
            check(&specification, &[("emitters[0].dimensions[1].cardinality", &format!("asks for {cardinality} distinct values"))]);
        }
    }
}

#[test]
fn a_variable_cannot_stand_inside_something_with_a_pool() {
    let variable = json!({"type": "variable", "name": "i", "variable": "v"});
    let object =
        json!({"type": "object", "name": "o", "dimensions": [variable], "cardinality": 2, "cardinality_distribution": uniform(0, 1)});
    let deeper = json!({"type": "object", "name": "p", "dimensions": [{"type": "list", "name": "l", "elements": [variable], "length_distribution": constant(1), "selection_distribution": constant(0)}],
        "cardinality": 2, "cardinality_distribution": uniform(0, 1)});
    let mut specification = with("/states/0/variables", Some(json!([{"type": "counter", "name": "v"}])));
    specification["emitters"][0]["dimensions"] = json!([object, deeper]);
    check(
        &specification,
        &[
            ("emitters[0].dimensions[0].dimensions[0].variable", "cannot stand inside something with a cardinality"),
            ("emitters[0].dimensions[1].dimensions[0].elements[0].variable", "cannot stand inside something with a cardinality"),
        ],
    );
}

#[test]
fn objects_and_lists_nest_sixteen_deep() {
    let nested = |levels: usize| {
        (0..levels).fold(json!({"type": "counter", "name": "c"}), |inner, level| match level % 2 {
            0 => json!({"type": "object", "name": "c", "dimensions": [inner]}),
            _ => json!({"type": "list", "name": "c", "elements": [inner], "length_distribution": constant(1), "selection_distribution": constant(0)}),
        })
    };
    check(&with("/emitters/0/dimensions/1", Some(nested(limits::NESTING))), &[]);
    let found = mistakes(&with("/emitters/0/dimensions/1", Some(nested(limits::NESTING + 1))));
    let path = format!("emitters[0].dimensions[1]{}.dimensions[0]", ".dimensions[0].elements[0]".repeat(limits::NESTING / 2));
    assert_eq!(found, [format!("{path}: objects and lists nest deeper than 16")]);
    assert_eq!(mistakes(&with("/emitters/0/dimensions/1", Some(nested(40)))).len(), 1);
}

#[test]
fn a_specification_holds_ten_thousand_fields_at_most() {
    let counters = |n: usize| (0..n).map(|i| json!({"type": "counter", "name": format!("c{i}")})).collect::<Vec<_>>();
    let mut specification = sound();
    specification["emitters"][0]["dimensions"] = json!(counters(6000));
    specification["states"][0]["variables"] = json!(counters(4000));
    check(&specification, &[]);
    specification["states"][0]["variables"] = json!(counters(4001));
    check(&specification, &[("", "has 10001 dimensions and variables, at most 10000 are allowed")]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let specification = json!({
        "interarrival": {"type": "exponential", "mean": -1},
        "states": [
            {"name": "a", "emitter": "f", "delay": {"type": "normal", "mean": "x", "stddev": -1},
             "variables": [{"type": "enum", "name": "v", "values": []}, {"type": "uuid", "name": "w"}],
             "transitions": [{"next": "b", "probability": -1}, {"probability": "x"}]},
            {"name": "a", "emitter": 3, "transitions": []}],
        "emitters": [{"name": "e", "dimensions": [
            {"type": "int", "name": "i", "percent_missing": 200, "percent_nulls": -1, "distribution": {"type": "uniform"}},
            {"type": "float", "name": "f", "distribution": {"type": "constant"}, "precision": "2", "cardinality": "many"},
            {"type": "enum", "name": "g", "percent_missing": "x", "percent_nulls": 101},
            {"type": "variable", "name": "i", "variable": "z"},
            {"type": "string", "chars": [], "length_distribution": {"type": "gamma"}},
            {"type": "list", "name": "l", "elements": [{"type": "x"}, {"type": "y"}]}]}],
    });
    let mut found = mistakes(&specification);
    found.iter_mut().for_each(|mistake| mistake.truncate(mistake.find(": ").unwrap()));
    let mut wanted = vec![
        "interarrival.mean",
        "states[1].name",
        "states[0].emitter",
        "states[0].delay.mean",
        "states[0].delay.stddev",
        "states[0].variables[0].values",
        "states[0].variables[0].cardinality_distribution",
        "states[0].variables[1].type",
        "states[0].transitions[0].next",
        "states[0].transitions[0].probability",
        "states[0].transitions[1].next",
        "states[0].transitions[1].probability",
        "states[1].emitter",
        "states[1].delay",
        "states[1].transitions",
        "emitters[0].dimensions[0].percent_missing",
        "emitters[0].dimensions[0].percent_nulls",
        "emitters[0].dimensions[0].distribution.min",
        "emitters[0].dimensions[0].distribution.max",
        "emitters[0].dimensions[1].cardinality",
        "emitters[0].dimensions[1].distribution.value",
        "emitters[0].dimensions[1].precision",
        "emitters[0].dimensions[2].percent_missing",
        "emitters[0].dimensions[2].percent_nulls",
        "emitters[0].dimensions[2].values",
        "emitters[0].dimensions[2].cardinality_distribution",
        "emitters[0].dimensions[3].name",
        "emitters[0].dimensions[3].variable",
        "emitters[0].dimensions[4].name",
        "emitters[0].dimensions[4].chars",
        "emitters[0].dimensions[4].length_distribution.type",
        "emitters[0].dimensions[5].elements[0].type",
        "emitters[0].dimensions[5].elements[1].type",
        "emitters[0].dimensions[5].length_distribution",
        "emitters[0].dimensions[5].selection_distribution",
    ];
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[test]
fn mistakes_in_states_are_reported_even_without_emitters_and_the_other_way_round() {
    let mut specification = sound();
    specification["states"][0]["transitions"] = json!([]);
    specification["emitters"][0]["dimensions"][0]["values"] = json!([]);
    let mut states_only = specification.clone();
    states_only.as_object_mut().unwrap().shift_remove("emitters");
    check(&states_only, &[("emitters", "is required"), ("states[0].transitions", "at least one")]);
    specification.as_object_mut().unwrap().shift_remove("states");
    check(&specification, &[("states", "is required"), ("emitters[0].dimensions[0].values", "at least one")]);
}

#[test]
fn more_than_a_hundred_mistakes_are_not_listed() {
    let dimensions: Vec<Json> = (0..500).map(|i| json!({"type": "uuid", "name": format!("d{i}")})).collect();
    assert_eq!(mistakes(&with("/emitters/0/dimensions", Some(json!(dimensions)))).len(), limits::MISTAKES);
}

#[test]
fn type_names_are_read_in_any_case() {
    let mut specification = sound();
    specification["type"] = json!("GENERATOR");
    specification["interarrival"]["type"] = json!("Constant");
    let distribution = json!({"type": "UniForm", "min": 0, "max": 9});
    specification["emitters"][0]["dimensions"] = json!([
        {"type": "ENUM", "name": "a", "values": ["A"], "cardinality_distribution": {"type": "EXPONENTIAL", "mean": 1}},
        {"type": "Int", "name": "b", "distribution": distribution, "cardinality": 10, "cardinality_distribution": distribution},
        {"type": "FLOAT", "name": "c", "distribution": {"type": "NORMAL", "mean": 1, "stddev": 1}},
        {"type": "String", "name": "d", "length_distribution": distribution},
        {"type": "TimeStamp", "name": "e", "distribution": {"type": "CONSTANT", "value": "2020-01-01"}},
        {"type": "IPAddress", "name": "f", "distribution": distribution},
        {"type": "Counter", "name": "g"},
        {"type": "Object", "name": "h", "dimensions": []},
        {"type": "LIST", "name": "i", "elements": [{"type": "COUNTER"}], "length_distribution": distribution, "selection_distribution": distribution},
        {"type": "Variable", "name": "j", "variable": "v"}]);
    specification["states"][0]["variables"] =
        json!([{"type": "Enum", "name": "v", "values": [1], "cardinality_distribution": constant(0)}]);
    check(&specification, &[]);
}
