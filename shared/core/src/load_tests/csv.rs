//! The endpoints of a run as a table.

use super::statistics::Endpoint;

const HEAD: &str = "method,name,requests,failures,averageResponseTime,minResponseTime,maxResponseTime,p50,p90,p95,p99,\
                    requestsPerSecond,failuresPerSecond,averageContentLength\r\n";

/// A row for each endpoint, below the names of the columns.
pub(super) fn endpoints(endpoints: &[Endpoint]) -> String {
    let mut csv = HEAD.to_owned();
    for endpoint in endpoints {
        let texts = [endpoint.method.as_deref().unwrap_or_default(), &endpoint.name].map(cell);
        let counts = [endpoint.requests, endpoint.failures].map(|count| count.to_string());
        let numbers = [
            endpoint.average_response_time,
            endpoint.min_response_time,
            endpoint.max_response_time,
            endpoint.p50,
            endpoint.p90,
            endpoint.p95,
            endpoint.p99,
            endpoint.requests_per_second,
            endpoint.failures_per_second,
            endpoint.average_content_length,
        ];
        let numbers = numbers.map(|number| number.map(|number| number.to_string()).unwrap_or_default());
        csv.push_str(&[texts.as_slice(), &counts, &numbers].concat().join(","));
        csv.push_str("\r\n");
    }
    csv
}

/// A text in a cell, quoted where RFC 4180 wants it. One that a spreadsheet would take for a formula has an apostrophe before it.
pub(super) fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_in_their_cells() {
        for (text, wanted) in [("/a", "/a"), ("a,\"b\"\n", "\"a,\"\"b\"\"\n\""), ("=1+1", "'=1+1"), ("", "")] {
            assert_eq!(cell(text), wanted);
        }
        let endpoint = Endpoint { name: "/a,b".to_owned(), requests: 2, p50: Some(1.5), ..Endpoint::default() };
        assert_eq!(endpoints(&[endpoint]), format!("{HEAD},\"/a,b\",2,0,,,,1.5,,,,,,\r\n"));
    }
}
