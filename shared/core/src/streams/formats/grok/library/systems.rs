//! Logs of operating systems, firewalls, routers, balancers and monitors.

use super::Entry;

pub(super) const LINUX_SYSLOG: &[Entry] = &[
    (
        "SYSLOGBASE2",
        concat!(
            r"(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp8601})\s+",
            r"(?:%{SYSLOGFACILITY}\s+)?%{SYSLOGHOST:logsource}\s+%{SYSLOGPROG}:"
        ),
    ),
    ("SYSLOGLINE", r"%{SYSLOGBASE2}\s+%{GREEDYDATA:message}"),
    (
        "SYSLOGPAMSESSION",
        concat!(
            r"%{SYSLOGBASE}\s+%{WORD:pam_module}\((?<pam_caller>[^)]*)\): ",
            r"session %{WORD:pam_session_state} for user %{USERNAME:username}(?: by %{GREEDYDATA:pam_by})?"
        ),
    ),
    ("CRON_ACTION", "[A-Z ]+"),
    ("CRONLOG", r"%{SYSLOGBASE}\s+\(%{USER:user}\) %{CRON_ACTION:action} \((?<message>.*)\)"),
    ("SYSLOG5424PRINTASCII", "[!-~]+"),
    ("SYSLOG5424PRI", "<%{NONNEGINT:syslog5424_pri}>"),
    ("SYSLOG5424SD", r#"(?:\[(?:[^\]"]|"(?:\\.|[^"\\])*")*\])+"#),
    (
        "SYSLOG5424BASE",
        concat!(
            "%{SYSLOG5424PRI}%{NONNEGINT:syslog5424_ver} +(?:%{TIMESTAMP_ISO8601:syslog5424_ts}|-) +",
            "(?:%{IPORHOST:syslog5424_host}|-) +(?:-|%{SYSLOG5424PRINTASCII:syslog5424_app}) +",
            "(?:-|%{SYSLOG5424PRINTASCII:syslog5424_proc}) +(?:-|%{SYSLOG5424PRINTASCII:syslog5424_msgid}) +",
            "(?:%{SYSLOG5424SD:syslog5424_sd}|-)"
        ),
    ),
    ("SYSLOG5424LINE", "%{SYSLOG5424BASE}(?: +%{GREEDYDATA:syslog5424_msg})?"),
];

pub(super) const FIREWALLS: &[Entry] = &[
    (
        "NETSCREENSESSIONLOG",
        concat!(
            r"%{SYSLOGTIMESTAMP:date} %{IPORHOST:device} \S+ device_id=%{WORD:device_id} .*?start_time=%{QUOTEDSTRING:start_time} ",
            "duration=%{INT:duration} policy_id=%{INT:policy_id} service=%{DATA:service} proto=%{INT:proto} src zone=%{WORD:src_zone} ",
            "dst zone=%{WORD:dst_zone} action=%{WORD:action} sent=%{INT:sent} rcvd=%{INT:rcvd} src=%{IPORHOST:src_ip} ",
            "dst=%{IPORHOST:dst_ip}(?: src_port=%{INT:src_port} dst_port=%{INT:dst_port})?"
        ),
    ),
    ("CISCOTIMESTAMP", "%{MONTH} +%{MONTHDAY}(?: %{YEAR})? %{TIME}"),
    ("CISCOTAG", r"[A-Z0-9]+-\d-[A-Z0-9_]+"),
    (
        "CISCO_TAGGED_SYSLOG",
        r"(?:<%{POSINT:syslog_pri}>)?%{CISCOTIMESTAMP:timestamp}(?: %{SYSLOGHOST:sysloghost})?\s*: %%{CISCOTAG:ciscotag}:",
    ),
    ("CISCO_ACTION", r"Built|Teardown|Deny|Denied|denied|requested|permitted|discarded|est-allowed|Dropping|created|deleted"),
    ("CISCO_REASON", r"[A-Za-z][A-Za-z ]*"),
    ("CISCO_DIRECTION", r"(?i:inbound|outbound)"),
    ("CISCO_INTERVAL", r"first hit|\d+-second interval"),
    ("CISCO_XLATE_TYPE", "static|dynamic"),
    (
        "CISCOFW106001",
        concat!(
            "%{CISCO_DIRECTION:direction} %{WORD:protocol} connection %{CISCO_ACTION:action} from %{IP:src_ip}/%{INT:src_port} ",
            "to %{IP:dst_ip}/%{INT:dst_port} flags %{DATA:tcp_flags} on interface %{GREEDYDATA:interface}"
        ),
    ),
    (
        "CISCOFW106023",
        concat!(
            "%{CISCO_ACTION:action}(?: protocol)? %{WORD:protocol} src %{DATA:src_interface}:%{IPORHOST:src_ip}(?:/%{INT:src_port})? ",
            r"dst %{DATA:dst_interface}:%{IPORHOST:dst_ip}(?:/%{INT:dst_port})?(?: \(type %{INT:icmp_type}, code %{INT:icmp_code}\))? ",
            r#"by access-group "?%{DATA:policy_id}"? \[%{DATA:hashcode1}, %{DATA:hashcode2}\]"#
        ),
    ),
    (
        "CISCOFW302013_302014_302015_302016",
        concat!(
            "%{CISCO_ACTION:action}(?: %{CISCO_DIRECTION:direction})? %{WORD:protocol} connection %{INT:connection_id} ",
            r"for %{DATA:src_interface}:%{IP:src_ip}/%{INT:src_port}(?: \(%{IP:src_mapped_ip}/%{INT:src_mapped_port}\))? ",
            r"to %{DATA:dst_interface}:%{IP:dst_ip}/%{INT:dst_port}(?: \(%{IP:dst_mapped_ip}/%{INT:dst_mapped_port}\))?",
            r"(?: duration %{TIME:duration} bytes %{INT:bytes})?(?: %{CISCO_REASON:reason})?(?: \(%{DATA:user}\))?"
        ),
    ),
    (
        "CISCOFW305011",
        concat!(
            "%{CISCO_ACTION:action} %{CISCO_XLATE_TYPE:xlate_type} %{WORD:protocol} translation from ",
            "%{DATA:src_interface}:%{IP:src_ip}(?:/%{INT:src_port})? to ",
            "%{DATA:src_xlated_interface}:%{IP:src_xlated_ip}/%{INT:src_xlated_port}"
        ),
    ),
    (
        "CISCOFW710001_710002_710003_710005_710006",
        concat!(
            "%{WORD:protocol} (?:request|access) %{CISCO_ACTION:action} from %{IP:src_ip}/%{INT:src_port} ",
            "to %{DATA:dst_interface}:%{IP:dst_ip}/%{INT:dst_port}"
        ),
    ),
    (
        "SHOREWALL",
        concat!(
            "%{SYSLOGTIMESTAMP:timestamp} %{IPORHOST:nf_host} .*?Shorewall:%{WORD:nf_action1}?:%{WORD:nf_action2}?.*?IN=%{DATA:nf_in_interface} ",
            ".*?SRC=%{IP:nf_src_ip} DST=%{IP:nf_dst_ip} .*?PROTO=%{WORD:nf_protocol}(?: SPT=%{INT:nf_src_port} DPT=%{INT:nf_dst_port})?"
        ),
    ),
];

pub(super) const JUNOS: &[Entry] = &[
    ("RT_FLOW_EVENT", "RT_FLOW_SESSION_(?:CREATE|CLOSE|DENY)"),
    ("RT_FLOW_TAG", "%{RT_FLOW_EVENT}"),
    (
        "RT_FLOW1",
        concat!(
            "%{RT_FLOW_EVENT:event}: %{GREEDYDATA:close-reason}: %{IP:src-ip}/%{INT:src-port}->%{IP:dst-ip}/%{INT:dst-port} %{DATA:service} ",
            "%{IP:nat-src-ip}/%{INT:nat-src-port}->%{IP:nat-dst-ip}/%{INT:nat-dst-port} %{NOTSPACE:src-nat-rule-name} ",
            "%{NOTSPACE:dst-nat-rule-name} %{INT:protocol-id} %{NOTSPACE:policy-name} %{NOTSPACE:from-zone} %{NOTSPACE:to-zone} ",
            r"%{INT:session-id} \d+\((?<sent>\d+)\) \d+\((?<received>\d+)\) %{INT:elapsed-time}"
        ),
    ),
    (
        "RT_FLOW2",
        concat!(
            "%{RT_FLOW_EVENT:event}: session created %{IP:src-ip}/%{INT:src-port}->%{IP:dst-ip}/%{INT:dst-port} %{DATA:service} ",
            "%{IP:nat-src-ip}/%{INT:nat-src-port}->%{IP:nat-dst-ip}/%{INT:nat-dst-port} %{NOTSPACE:src-nat-rule-name} ",
            "%{NOTSPACE:dst-nat-rule-name} %{INT:protocol-id} %{NOTSPACE:policy-name} %{NOTSPACE:from-zone} %{NOTSPACE:to-zone} ",
            "%{INT:session-id}"
        ),
    ),
    (
        "RT_FLOW3",
        concat!(
            "%{RT_FLOW_EVENT:event}: session denied %{IP:src-ip}/%{INT:src-port}->%{IP:dst-ip}/%{INT:dst-port} %{DATA:service} ",
            r"%{INT:protocol-id}\(\d\) %{NOTSPACE:policy-name} %{NOTSPACE:from-zone} %{NOTSPACE:to-zone}"
        ),
    ),
];

pub(super) const HAPROXY: &[Entry] = &[
    ("HAPROXYTIME", "%{HOUR:haproxy_hour}:%{MINUTE:haproxy_minute}:%{SECOND:haproxy_second}"),
    (
        "HAPROXYDATE",
        "%{MONTHDAY:haproxy_monthday}/%{MONTH:haproxy_month}/%{YEAR:haproxy_year}:(?:%{HAPROXYTIME:haproxy_time})(?:\\.%{INT:haproxy_milliseconds})?",
    ),
    ("HAPROXYCAPTUREDREQUESTHEADERS", r"(?<captured_request_headers>[^}]*)"),
    ("HAPROXYCAPTUREDRESPONSEHEADERS", r"(?<captured_response_headers>[^}]*)"),
    (
        "HAPROXYHTTPBASE",
        concat!(
            r"%{IP:client_ip}:%{INT:client_port} \[%{HAPROXYDATE:accept_date}\] %{NOTSPACE:frontend_name} ",
            "(?<backend_name>[^\\s/]+)/%{NOTSPACE:server_name} ",
            "%{INT:time_request}/%{INT:time_queue}/%{INT:time_backend_connect}/%{INT:time_backend_response}/(?<time_duration>[+]?[0-9-]+) ",
            r"%{INT:http_status_code} (?<bytes_read>[+]?\d+) %{NOTSPACE:captured_request_cookie} %{NOTSPACE:captured_response_cookie} ",
            "%{NOTSPACE:termination_state} %{INT:actconn}/%{INT:feconn}/%{INT:beconn}/%{INT:srvconn}/(?<retries>[+]?[0-9]+) ",
            r"%{INT:srv_queue}/%{INT:backend_queue} (?:\{%{HAPROXYCAPTUREDREQUESTHEADERS}\} )?(?:\{%{HAPROXYCAPTUREDRESPONSEHEADERS}\} )?",
            r#""(?:<BADREQ>|%{WORD:http_verb} (?:%{URIPROTO:http_proto}://)?(?:%{USER:http_user}(?::[^@\s"]*)?@)?(?:%{URIHOST:http_host})?"#,
            r#"(?:%{URIPATHPARAM:http_request})?(?: HTTP/%{NUMBER:http_version})?)?"?"#
        ),
    ),
    (
        "HAPROXYHTTP",
        r"(?:%{SYSLOGTIMESTAMP:syslog_timestamp}|%{TIMESTAMP_ISO8601:timestamp8601}) %{IPORHOST:syslog_server} %{SYSLOGPROG}: %{HAPROXYHTTPBASE}",
    ),
    (
        "HAPROXYTCP",
        concat!(
            "(?:%{SYSLOGTIMESTAMP:syslog_timestamp}|%{TIMESTAMP_ISO8601:timestamp8601}) %{IPORHOST:syslog_server} %{SYSLOGPROG}: ",
            r"%{IP:client_ip}:%{INT:client_port} \[%{HAPROXYDATE:accept_date}\] %{NOTSPACE:frontend_name} ",
            r"(?<backend_name>[^\s/]+)/%{NOTSPACE:server_name} %{INT:time_queue}/%{INT:time_backend_connect}/(?<time_duration>[+]?[0-9-]+) ",
            r"(?<bytes_read>[+]?\d+) %{NOTSPACE:termination_state} %{INT:actconn}/%{INT:feconn}/%{INT:beconn}/%{INT:srvconn}/(?<retries>[+]?\d+) ",
            "%{INT:srv_queue}/%{INT:backend_queue}"
        ),
    ),
];

pub(super) const NAGIOS: &[Entry] = &[
    ("NAGIOSTIME", r"\[%{NUMBER:nagios_epoch}\]"),
    ("NAGIOS_TYPE_CURRENT_SERVICE_STATE", "CURRENT SERVICE STATE"),
    ("NAGIOS_TYPE_CURRENT_HOST_STATE", "CURRENT HOST STATE"),
    ("NAGIOS_TYPE_SERVICE_NOTIFICATION", "SERVICE NOTIFICATION"),
    ("NAGIOS_TYPE_HOST_NOTIFICATION", "HOST NOTIFICATION"),
    ("NAGIOS_TYPE_SERVICE_ALERT", "SERVICE ALERT"),
    ("NAGIOS_TYPE_HOST_ALERT", "HOST ALERT"),
    ("NAGIOS_TYPE_SERVICE_FLAPPING_ALERT", "SERVICE FLAPPING ALERT"),
    ("NAGIOS_TYPE_HOST_FLAPPING_ALERT", "HOST FLAPPING ALERT"),
    ("NAGIOS_TYPE_SERVICE_DOWNTIME_ALERT", "SERVICE DOWNTIME ALERT"),
    ("NAGIOS_TYPE_HOST_DOWNTIME_ALERT", "HOST DOWNTIME ALERT"),
    ("NAGIOS_TYPE_PASSIVE_SERVICE_CHECK", "PASSIVE SERVICE CHECK"),
    ("NAGIOS_TYPE_PASSIVE_HOST_CHECK", "PASSIVE HOST CHECK"),
    ("NAGIOS_TYPE_SERVICE_EVENT_HANDLER", "SERVICE EVENT HANDLER"),
    ("NAGIOS_TYPE_HOST_EVENT_HANDLER", "HOST EVENT HANDLER"),
    ("NAGIOS_TYPE_EXTERNAL_COMMAND", "EXTERNAL COMMAND"),
    ("NAGIOS_TYPE_TIMEPERIOD_TRANSITION", "TIMEPERIOD TRANSITION"),
    (
        "NAGIOS_CURRENT_SERVICE_STATE",
        concat!(
            "%{NAGIOS_TYPE_CURRENT_SERVICE_STATE:nagios_type}: (?<nagios_hostname>[^;]*);(?<nagios_service>[^;]*);",
            "(?<nagios_state>[^;]*);(?<nagios_statetype>[^;]*);(?<nagios_statecode>[^;]*);%{GREEDYDATA:nagios_message}"
        ),
    ),
    (
        "NAGIOS_CURRENT_HOST_STATE",
        concat!(
            "%{NAGIOS_TYPE_CURRENT_HOST_STATE:nagios_type}: (?<nagios_hostname>[^;]*);(?<nagios_state>[^;]*);",
            "(?<nagios_statetype>[^;]*);(?<nagios_statecode>[^;]*);%{GREEDYDATA:nagios_message}"
        ),
    ),
    (
        "NAGIOS_SERVICE_NOTIFICATION",
        concat!(
            "%{NAGIOS_TYPE_SERVICE_NOTIFICATION:nagios_type}: (?<nagios_notifyname>[^;]*);(?<nagios_hostname>[^;]*);",
            "(?<nagios_service>[^;]*);(?<nagios_state>[^;]*);(?<nagios_contact>[^;]*);%{GREEDYDATA:nagios_message}"
        ),
    ),
    (
        "NAGIOS_HOST_NOTIFICATION",
        concat!(
            "%{NAGIOS_TYPE_HOST_NOTIFICATION:nagios_type}: (?<nagios_notifyname>[^;]*);(?<nagios_hostname>[^;]*);",
            "(?<nagios_state>[^;]*);(?<nagios_contact>[^;]*);%{GREEDYDATA:nagios_message}"
        ),
    ),
    (
        "NAGIOS_SERVICE_ALERT",
        concat!(
            "%{NAGIOS_TYPE_SERVICE_ALERT:nagios_type}: (?<nagios_hostname>[^;]*);(?<nagios_service>[^;]*);(?<nagios_state>[^;]*);",
            "(?<nagios_statelevel>[^;]*);%{NUMBER:nagios_attempt};%{GREEDYDATA:nagios_message}"
        ),
    ),
    (
        "NAGIOS_HOST_ALERT",
        concat!(
            "%{NAGIOS_TYPE_HOST_ALERT:nagios_type}: (?<nagios_hostname>[^;]*);(?<nagios_state>[^;]*);",
            "(?<nagios_statelevel>[^;]*);%{NUMBER:nagios_attempt};%{GREEDYDATA:nagios_message}"
        ),
    ),
    (
        "NAGIOS_PASSIVE_SERVICE_CHECK",
        concat!(
            "%{NAGIOS_TYPE_PASSIVE_SERVICE_CHECK:nagios_type}: (?<nagios_hostname>[^;]*);(?<nagios_service>[^;]*);",
            "(?<nagios_state>[^;]*);%{GREEDYDATA:nagios_comment}"
        ),
    ),
    (
        "NAGIOS_PASSIVE_HOST_CHECK",
        "%{NAGIOS_TYPE_PASSIVE_HOST_CHECK:nagios_type}: (?<nagios_hostname>[^;]*);(?<nagios_state>[^;]*);%{GREEDYDATA:nagios_comment}",
    ),
    (
        "NAGIOS_TIMEPERIOD_TRANSITION",
        "%{NAGIOS_TYPE_TIMEPERIOD_TRANSITION:nagios_type}: (?<nagios_service>[^;]*);%{GREEDYDATA:nagios_unknown1}",
    ),
    ("NAGIOS_WARNING", "Warning: %{GREEDYDATA:nagios_message}"),
    (
        "NAGIOSLOGLINE",
        concat!(
            r"%{NAGIOSTIME}\s+(?:%{NAGIOS_WARNING}|%{NAGIOS_CURRENT_SERVICE_STATE}|%{NAGIOS_CURRENT_HOST_STATE}",
            "|%{NAGIOS_SERVICE_NOTIFICATION}|%{NAGIOS_HOST_NOTIFICATION}|%{NAGIOS_SERVICE_ALERT}|%{NAGIOS_HOST_ALERT}",
            "|%{NAGIOS_PASSIVE_SERVICE_CHECK}|%{NAGIOS_PASSIVE_HOST_CHECK}|%{NAGIOS_TIMEPERIOD_TRANSITION})"
        ),
    ),
];
