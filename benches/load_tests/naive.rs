//! The same heartbeats by a recorder that sends each point in a request of its own, beside ours.
//!
//! It is a process of its own, does nothing else, keeps nothing, and has its connections open. So it is the least that such a recorder
//! may need.

use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Instant;

use headwater_benches::http::Client;
use headwater_benches::processes::own_processor;
use headwater_benches::table::{median, print};

use crate::database::{Database, now};
use crate::window::{self, SECOND};
use crate::{Recorder, Size, clients};

/// The first argument of the process that records so.
pub(crate) const PROGRAM: &str = "naive-recorder";

const CONNECTIONS: usize = 16;

/// Sends a heartbeat of each run; prints the seconds that took, and those of processor time.
pub(crate) fn record(address: &str, runs: usize) {
    let address: SocketAddr = address.parse().expect("an address");
    let tick = now() / SECOND * SECOND;
    let (began, before) = (Instant::now(), own_processor());
    thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for run in (first..runs).step_by(CONNECTIONS) {
                    let line = format!(
                        "load_testing,hostname=generator-{run},method=POST,mode=distributed,targetHost=https://shop.example.com \
                         clients=100i,hatchRate=10,requests=12345i,failures=1i,requestsPerSecond=123.4,failuresPerSecond=0.1,\
                         averageResponseTime=87.6,p50=80,p95=140,p99=210,run=\"naive-{run}\",generator=\"generator-{run}\" {}\n",
                        tick + 2 * i64::try_from(run).expect("few runs")
                    );
                    client.ask("POST", "/write?db=bench", line.as_bytes());
                }
            });
        }
    });
    println!("{} {}", began.elapsed().as_secs_f64(), own_processor() - before);
}

pub(crate) fn run(size: Size) {
    let Size { runs, period, ticks, .. } = size;
    let (recorder, naive) = (Recorder::start(period), Database::start());
    clients::register(recorder.server.address, runs);
    window::wait_for_middle(i64::try_from(period).expect("a few seconds") * SECOND);
    let (mut times, mut cores) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    // In turn: a period of ours, then a tick of the other, in the middle between two of ours.
    for _ in 0..ticks {
        let window = window::measure(&recorder, period, 1);
        times.0.push(window.latest(&recorder.database.kept()));
        cores.0.push(window.processors * period as f64);
        let this = std::env::current_exe().expect("a program knows its path");
        let output = Command::new(this).args([PROGRAM, &naive.address.to_string(), &runs.to_string()]).output().expect("this program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let figures = String::from_utf8(output.stdout).expect("figures are text");
        let (took, processor) = figures.trim().split_once(' ').expect("two figures");
        times.1.push(took.parse().expect("a number"));
        cores.1.push(processor.parse().expect("a number"));
    }
    assert_eq!(naive.kept().beats.len() as u64, runs as u64 * ticks, "all of them came");
    let [ours, theirs] = [(times.0, cores.0), (times.1, cores.1)].map(|(time, core)| (median(time), median(core)));
    let row = |name: &str, (time, core): (f64, f64)| {
        vec![
            name.to_owned(),
            format!("{:.0}", time * 1000.0),
            format!("{:.2}", time / ours.0),
            format!("{:.0}", core * 1000.0),
            format!("{:.2}", core / ours.1),
        ]
    };
    let rows = [row("Headwater, all that it does in a period", ours), row("a request for each point, and nothing else", theirs)];
    let head = ["", "until all are in the database, ms", "Headwater = 1", "processor time, ms", "Headwater = 1"];
    print(&format!("A tick of {runs} runs"), &head, &rows);
}
