//! Acceptance tests: what users see, over HTTP and the command line, against the binary `headwater`.
//!
//! `tests/run` builds the binary, brings the components and runs these. `server` starts and kills servers, `http` is a client
//! that sends what it is told, `api_client`, `load_tests_client`, `streams_client`, `simulations_client` and `tables_client` the requests of the
//! APIs on top of it, `load_tests_fake` is a database that misbehaves, `specs`
//! are small specifications, `localstack` is a bucket and a queue (with `HEADWATER_TEST_STORE=aws` every server's), `component` what
//! else `tests/run` starts, `shop` is what load tests are about, `listener` hears a broker, `hub` is one of Azure's kind; every other module is a topic.
#![allow(clippy::disallowed_methods, reason = "a test lives in real time")]
#![allow(clippy::needless_pass_by_value, reason = "json!({..}) reads best where it is handed over")]

mod api_client;
mod component;
mod http;
mod hub;
mod listener;
mod load_tests_client;
mod load_tests_fake;
mod localstack;
mod program;
mod server;
mod shop;
mod simulations_client;
mod specs;
mod streams_client;
mod tables_client;
mod waiting;

mod api;
mod aws;
mod cli;
mod cloud_targets;
mod console;
mod crash;
mod files_folder;
mod flusher;
mod full_disk;
mod functions;
mod http_target;
mod influxdb;
mod kafka;
mod load_test_clients;
mod load_test_dashboard;
mod load_test_functions;
mod load_tests;
mod load_tests_beats;
mod load_tests_compare;
mod load_tests_crash;
mod load_tests_database;
mod logs;
mod mqtt;
mod schemathesis;
mod security;
mod simulation_functions;
mod simulation_hub;
mod simulations;
mod simulations_crash;
mod startup;
mod streams;
mod streams_cli;
mod streams_crash;
mod streams_disk;
mod table_functions;
mod tables;
mod tables_concurrency;
mod tables_crash;
mod tables_disk;
mod tables_plot;
mod tables_sound;
mod tables_sources;
mod top;
mod validate;
