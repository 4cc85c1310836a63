//! Which function a request is for.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Map, Value};

use super::path::decode;
use crate::lambda::function::{Function, Service};

/// The longest that the gateway waits for a function, whatever the function's own time.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The routes of a gateway.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Route>,
    pub(super) time_limit: Duration,
}

#[derive(Debug)]
struct Route {
    /// None for any.
    method: Option<String>,
    /// None for whatever no other route matches.
    template: Option<Vec<Segment>>,
    key: String,
    function: Arc<Service>,
}

/// A part of a template between slashes. The first kind that matches is the best match.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Variable(String),
    Rest(String),
}

/// A route that a request has taken.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) key: &'a str,
    pub(super) parameters: Map<String, Value>,
    pub(super) function: &'a Arc<Service>,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// No routes. A gateway with these answers 404 to everything.
    #[must_use]
    pub fn new() -> Self {
        Self { routes: Vec::new(), time_limit: TIME_LIMIT }
    }

    /// Adds a route. The method may be `ANY`; the template may have variables, `/status/{name}`, the last of which may take all
    /// that is left, `/file/{path+}`.
    ///
    /// # Panics
    /// When the template is not one.
    #[must_use]
    pub fn route(mut self, method: &str, template: &str, function: &Function) -> Self {
        let segments = parse(template).unwrap_or_else(|| panic!("{template} is no path of a route"));
        let route = Route {
            method: (method != "ANY").then(|| method.to_owned()),
            template: Some(segments),
            key: format!("{method} {template}"),
            function: Arc::clone(&function.0),
        };
        self.routes.push(route);
        self
    }

    /// Sends whatever no other route matches to this function: the route `$default`.
    #[must_use]
    pub fn otherwise(mut self, function: &Function) -> Self {
        let function = Arc::clone(&function.0);
        self.routes.push(Route { method: None, template: None, key: "$default".to_owned(), function });
        self
    }

    /// How long the gateway waits for a function; 30 s by default, which is also the most that the real one waits.
    #[must_use]
    pub fn time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// The route for a request: literal parts before variables, variables before those that take the rest, a named method before
    /// any, and `$default` last.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Found<'_>> {
        let fitting = self.routes.iter().filter(|route| route.method.as_ref().is_none_or(|wanted| wanted == method.as_str()));
        let matched = fitting.filter_map(|route| Some((route, route.parameters(path)?)));
        let (route, parameters) = matched.min_by(|(left, _), (right, _)| left.rank().cmp(&right.rank()))?;
        Some(Found { key: &route.key, parameters, function: &route.function })
    }
}

impl Route {
    fn rank(&self) -> (bool, Vec<u8>, bool) {
        let kinds = self.template.iter().flatten().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Rest(_) => 2,
        });
        (self.template.is_none(), kinds.collect(), self.method.is_none())
    }

    /// The values of the variables, decoded once more; none when the path does not match.
    fn parameters(&self, path: &str) -> Option<Map<String, Value>> {
        let mut parameters = Map::new();
        let Some(template) = &self.template else { return Some(parameters) };
        let mut rest = path.strip_prefix('/');
        for segment in template {
            let left = rest?;
            if let Segment::Rest(name) = segment {
                parameters.insert(name.clone(), decode(left)?.into());
                return Some(parameters);
            }
            let (part, behind) = left.split_once('/').map_or((left, None), |(part, behind)| (part, Some(behind)));
            match segment {
                Segment::Literal(wanted) if wanted == part => {}
                Segment::Variable(name) if !part.is_empty() => {
                    parameters.insert(name.clone(), decode(part)?.into());
                }
                _ => return None,
            }
            rest = behind;
        }
        rest.is_none().then_some(parameters)
    }
}

fn parse(template: &str) -> Option<Vec<Segment>> {
    let segments: Vec<Segment> = template.strip_prefix('/')?.split('/').map(parse_segment).collect::<Option<_>>()?;
    let (_, before_last) = segments.split_last()?;
    let rest_is_last = !before_last.iter().any(|segment| matches!(segment, Segment::Rest(_)));
    rest_is_last.then_some(segments)
}

fn parse_segment(part: &str) -> Option<Segment> {
    let Some(variable) = part.strip_prefix('{') else {
        return (!part.contains(['{', '}'])).then(|| Segment::Literal(part.to_owned()));
    };
    let variable = variable.strip_suffix('}')?;
    Some(match variable.strip_suffix('+') {
        Some(name) => Segment::Rest(name.to_owned()),
        None => Segment::Variable(variable.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lambda::Deployment;

    fn found(routes: &Routes, method: &str, path: &str) -> Option<(String, Value)> {
        let found = routes.find(&method.parse().unwrap(), path)?;
        Some((found.key.to_owned(), Value::Object(found.parameters)))
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        let function = Deployment::new("never", "/never").start();
        let routes = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "POST /{proxy+}"];
        let routes = routes.iter().rev().fold(Routes::new().otherwise(&function), |routes, key| {
            let (method, template) = key.split_once(' ').unwrap();
            routes.route(method, template, &function)
        });
        for (method, path, key, parameters) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1", json!({})),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}", json!({"id": "2"})),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}", json!({"proxy": "cat/1"})),
            ("POST", "/test/5", "POST /{proxy+}", json!({"proxy": "test/5"})),
            ("PUT", "/test/5%2F6", "ANY /{proxy+}", json!({"proxy": "test/5/6"})),
        ] {
            assert_eq!(found(&routes, method, path), Some((key.to_owned(), parameters)), "{method} {path}");
        }
        assert_eq!(found(&routes, "OPTIONS", "*"), Some(("$default".to_owned(), json!({}))));
    }

    #[test]
    fn a_path_matches_as_a_whole() {
        let function = Deployment::new("never", "/never").start();
        let routes = Routes::new().route("GET", "/", &function).route("GET", "/status/{name}", &function);
        let routes = routes.route("GET", "/file/{path+}", &function);
        assert_eq!(found(&routes, "GET", "/").unwrap().0, "GET /");
        assert_eq!(found(&routes, "GET", "/file/").unwrap().1, json!({"path": ""}));
        for path in ["/status", "/status/", "/status/a/", "/status/a/b", "/status/a%", "/file", "/Status/a", "status/a", ""] {
            assert_eq!(found(&routes, "GET", path), None, "{path}");
        }
        assert_eq!(found(&routes, "POST", "/"), None);
    }

    #[test]
    #[should_panic(expected = "is no path of a route")]
    fn a_variable_takes_the_rest_only_at_the_end() {
        let function = Deployment::new("never", "/never").start();
        let _ = Routes::new().route("GET", "/{path+}/b", &function);
    }
}
