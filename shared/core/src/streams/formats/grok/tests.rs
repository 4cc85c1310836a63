use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::streams::formats::Format;

fn format(name: &str, pattern: Option<&str>, fields: &[&str]) -> Result<Format, String> {
    let fields: Vec<_> = fields.iter().map(|field| json!({"name": field, "type": ["string", "null"]})).collect();
    let schema = if fields.is_empty() { Value::Null } else { json!({"type": "record", "name": "r", "fields": fields}) };
    let settings = pattern.map_or(json!({}), |pattern| json!({"pattern": pattern}));
    Format::from_json(&json!({"name": name, "schema": schema, "settings": settings})).map_err(|error| error.to_string())
}

fn try_read(format: &Format, body: &str) -> Result<Value, String> {
    let mut out = Vec::new();
    format.reader().read(body.as_bytes(), &|_| None, &mut out).map_err(|misfit| misfit.to_string())?;
    Ok(serde_json::from_slice(&out).unwrap())
}

/// What a pattern captures as these fields; an empty text where it captures nothing.
fn captured<const N: usize>(pattern: &str, fields: [&str; N], text: &str) -> [String; N] {
    let format = format("grok", Some(pattern), &fields).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let record = try_read(&format, text).unwrap_or_else(|misfit| panic!("{pattern}: {misfit}"));
    fields.map(|field| record[field].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_pattern_captures_by_the_names_of_fields() {
    assert_eq!(captured("%{USER:user}:%{GREEDYDATA:body}", ["user", "body"], "nitin:abc def"), ["nitin", "abc def"]);
    assert_eq!(captured("%{GREEDYDATA:body}", ["body"], "any line"), ["any line"]);
    assert_eq!(try_read(&format("grok", None, &[]).unwrap(), "any line").unwrap(), json!({"body": "any line"}));
    assert_eq!(captured("(?<a>[0-9]+)(x)(?P<b>.)(?:y)(?<unknown>z)", ["a", "b"], "no 12x3yz"), ["12", "3"]);
    assert_eq!(captured(r"\d+ (?>%{WORD:w-1}) %{INT:@n.x:int}", ["w-1", "@n.x"], "1 two 3"), ["two", "3"]);
}

#[test]
fn the_first_capture_of_a_repeated_name_is_its_value() {
    let pattern = "(?:a%{INT:n}|b%{INT:n})";
    assert_eq!(captured(pattern, ["n"], "b2"), ["2"]);
    assert_eq!(captured(pattern, ["n"], "a1"), ["1"]);
    assert_eq!(captured("%{INT:n} %{INT:n}", ["n"], "1 2"), ["1"]);
}

#[test]
fn one_pair_of_quotes_around_a_value_is_taken_away() {
    assert_eq!(captured("%{QS:a} %{QS:b} %{NOTSPACE:c}", ["a", "b", "c"], r#""x \" y" '' ""z"""#), [r#"x \" y"#, "", r#""z""#]);
    assert_eq!(captured("%{DATA:a}$", ["a"], "\""), ["\""]);
}

#[test]
fn a_text_that_does_not_fit_has_no_values() {
    let format = |kind: &Value| {
        let schema = json!({"type": "record", "name": "r", "fields": [{"name": "n", "type": kind}]});
        Format::from_json(&json!({"name": "grok", "schema": schema, "settings": {"pattern": "^%{INT:n}$"}})).unwrap()
    };
    assert_eq!(try_read(&format(&json!(["int", "null"])), "x"), Ok(json!({"n": null})));
    assert_eq!(try_read(&format(&json!("int")), "x"), Err("n: has no value, and may not be null".to_owned()));
    assert_eq!(try_read(&format(&json!("int")), "99999999999"), Err("n: \"99999999999\" is no int".to_owned()));
    assert_eq!(try_read(&format(&json!("long")), "99999999999"), Ok(json!({"n": 99_999_999_999_i64})));
    let texts = json!({"type": "array", "items": "string"});
    assert_eq!(try_read(&format(&json!([texts, "null"])), "1"), Ok(json!({"n": null})));
    assert!(try_read(&format(&texts), "1").is_err());
}

#[test]
fn shorthands_mean_ascii_and_classes_stay_as_they_are() {
    assert_eq!(captured(r"(?<a>[\d\-]+)(?<b>\w+)(?<c>\W)", ["a", "b", "c"], "é1-2abé"), ["1-2", "ab", "é"]);
    assert_eq!(captured(r"(?<a>[]%{INT)(?<]+)", ["a"], "x]%{(?<y"), ["]%{(?<"]);
    assert_eq!(captured(r"\<(?<a>[^[:space:]\>]*)\>", ["a"], "x <é b> <éa>"), ["éa"]);
    assert_eq!(captured(r"\bfoo\b (?<a>.)", ["a"], "foobar foo é"), ["é"]);
    assert_eq!(captured(r"\(%\{x\} \%(?<a>\\)", ["a"], r"(%{x} %\"), [r"\"]);
}

#[test]
fn a_pattern_that_is_broken_is_refused_with_a_reason() {
    let cases = [
        ("(?<user>[a-z", "[ without its ]"),
        ("%{USER:user}(", "unclosed group"),
        ("a)", "unopened group"),
        ("[z-a]", "invalid character class range"),
        ("%{NOSUCH:user}", "names \"NOSUCH\", which is not in the library"),
        ("%{}", "names \"\""),
        ("%{USER:user", "%{ without its }"),
        ("(?<>x)", "group whose name is missing"),
        ("(?<user", "group whose name is missing"),
        ("(?=x)y", "looks ahead or behind"),
        ("(?<!x)y", "looks ahead or behind"),
        (r"(a)\1", "backreferences are not supported"),
        ("*", "missing expression"),
        ("\\", "incomplete escape"),
    ];
    for (pattern, wanted) in cases {
        let message = format("grok", Some(pattern), &["user"]).unwrap_err();
        assert!(message.starts_with("format.settings.pattern: ") && message.contains(wanted), "{pattern}: {message}");
        assert!(!message.contains('\n'));
        // Syslog takes a pattern too.
        assert_eq!(format("syslog", Some(pattern), &["user"]), Err(message));
    }
}

#[test]
fn every_name_of_the_library_stands_once_and_compiles() {
    let mut seen = std::collections::BTreeSet::new();
    for name in library::names() {
        assert!(seen.insert(name), "{name} stands twice");
        let pattern = format!("%{{{name}:whole}}");
        format("grok", Some(&pattern), &["whole"]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert!(seen.len() > 150);
}

#[test]
fn the_general_patterns_match_what_they_are_named_for() {
    let cases: &[(&str, &[&str])] = &[
        ("USERNAME", &["a.b-c_d"]),
        ("EMAILADDRESS", &["jo.doe+x@mail.example.com"]),
        ("INT", &["-5", "+12"]),
        ("NUMBER", &["3.25", "-.5", "7"]),
        ("BASE16NUM", &["0xFFee", "-af"]),
        ("BASE16FLOAT", &["0x1F.8", "a.b"]),
        ("QUOTEDSTRING", &[r#""a \" b""#, "'x'", "`y`"]),
        ("UUID", &["123e4567-E89B-12d3-a456-426614174000"]),
        ("URN", &["urn:isbn:0451450523"]),
        ("MAC", &["00:1a:2B:3c:4d:5e", "00-1A-2b-3C-4d-5E", "001a.2b3c.4d5e"]),
        ("IPV4", &["0.0.0.0", "192.168.1.255", "10.20.30.40"]),
        ("IPV6", &["::", "::1", "fe80::1%eth0", "2001:db8:0:0:0:ff00:42:8329", "2001:db8::ff00:42", "::ffff:10.0.0.1", "1:2:3:4:5:6:7::"]),
        ("IPORHOST", &["cdr.cs.colorado.edu", "10.0.0.1", "suod", "a-1.b.", "fe80::1"]),
        ("HOSTPORT", &["example.com:8080"]),
        ("PATH", &["/var/log/messages-1.gz", r"C:\Program Files\x.exe", r"\\server\share"]),
        ("TTY", &["/dev/pts/0", "/dev/tty1"]),
        ("URI", &["https://jo:secret@example.com:8443/a/b%20c?x=1&y=[2]#z", "ftp://h", "file:///x"]),
        ("MONTH", &["Jan", "January", "Sept", "September", "May"]),
        ("MONTHNUM", &["1", "09", "12"]),
        ("MONTHDAY", &["1", "09", "31"]),
        ("DAY", &["Mon", "Wednesday"]),
        ("TIME", &["23:59:60", "1:02:03.456"]),
        ("DATE_US", &["12/31/2015"]),
        ("DATE_EU", &["31.12.2015"]),
        ("DATESTAMP", &["12/31/2015 10:11:12"]),
        ("TIMESTAMP_ISO8601", &["2015-02-01T09:58:24.123Z", "2015-02-01 09:58", "2015-02-01T09:58:24+05:30"]),
        ("DATESTAMP_RFC822", &["Mon Jan 2 2006 15:04:05 MST"]),
        ("DATESTAMP_RFC2822", &["Mon, 2 Jan 2006 15:04:05 -0700"]),
        ("DATESTAMP_OTHER", &["Mon Jan 2 15:04:05 UTC 2006"]),
        ("DATESTAMP_EVENTLOG", &["20060102150405"]),
        ("SYSLOGTIMESTAMP", &["Oct 17 08:59:00", "Oct  7 08:59:00"]),
        ("HTTPDATE", &["01/Feb/2015:09:58:24 +0000"]),
        ("LOGLEVEL", &["INFO", "Warning", "err"]),
    ];
    for (name, texts) in cases {
        for text in *texts {
            assert_eq!(
                captured(&format!("^%{{{name}:whole}}$"), ["whole"], text).map(|found| found == without_quotes(text)),
                [true],
                "{name} {text}"
            );
        }
    }
    for (name, text) in
        [("IPV4", "256.1.1.1"), ("IPV4", "1.2.3"), ("IPV6", "08:59:00"), ("MONTHNUM", "13"), ("TIME", "24:00:00"), ("MONTH", "Foo")]
    {
        assert_eq!(captured(&format!("^%{{{name}:whole}}$"), ["whole"], text), [""], "{name} {text}");
    }
}

#[test]
fn lines_of_web_servers_are_taken_apart() {
    let fields = ["clientip", "auth", "timestamp", "verb", "request", "httpversion", "response", "bytes", "referrer", "agent"];
    let line = r#"127.0.0.1 - jo [11/Dec/2013:00:01:45 -0800] "GET /x/?a=1 HTTP/1.1" 200 3891 "http://e.org/" "Mozilla/5.0 (X11; \"q\")""#;
    let wanted = [
        "127.0.0.1",
        "jo",
        "11/Dec/2013:00:01:45 -0800",
        "GET",
        "/x/?a=1",
        "1.1",
        "200",
        "3891",
        "http://e.org/",
        r#"Mozilla/5.0 (X11; \"q\")"#,
    ];
    assert_eq!(captured("%{COMBINEDAPACHELOG}", fields, line), wanted);
    let line = r#"h - - [11/Dec/2013:00:01:45 -0800] "\x16\x03" 400 -"#;
    assert_eq!(captured("%{COMMONAPACHELOG}", ["rawrequest", "response", "bytes"], line), [r"\x16\x03", "400", ""]);
    let line =
        "[Mon Aug 31 07:30:48.958285 2015] [proxy_fcgi:error] [pid 28787:tid 140169587934976] [client 10.0.0.1:56414] AH01071: Got error";
    let fields = ["module", "loglevel", "pid", "tid", "clientip", "clientport", "errorcode", "message"];
    let wanted = ["proxy_fcgi", "error", "28787", "140169587934976", "10.0.0.1", "56414", "AH01071", "Got error"];
    assert_eq!(captured("%{HTTPD_ERRORLOG}", fields, line), wanted);
}

#[test]
fn lines_of_the_system_log_are_taken_apart() {
    let syslog = format("syslog", None, &[]).unwrap();
    let read = |line: &str| try_read(&syslog, line).unwrap();
    let wanted = json!({
        "timestamp": "Oct 17 08:59:00", "logsource": "suod", "program": "newsyslog", "message": "logfile turned over", "pid": "6215",
    });
    assert_eq!(read("Oct 17 08:59:00 suod newsyslog[6215]: logfile turned over"), wanted);
    let found = read("Oct 17 08:59:04 cdr.cs.colorado.edu amd[29648]: noconn option exists, so trying to connect");
    assert_eq!((&found["logsource"], &found["program"], &found["pid"]), (&json!("cdr.cs.colorado.edu"), &json!("amd"), &json!("29648")));
    let found = read("2015-10-17T08:59:00.5+02:00 <5.6> 10.0.0.1 kernel: a: b");
    assert_eq!(found, json!({"timestamp": null, "logsource": "10.0.0.1", "program": "kernel", "message": "a: b", "pid": null}));
    assert_eq!(read("nothing of the kind")["message"], json!(null));
}

#[test]
fn lines_of_other_programs_are_taken_apart() {
    let line = "<34>1 2003-10-11T22:14:15.003Z host su - ID47 [a@1 k=\"v\"] it failed";
    let fields =
        ["syslog5424_pri", "syslog5424_host", "syslog5424_app", "syslog5424_proc", "syslog5424_msgid", "syslog5424_sd", "syslog5424_msg"];
    assert_eq!(captured("%{SYSLOG5424LINE}", fields, line), ["34", "host", "su", "", "ID47", "[a@1 k=\"v\"]", "it failed"]);
    let line = "Feb  1 09:58:24 h CRON[77]: (root) CMD (run-parts (x))";
    assert_eq!(captured("%{CRONLOG}", ["user", "action", "message"], line), ["root", "CMD", "run-parts (x)"]);
    let line = "\tat org.example.Main$1.run(Main.java:42)";
    assert_eq!(
        captured("%{JAVASTACKTRACEPART}", ["class", "method", "file", "line"], line),
        ["org.example.Main$1", "run", "Main.java", "42"]
    );
    let line = "I, [2013-02-22T11:00:00.1 #4321]  INFO -- web: hello";
    assert_eq!(captured("%{RUBY_LOGGER}", ["pid", "loglevel", "progname", "message"], line), ["4321", "INFO", "web", "hello"]);
    let line = "1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"*\"";
    assert_eq!(captured("%{REDISMONLOG}", ["database", "client", "command"], line), ["0", "127.0.0.1", "keys"]);
    let line = "2014-11-03T18:28:32.450-0500 I NETWORK  [initandlisten] waiting for connections";
    assert_eq!(captured("%{MONGO3_LOG}", ["severity", "component", "context"], line), ["I", "NETWORK", "initandlisten"]);
    let line = "[1427956600] CURRENT SERVICE STATE: nas;SSH;OK;HARD;1;SSH OK";
    assert_eq!(captured("%{NAGIOSLOGLINE}", ["nagios_hostname", "nagios_state", "nagios_message"], line), ["nas", "OK", "SSH OK"]);
    let line = concat!(
        "Sep 20 15:42:59 lb haproxy[1]: 10.1.2.3:4567 [20/Sep/2015:15:42:59.123] front back/srv1 10/0/30/69/109 200 2750 - - ---- ",
        "1/1/1/1/0 0/0 {host|agent} \"GET /index.html HTTP/1.1\""
    );
    let fields = ["client_ip", "backend_name", "server_name", "http_status_code", "captured_request_headers", "http_verb", "http_request"];
    assert_eq!(captured("%{HAPROXYHTTP}", fields, line), ["10.1.2.3", "back", "srv1", "200", "host|agent", "GET", "/index.html"]);
    let line = r#"Deny tcp src outside:10.1.1.1/53 dst inside:10.2.2.2/80 by access-group "acl_in" [0x0, 0x1]"#;
    assert_eq!(captured("%{CISCOFW106023}", ["src_ip", "dst_port", "policy_id"], line), ["10.1.1.1", "80", "acl_in"]);
    let line = "RT_FLOW_SESSION_DENY: session denied 10.0.0.1/5->10.0.0.2/80 junos-http 6(0) default trust untrust";
    assert_eq!(captured("%{RT_FLOW3}", ["src-ip", "dst-port", "from-zone"], line), ["10.0.0.1", "80", "trust"]);
    let line = "05/20/2015 10:11:12 UTC jo 5a.1b 4242";
    assert_eq!(captured("%{POSTGRESQL}", ["user_id", "pid"], line), ["jo", "4242"]);
}

#[test]
fn the_greatest_pattern_reads_lines_of_kilobytes_even_into_all_its_fields() {
    let fields = [
        "syslog_timestamp",
        "timestamp8601",
        "syslog_server",
        "program",
        "pid",
        "client_ip",
        "client_port",
        "accept_date",
        "haproxy_monthday",
        "haproxy_month",
        "haproxy_year",
        "haproxy_time",
        "haproxy_hour",
        "haproxy_minute",
        "haproxy_second",
        "frontend_name",
        "backend_name",
        "server_name",
        "time_request",
        "time_queue",
        "time_backend_connect",
        "time_backend_response",
        "time_duration",
        "http_status_code",
        "bytes_read",
        "captured_request_cookie",
        "captured_response_cookie",
        "termination_state",
        "actconn",
        "feconn",
        "beconn",
        "srvconn",
        "retries",
        "srv_queue",
        "backend_queue",
        "http_verb",
        "http_request",
        "http_version",
    ];
    let format = format("grok", Some("%{HAPROXYHTTP}"), &fields).unwrap();
    assert_eq!(try_read(&format, &"x".repeat(4000)).unwrap()["pid"], json!(null));
}

#[expect(clippy::disallowed_methods, reason = "how long a hostile input takes is what is tested")]
fn within<T>(bound: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    let taken = start.elapsed();
    assert!(taken < bound, "{what} took {taken:?}");
    done
}

#[test]
fn a_pattern_that_would_grow_without_bound_is_refused_soon() {
    let patterns = [
        "((((a{100}){100}){100}){100}){100}".to_owned(),
        "%{HAPROXYHTTP}".repeat(1000),
        format!("(?:{}){{1000}}", "%{IPV6}".repeat(50)),
        r"(?i)\p{L}{500}".to_owned(),
        format!("{}a{}", "(?:".repeat(5000), ")".repeat(5000)),
        "[".repeat(60_000),
        "(?<f>".repeat(10_000),
        ".".repeat(60_000),
    ];
    for pattern in patterns {
        let shown = pattern.chars().take(60).collect::<String>();
        let refused = within(Duration::from_secs(10), &shown, || format("grok", Some(&pattern), &["f"]));
        assert!(refused.is_err(), "{shown} is accepted");
    }
    // Nothing, however often, is nothing.
    within(Duration::from_secs(10), "an empty loop", || format("grok", Some("(?:){4294967295}"), &["f"])).unwrap();
}

#[test]
fn no_text_keeps_a_pattern_busy_for_long() {
    let patterns = [
        "(?:a?){60}a{60}b",
        "(a|a)*$x",
        "(.*)(.*)(.*)(.*)(.*)(.*)=",
        "%{SYSLOGLINE}",
        "%{COMBINEDAPACHELOG}",
        "(?:.{0,200}a){3}b",
        "(x+x+)+y",
    ];
    for pattern in patterns {
        let format = format("grok", Some(pattern), &["f"]).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for unit in ["a", "x", "Oct 1 0", "é", "1:"] {
            for length in [10_000, 10_000_000] {
                let text = unit.repeat(length / unit.len());
                let read = within(Duration::from_secs(20), pattern, || try_read(&format, &text));
                assert!(length < 1_000_000 || read.unwrap_err().contains("bytes; this pattern reads at most"), "{pattern}");
            }
        }
    }
}
