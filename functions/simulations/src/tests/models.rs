use serde_json::{Value, json};

use super::{ONE, host, simulation};

const MODELS: &str = "/v1/devicemodels";

fn document(members: &Value) -> Value {
    let mut document = json!({
        "Name": "Counter", "Version": "0.0.2", "Description": "counts", "Protocol": "MQTT",
        "Simulation": {"InitialState": {"n": 0}, "Interval": "00:00:01", "Scripts": [{"Type": "javascript", "Path": "Storage", "Id": "7"}]},
        "Properties": {"Type": "Counter", "Foo": {"Bar": 1}},
        "Telemetry": [{"Interval": "00:00:01", "MessageTemplate": "${n}", "MessageSchema": {"Name": "c;v1", "Format": "json", "Fields": {"n": "double"}}}],
        "CloudToDeviceMethods": {},
    });
    members.as_object().unwrap().iter().for_each(|(name, value)| document[name] = value.clone());
    document
}

#[tokio::test]
async fn the_stock_is_listed_in_the_order_of_its_files() {
    let host = host();
    let listed = host.get(MODELS).await.json();
    assert_eq!(listed["$metadata"], json!({"$type": "DeviceModelList;1", "$uri": "/v1/devicemodels"}));
    let items = listed["Items"].as_array().unwrap();
    let ids: Vec<&str> = items.iter().map(|item| item["Id"].as_str().unwrap()).collect();
    let wanted = "chiller-01 chiller-02 delivery-truck-01 delivery-truck-02 elevator-01 elevator-02 engine-01 engine-02 prototype-01 \
                  prototype-02 truck-01 truck-01-proto truck-02";
    assert_eq!(ids.join(" "), wanted);
    for item in items {
        assert_eq!((&item["Type"], &item["ETag"], &item["Protocol"]), (&json!("Stock"), &json!(""), &json!("AMQP")));
        assert_eq!(item["Simulation"]["Scripts"].as_array().unwrap().len(), 1);
        assert_eq!(host.get(&format!("{MODELS}/{}", item["Id"].as_str().unwrap())).await.json(), *item);
    }
}

#[tokio::test]
async fn a_stock_model_is_shown_as_the_original_does() {
    let host = host();
    let shown = host.get("/v1/devicemodels/chiller-01").await.json();
    let names: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let wanted = "ETag Id Version Name Description Protocol Type Simulation Properties Telemetry CloudToDeviceMethods $metadata";
    assert_eq!(names, wanted.split(' ').collect::<Vec<_>>());
    let zero = "0001-01-01T00:00:00+00:00";
    let metadata = json!({"$type": "DeviceModel;1", "$uri": "/v1/devicemodels/chiller-01", "$created": zero, "$modified": zero});
    assert_eq!(shown["$metadata"], metadata);
    assert_eq!((&shown["Simulation"]["Interval"], &shown["Properties"]["Model"]), (&json!("00:00:10"), &json!("CH101")));
    assert_eq!(shown["Telemetry"][0]["MessageSchema"]["Fields"]["temperature"], "Double");
    let proto = host.get("/v1/devicemodels/truck-01-proto").await.json();
    assert_eq!(proto["Telemetry"][0]["MessageSchema"].as_object().unwrap().keys().collect::<Vec<_>>(), ["Name", "Format", "Fields"]);
    let intervals: Vec<Value> = host.get("/v1/devicemodels/truck-01").await.json()["Telemetry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sent| sent["Interval"].clone())
        .collect();
    assert_eq!(intervals, ["00:00:03", "00:00:05", "00:00:05"]);
    for id in ["nope", "CHILLER-01", "custom", "%2e%2e"] {
        host.get(&format!("{MODELS}/{id}")).await.refuses(404, "ResourceNotFoundException");
    }
    host.get(&format!("{MODELS}/{}", "x".repeat(1000))).await.refuses(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_custom_model_is_made_read_replaced_and_deleted() {
    let host = host();
    let made = host.post(MODELS, document(&json!({"Id": "mine", "type": "CUSTOM", "ETag": "x"}))).await.json();
    let id = made["Id"].as_str().unwrap();
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id} is no random UUID");
    assert_eq!((&made["Type"], &made["Telemetry"][0]["MessageSchema"]["Format"]), (&json!("Custom"), &json!("JSON")));
    assert_eq!(made["$metadata"]["$uri"], format!("/v1/devicemodels/{id}"));
    assert_eq!(made["$metadata"]["$created"], "2023-11-14T22:13:20+00:00");
    let path = format!("{MODELS}/{id}");
    assert_eq!(host.get(&path).await.json(), made);
    assert_eq!(host.get(MODELS).await.json()["Items"][13], made);
    assert!(host.service.models().find(id).await.unwrap().is_some_and(|model| model.id == id && model.version == "0.0.2"));

    host.advance(5);
    host.put(&path, document(&json!({"ETag": "*"}))).await.refuses(409, "ConflictingResourceException");
    host.put(&path, document(&json!({}))).await.refuses(409, "ConflictingResourceException");
    let renamed = host.put(&path, document(&json!({"Name": "Renamed", "etag": made["ETag"]}))).await.json();
    assert_eq!((&renamed["Name"], &renamed["Id"]), (&json!("Renamed"), &made["Id"]));
    assert_ne!(renamed["ETag"], made["ETag"]);
    assert_eq!(renamed["$metadata"]["$created"], made["$metadata"]["$created"]);
    assert_eq!(renamed["$metadata"]["$modified"], "2023-11-14T22:13:25+00:00");

    host.delete(&path).await.is_empty();
    host.get(&path).await.refuses(404, "ResourceNotFoundException");
    host.delete(&path).await.refuses(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_put_makes_a_model_under_an_id_that_can_be_one() {
    let host = host();
    let made = host.put(&format!("{MODELS}/My.model_1"), document(&json!({"ETag": "whatever"}))).await.json();
    assert_eq!(made["Id"], "My.model_1");
    for id in ["a%20b", "%C3%A9", "a%2Fb", "a;b", &"x".repeat(101)] {
        host.put(&format!("{MODELS}/{id}"), document(&json!({}))).await.refuses(400, "InvalidInputException");
    }
    let devices = host.post("/v1/simulations?template=default", "").await.json()["DeviceModels"].clone();
    assert_eq!(devices.as_array().unwrap().last().unwrap(), &json!({"Id": "My.model_1", "Count": 1}));
    host.delete(ONE).await.is_empty();
    host.post("/v1/simulations", simulation(&json!({"DeviceModels": [{"Id": "My.model_1"}]}))).await.json();
}

#[tokio::test]
async fn the_stock_and_the_blank_model_stay_as_they_are() {
    let host = host();
    for id in ["chiller-01", "Chiller-01", "TRUCK-01-PROTO", "custom", "Custom"] {
        host.put(&format!("{MODELS}/{id}"), document(&json!({}))).await.refuses(409, "ConflictingResourceException");
    }
    for id in ["chiller-01", "Chiller-01"] {
        host.delete(&format!("{MODELS}/{id}")).await.refuses(403, "UnauthorizedAccessException");
    }
    let blank = host.service.models().find("custom").await.unwrap().unwrap();
    assert!(blank.telemetry.is_empty() && blank.simulation.scripts.is_empty());
}

#[tokio::test]
async fn a_model_that_lacks_something_or_is_too_large_is_refused() {
    let host = host();
    host.post(MODELS, "").await.refuses(400, "BadRequestException");
    host.send("POST", MODELS, &[("content-type", "text/plain")], "{}").await.refuses(415, "BadRequestException");
    let said = host.post(MODELS, document(&json!({"Protocol": "", "Telemetry": []}))).await.refuses(400, "BadRequestException");
    assert!(said.contains("Protocol: ") && said.contains("Telemetry: "), "{said}");
    let said = host.post(MODELS, document(&json!({"Description": "x".repeat(50_000)}))).await.refuses(400, "BadRequestException");
    assert!(said.contains("at most 40960 are allowed"), "{said}");
    assert_eq!(host.get(MODELS).await.json()["Items"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn there_may_be_so_many_models_and_no_more() {
    let host = host();
    for _ in 0..headwater_core::limits::LISTED {
        host.post(MODELS, document(&json!({}))).await.json();
    }
    let said = host.post(MODELS, document(&json!({}))).await.refuses(400, "BadRequestException");
    assert!(said.contains("100 device models already"), "{said}");
    let last = host.get(MODELS).await.json()["Items"][20].clone();
    let path = format!("{MODELS}/{}", last["Id"].as_str().unwrap());
    host.put(&path, document(&json!({"ETag": last["ETag"]}))).await.json();
}

#[tokio::test]
async fn the_names_of_properties_are_those_of_all_models_each_once() {
    let host = host();
    let names = async || host.get("/v1/devicemodelproperties").await.json();
    let stock = ["Type", "Firmware", "Model", "Location", "Latitude", "Longitude", "FirmwareUpdateStatus"];
    let prefixed = |names: &[&str]| json!(names.iter().map(|name| format!("Properties.Reported.{name}")).collect::<Vec<_>>());
    assert_eq!(names().await["Items"], prefixed(&stock));
    assert_eq!(names().await["$metadata"], json!({"$type": "DeviceModelPropertyList;1", "$uri": "/v1/deviceModelProperties"}));
    host.post(MODELS, document(&json!({}))).await.json();
    assert_eq!(names().await["Items"], prefixed(&[&stock[..], &["Foo.Bar"]].concat()));
}
