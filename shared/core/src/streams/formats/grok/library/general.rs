//! Numbers, words, addresses, times, and what most logs are made of.

use super::Entry;

pub(super) const PATTERNS: &[Entry] = &[
    // Words and numbers.
    ("USERNAME", r"[\w.-]+"),
    ("USER", "%{USERNAME}"),
    ("EMAILLOCALPART", r"[\w!#$%&'*+/=?^`{|}~.-]+"),
    ("EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("HTTPDUSER", "%{EMAILADDRESS}|%{USER}"),
    ("INT", r"[+-]?\d+"),
    ("BASE10NUM", r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)"),
    ("NUMBER", "%{BASE10NUM}"),
    ("BASE16NUM", r"[+-]?(?:0[xX])?[[:xdigit:]]+"),
    ("BASE16FLOAT", r"[+-]?(?:0[xX])?(?:[[:xdigit:]]+(?:\.[[:xdigit:]]*)?|\.[[:xdigit:]]+)"),
    ("POSINT", r"\b[1-9]\d*\b"),
    ("NONNEGINT", r"\b\d+\b"),
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", ".*?"),
    ("GREEDYDATA", ".*"),
    ("QUOTEDSTRING", r#""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`"#),
    ("QS", "%{QUOTEDSTRING}"),
    ("UUID", r"[[:xdigit:]]{8}(?:-[[:xdigit:]]{4}){3}-[[:xdigit:]]{12}"),
    ("URN", r"(?i:urn):[0-9A-Za-z][0-9A-Za-z-]*:\S+"),
    ("LOGLEVEL", "(?i:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|fatal|severe|emerg(?:ency)?)"),
    // Addresses and paths.
    ("CISCOMAC", r"[[:xdigit:]]{4}(?:\.[[:xdigit:]]{4}){2}"),
    ("WINDOWSMAC", "[[:xdigit:]]{2}(?:-[[:xdigit:]]{2}){5}"),
    ("COMMONMAC", "[[:xdigit:]]{2}(?::[[:xdigit:]]{2}){5}"),
    ("MAC", "%{COMMONMAC}|%{WINDOWSMAC}|%{CISCOMAC}"),
    ("IPV4", r"\b(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\b"),
    // All eight groups, or a double colon for some of them; the last two may be written as an IPv4 address.
    (
        "IPV6",
        concat!(
            "(?:(?:[[:xdigit:]]{1,4}:){7}[[:xdigit:]]{1,4}",
            "|(?:[[:xdigit:]]{1,4}:){6}%{IPV4}",
            "|(?:[[:xdigit:]]{1,4}(?::[[:xdigit:]]{1,4}){0,6})?::(?:(?:[[:xdigit:]]{1,4}:){0,6}(?:%{IPV4}|[[:xdigit:]]{1,4}))?",
            r")(?:%\w+)?"
        ),
    ),
    ("IP", "%{IPV6}|%{IPV4}"),
    ("HOSTNAME", r"\b[0-9A-Za-z][0-9A-Za-z-]*(?:\.[0-9A-Za-z][0-9A-Za-z-]*)*\.?"),
    ("IPORHOST", "%{IP}|%{HOSTNAME}"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
    ("UNIXPATH", r"(?:/[\w%!$@:.,+~-]*)+"),
    ("WINPATH", r#"(?:[A-Za-z]:|\\)(?:\\[^\\/:*?"<>|\r\n]*)+"#),
    ("PATH", "%{UNIXPATH}|%{WINPATH}"),
    ("TTY", r"/dev/(?:pts/\d+|[pt]ty\w*)"),
    ("URIPROTO", "[A-Za-z][0-9A-Za-z+.-]*"),
    ("URIHOST", "%{IPORHOST}(?::%{POSINT:port})?"),
    ("URIPATH", r"(?:/[\w%!$&'()*+,.:;=@{}|#~-]*)+"),
    ("URIPARAM", r"\?[\w%!$&'()*+,./:;<=>?@\[\]{}|#~-]*"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    ("URI", r"%{URIPROTO}://(?:%{USER}(?::[^@\s]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?"),
    // Dates and times. Where one number is the beginning of another, the longer one is tried first.
    (
        "MONTH",
        concat!(
            r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?",
            r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
        ),
    ),
    ("MONTHNUM", "1[0-2]|0?[1-9]"),
    ("MONTHNUM2", "1[0-2]|0[1-9]"),
    ("MONTHDAY", r"3[01]|[12]\d|0?[1-9]"),
    ("DAY", r"\b(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)\b"),
    ("YEAR", r"\d{4}|\d{2}"),
    ("HOUR", r"2[0-3]|[01]?\d"),
    ("MINUTE", r"[0-5]\d"),
    ("SECOND", r"(?:60|[0-5]?\d)(?:[.,:]\d+)?"),
    ("TIME", "%{HOUR}:%{MINUTE}:%{SECOND}"),
    ("DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE", "%{DATE_US}|%{DATE_EU}"),
    ("DATESTAMP", "%{DATE}[- ]%{TIME}"),
    ("TZ", r"\b[A-Z]{3,5}\b"),
    ("ISO8601_TIMEZONE", "Z|[+-]%{HOUR}(?::?%{MINUTE})?"),
    ("ISO8601_SECOND", "%{SECOND}"),
    ("TIMESTAMP_ISO8601", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{ISO8601_SECOND})?(?:%{ISO8601_TIMEZONE})?"),
    ("DATESTAMP_RFC822", "%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}"),
    ("DATESTAMP_RFC2822", "%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} (?:%{ISO8601_TIMEZONE}|%{TZ})"),
    ("DATESTAMP_OTHER", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}"),
    ("DATESTAMP_EVENTLOG", r"\d{4}%{MONTHNUM2}[0-3]\d[0-2]\d[0-5]\d[0-6]\d"),
    // The system log.
    ("SYSLOGTIMESTAMP", r"%{MONTH}\s+%{MONTHDAY}\s+%{TIME}"),
    ("SYSLOGFACILITY", r"<%{NONNEGINT:facility}\.%{NONNEGINT:priority}>"),
    ("SYSLOGHOST", "%{IPORHOST}"),
    ("PROG", r"[^\s\[\]]+"),
    ("SYSLOGPROG", r"%{PROG:program}(?:\[%{POSINT:pid}\])?"),
    ("SYSLOGBASE", r"%{SYSLOGTIMESTAMP:timestamp}\s+(?:%{SYSLOGFACILITY}\s+)?%{SYSLOGHOST:logsource}\s+%{SYSLOGPROG}:"),
    // Web servers.
    ("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    (
        "COMMONAPACHELOG",
        concat!(
            r"%{IPORHOST:clientip}\s+%{NOTSPACE:ident}\s+%{NOTSPACE:auth}\s+\[%{HTTPDATE:timestamp}\]\s+",
            r#""(?:%{WORD:verb} (?<request>[^\s"]+)(?: HTTP/%{NUMBER:httpversion})?|(?<rawrequest>(?:\\.|[^"\\])*))"\s+"#,
            r"(?<response>\d{3})\s+(?:(?<bytes>\d+)|-)"
        ),
    ),
    ("COMBINEDAPACHELOG", r"%{COMMONAPACHELOG}\s+%{QS:referrer}\s+%{QS:agent}"),
    ("HTTPD_COMMONLOG", "%{COMMONAPACHELOG}"),
    ("HTTPD_COMBINEDLOG", "%{COMBINEDAPACHELOG}"),
    ("HTTPDERROR_DATE", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{YEAR}"),
    (
        "HTTPD20_ERRORLOG",
        r"\[%{HTTPDERROR_DATE:timestamp}\]\s+\[%{LOGLEVEL:loglevel}\]\s+(?:\[client %{IPORHOST:clientip}\]\s+)?%{GREEDYDATA:errormsg}",
    ),
    (
        "HTTPD24_ERRORLOG",
        concat!(
            r"\[%{HTTPDERROR_DATE:timestamp}\]\s+\[(?:%{WORD:module})?:%{LOGLEVEL:loglevel}\]\s+",
            r"\[pid %{POSINT:pid}(?::tid %{INT:tid})?\]\s+(?:\[client %{IPORHOST:clientip}(?::%{POSINT:clientport})?\]\s+)?",
            r"(?:%{WORD:errorcode}:\s+)?%{GREEDYDATA:message}"
        ),
    ),
    ("HTTPD_ERRORLOG", "%{HTTPD20_ERRORLOG}|%{HTTPD24_ERRORLOG}"),
];
