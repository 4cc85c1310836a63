//! Logs of languages, databases and their tools.

use super::Entry;

pub(super) const JAVA: &[Entry] = &[
    ("JAVACLASS", r"(?:[A-Za-z_$][\w$]*\.)*[A-Za-z_$][\w$]*"),
    ("JAVAFILE", r"[\w .$-]+"),
    ("JAVAMETHOD", r"<(?:cl)?init>|[A-Za-z_$][\w$]*"),
    ("JAVASTACKTRACEPART", r"\s*at\s+%{JAVACLASS:class}\.%{JAVAMETHOD:method}\(%{JAVAFILE:file}(?::%{INT:line})?\)"),
    ("JAVATHREAD", r"[A-Za-z]{2}-Processor\d+"),
    ("JAVALOGMESSAGE", ".*"),
    ("CATALINA_DATESTAMP", "%{MONTH} %{MONTHDAY}, %{YEAR} %{TIME}(?: [AP]M)?"),
    ("TOMCAT_DATESTAMP", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY} %{TIME}(?: %{ISO8601_TIMEZONE})?"),
    ("CATALINALOG", r"%{CATALINA_DATESTAMP:timestamp}\s+%{JAVACLASS:class}\s+%{JAVALOGMESSAGE:logmessage}"),
    ("TOMCATLOG", r"%{TOMCAT_DATESTAMP:timestamp}\s+\|\s+%{LOGLEVEL:level}\s+\|\s+%{JAVACLASS:class}\s+-\s+%{JAVALOGMESSAGE:logmessage}"),
];

pub(super) const MCOLLECTIVE: &[Entry] = &[
    ("MCOLLECTIVE", r"\[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:pid}\]\s+%{LOGLEVEL:event_level}"),
    ("MCOLLECTIVEAUDIT", "%{TIMESTAMP_ISO8601:timestamp}:"),
];

pub(super) const MONGODB: &[Entry] = &[
    ("MONGO_QUERY", r"\{.*\}"),
    ("MONGO_WORDDASH", r"[\w-]+"),
    (
        "MONGO_SLOWQUERY",
        concat!(
            r"%{WORD} %{MONGO_WORDDASH:database}\.%{MONGO_WORDDASH:collection} %{WORD}: %{MONGO_QUERY:query}.*",
            "ntoreturn:%{NONNEGINT:ntoreturn} ntoskip:%{NONNEGINT:ntoskip} nscanned:%{NONNEGINT:nscanned}.*",
            "nreturned:%{NONNEGINT:nreturned}.* (?<duration>[0-9]+)ms"
        ),
    ),
    ("MONGO_LOG", r"%{SYSLOGTIMESTAMP:timestamp} \[%{WORD:component}\] %{GREEDYDATA:message}"),
    ("MONGO3_SEVERITY", r"\b[A-Z]\b"),
    ("MONGO3_COMPONENT", r"\b\w+\b|-"),
    (
        "MONGO3_LOG",
        r"%{TIMESTAMP_ISO8601:timestamp}\s+%{MONGO3_SEVERITY:severity}\s+%{MONGO3_COMPONENT:component}\s+(?:\[%{DATA:context}\]\s+)?%{GREEDYDATA:message}",
    ),
];

pub(super) const POSTGRESQL: &[Entry] =
    &[("POSTGRESQL", "%{DATESTAMP:timestamp} %{TZ} %{NOTSPACE:user_id} %{NOTSPACE:connection_id} %{POSINT:pid}")];

pub(super) const REDIS: &[Entry] = &[
    ("REDISTIMESTAMP", r"%{MONTHDAY} %{MONTH}(?: \d{4})? %{TIME}"),
    ("REDISLOG", r"\[%{POSINT:pid}\]\s+%{REDISTIMESTAMP:timestamp} \*\s"),
    ("REDISMONLOG", r#"%{NUMBER:timestamp} \[%{INT:database} %{IP:client}:%{NUMBER:port}\] "%{WORD:command}"(?:\s+%{GREEDYDATA:params})?"#),
];

pub(super) const RUBY: &[Entry] = &[
    ("RUBY_LOGLEVEL", "DEBUG|INFO|WARN|ERROR|FATAL|UNKNOWN|ANY"),
    (
        "RUBY_LOGGER",
        r"[A-Z], \[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:pid}\]\s+%{RUBY_LOGLEVEL:loglevel}\s+--\s+%{DATA:progname}: %{GREEDYDATA:message}",
    ),
];
