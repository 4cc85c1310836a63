// Records load tests of k6 with Headwater. See README.md for how to use it, and example.js for a script that does.
//
// What k6 allows shapes this module. Requests of setup(), teardown() and scenarios count in k6's own metrics, so ours bear the tag
// `headwater: recorder`, and `recorded()` gives all others the tag `headwater: load`, by which the result is taken. Requests of
// handleSummary() count nowhere: the result is committed there. Scripts cannot read the metrics of a test that still runs, so live values
// are only the number of virtual users.

import exec from 'k6/execution';
import http from 'k6/http';
import { sleep } from 'k6';

const environment = __ENV;
const base = address(environment.HEADWATER_URL);
const generator = environment.HEADWATER_HOSTNAME || environment.HOSTNAME || 'k6';

// Our own requests fail alone: they are not expected to have any status, so they never count as failed.
const parameters = {
  headers: Object.assign(
    { 'content-type': 'application/json' },
    environment.HEADWATER_TOKEN ? { authorization: `Bearer ${environment.HEADWATER_TOKEN}` } : {},
  ),
  redirects: 0,
  responseCallback: null,
  tags: { headwater: 'recorder', name: 'headwater' },
};
const measurementTags = Object.assign({ mode: 'single' }, given('targetHost', environment.HEADWATER_TARGET_HOST));
const requestTimeout = '5s';
const commitTimeout = '20s';
// Seconds for which a result is tried. k6 gives handleSummary() two minutes.
const deadline = Number(environment.HEADWATER_DEADLINE || 30);
const trendStats = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)'];
const load = 'headwater:load';

// ------------------------------------------------------------------------------------------------------------------- options

/**
 * The options of a test with what is needed to record it: the tag of its requests, p(99), and metrics of its own for each name (a tag
 * `name`, as requests have it) that shall be an endpoint of the result. Names and tags of requests that have thresholds are endpoints
 * anyway.
 */
export function recorded(options = {}, names = []) {
  const thresholds = Object.assign({}, options.thresholds);
  const selectors = new Set([load]);
  for (const name of names) {
    selectors.add(`name:${name}`);
  }
  for (const key of Object.keys(thresholds)) {
    const { metric, selector } = split(key);
    if (selector && metric.startsWith('http_req')) {
      selectors.add(selector);
    }
  }
  for (const selector of selectors) {
    for (const metric of ['http_reqs', 'http_req_duration', 'http_req_failed']) {
      const key = `${metric}{${selector}}`;
      thresholds[key] = thresholds[key] || [];
    }
  }
  return Object.assign({}, options, {
    tags: Object.assign({ headwater: 'load' }, options.tags),
    thresholds,
    summaryTrendStats: [...new Set([...(options.summaryTrendStats || []), ...trendStats])],
  });
}

/**
 * A scenario that says every few seconds how many virtual users there are. It needs `export { headwaterLive } from './headwater.js'`, and
 * should last as long as the others, since a test lasts as long as its longest scenario.
 */
export function liveScenario(duration, every = '5s') {
  return {
    executor: 'constant-arrival-rate',
    exec: 'headwaterLive',
    rate: 1,
    timeUnit: every,
    duration,
    preAllocatedVUs: 1,
    maxVUs: 1,
    gracefulStop: '0s',
    tags: { headwater: 'recorder' },
  };
}

// -------------------------------------------------------------------------------------------------------------------- a run

/** Registers the test: what setup() is. Answers what the other functions want: whose run it is. */
export function setup() {
  const run = { startedAt: Date.now() };
  run.uuid = register(run, plannedUsers());
  return { headwater: run };
}

/** One live value: what the scenario of `liveScenario` calls. */
export function headwaterLive(data) {
  const run = data && data.headwater;
  if (base && run && run.uuid) {
    // This scenario's own virtual user is none of the test's.
    const users = Math.max(0, exec.instance.vusActive - 1);
    post('update', { uuid: run.uuid, measurement: { fields: { users } } }, requestTimeout);
  }
}

/** Notes that something happened in the run. */
export function annotate(data, title, text, tags = []) {
  const run = data && data.headwater;
  if (base && run && run.uuid) {
    post('annotate', { uuid: run.uuid, title, text, tags, at: Date.now() }, requestTimeout);
  }
}

/** Notes that the scenarios are over: what teardown() is. */
export function teardown(data) {
  annotate(data, 'Load is over', 'all scenarios have ended', ['load-over']);
}

/** Commits the result: what handleSummary() is. Answers nothing, upon which k6 prints its usual summary. */
export function handleSummary(data) {
  try {
    commit(data);
  } catch (error) {
    console.error(`headwater: the result is not recorded: ${error}`);
  }
}

/** The same, for scripts that have a handleSummary() of their own. */
export function commit(data) {
  if (!base) {
    return;
  }
  const known = data.setup_data && data.setup_data.headwater;
  const run = known || { startedAt: Date.now() - ((data.state && data.state.testRunDurationMs) || 0) };
  const until = Date.now() + deadline * 1000;
  const body = {
    startedAt: Date.now(),
    exitCode: exitCode(data),
    measurement: {
      fields: Object.assign(totals(data.metrics || {}), { requestStats: statistics(data) }),
      tags: measurementTags,
    },
  };
  // A recorder that was away, or has lost its store, gets the run now.
  for (let pause = 0.5; ; pause = Math.min(2 * pause, 10)) {
    run.uuid = run.uuid || register(run, maximum(data.metrics, 'vus_max'));
    let answer = null;
    if (run.uuid) {
      answer = post('commit', Object.assign({ uuid: run.uuid }, body), commitTimeout);
      if (answer.status === 200) {
        console.info(`headwater: the result of run ${run.uuid} is recorded`);
        return;
      }
      if (answer.status === 404) {
        run.uuid = null;
      }
    }
    const hopeless = answer ? refused(answer) && answer.status !== 404 : run.refused;
    // A recorder that was never there does not hold up the end for long.
    if (hopeless || Date.now() + pause * 1000 >= (run.uuid || known && known.uuid ? until : Math.min(until, body.startedAt + 5000))) {
      console.error('headwater: the result is not recorded');
      return;
    }
    sleep(pause);
  }
}

function register(run, users) {
  if (!base) {
    return null;
  }
  const body = Object.assign(
    {
      startedAt: run.startedAt,
      idleTimeout: environment.HEADWATER_IDLE || '1h',
      measurement: { fields: { users }, tags: measurementTags },
    },
    given('testPlan', environment.HEADWATER_TEST_PLAN),
    given('environment', environment.HEADWATER_ENVIRONMENT),
    given('version', environment.HEADWATER_VERSION),
    given('gitRef', environment.HEADWATER_GIT_REF),
    given('runTags', tags(environment.HEADWATER_TAGS)),
  );
  const answer = post('register', body, requestTimeout);
  run.refused = refused(answer);
  try {
    return answer.status === 200 ? answer.json('uuid') || null : null;
  } catch (_) {
    return null; // Whatever answers there, it is no recorder.
  }
}

/** Sends a body; never throws. The status is 0 when there was no answer. */
function post(event, body, timeout) {
  let answer;
  try {
    const all = JSON.stringify(Object.assign({ hostname: generator }, body));
    answer = http.post(`${base}/events/${event}`, all, Object.assign({ timeout }, parameters));
  } catch (error) {
    answer = { status: 0, error: String(error), body: '' };
  }
  if (answer.status !== 200) {
    console.warn(`headwater: the recorder does not take ${event} (${answer.status || answer.error}); the test goes on`);
  }
  return answer;
}

/** Whether the same request would be refused again. */
function refused(answer) {
  return answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status);
}

// --------------------------------------------------------------------------------------------------------------- the result

/** k6's summary in the form of Locust's statistics, which a recorder reads, and beside it what Locust has no word for. */
export function statistics(data) {
  const metrics = data.metrics;
  if (!metrics || !metrics.iterations || !metrics.iterations.values) {
    return data; // The newer form of the summary, or none: kept as it is.
  }
  const stats = [];
  for (const key of Object.keys(metrics)) {
    const { metric, selector } = split(key);
    const own = pairs(selector);
    if (metric === 'http_reqs' && selector && own.headwater === undefined && own.expected_response === undefined) {
      stats.push(entry(metrics, `{${selector}}`, own.method || '', own.name || own.group || own.url || selector));
    }
  }
  const all = everything(metrics);
  if (stats.length === 0) {
    stats.push(entry(metrics, all, '', 'http requests'));
  }
  const total = entry(metrics, all, '', 'Aggregated');
  stats.push(total);
  return {
    stats,
    errors: [],
    total_rps: total.total_rps,
    total_fail_per_sec: total.total_fail_per_sec,
    k6: {
      iterations: metrics.iterations.values.count,
      checks: metrics.checks ? { passes: metrics.checks.values.passes, fails: metrics.checks.values.fails } : null,
      thresholds: thresholds(metrics),
    },
  };
}

/** Of which requests the totals are. Without `recorded` there is no metric of the test's requests alone; then ours count, too. */
function everything(metrics) {
  return metrics[`http_reqs{${load}}`] ? `{${load}}` : '';
}

/** What all requests come to. The recorder adds up endpoints by itself, but those of k6 may overlap, or leave requests out. */
function totals(metrics) {
  if (!metrics.http_reqs || !metrics.http_reqs.values) {
    return {};
  }
  const all = entry(metrics, everything(metrics), '', '');
  return {
    requests: all.num_requests,
    failures: all.num_failures,
    requestsPerSecond: all.total_rps,
    failuresPerSecond: all.total_fail_per_sec,
    averageResponseTime: all.avg_response_time,
    p50: all.median_response_time,
    p90: all['response_time_percentile_0.9'],
    p95: all['response_time_percentile_0.95'],
    p99: all['response_time_percentile_0.99'],
  };
}

function entry(metrics, selector, method, name) {
  const values = (metric) => (metrics[metric + selector] || { values: {} }).values;
  const requests = values('http_reqs');
  const times = values('http_req_duration');
  // Of the rate `failed`, those that pass are requests that failed.
  const failures = values('http_req_failed').passes || 0;
  const seconds = requests.rate > 0 ? requests.count / requests.rate : 0;
  return {
    method,
    name,
    num_requests: requests.count || 0,
    num_failures: failures,
    avg_response_time: number(times.avg),
    min_response_time: number(times.min),
    max_response_time: number(times.max),
    median_response_time: number(times.med),
    'response_time_percentile_0.5': number(times.med),
    'response_time_percentile_0.9': number(times['p(90)']),
    'response_time_percentile_0.95': number(times['p(95)']),
    'response_time_percentile_0.99': number(times['p(99)']),
    total_rps: number(requests.rate),
    total_fail_per_sec: seconds > 0 ? failures / seconds : 0,
  };
}

/** How k6 will end, as far as its summary tells: 99 when a threshold was missed. */
function exitCode(data) {
  return Object.values(thresholds(data.metrics || {})).every((kept) => kept) ? 0 : 99;
}

function thresholds(metrics) {
  const all = {};
  for (const key of Object.keys(metrics)) {
    for (const condition of Object.keys(metrics[key].thresholds || {})) {
      all[`${key}: ${condition}`] = metrics[key].thresholds[condition].ok;
    }
  }
  return all;
}

// ----------------------------------------------------------------------------------------------------------------- helpers

/** The most virtual users that the scenarios may have at a time, if none of them follows another. */
function plannedUsers() {
  let users = 0;
  try {
    for (const scenario of Object.values(exec.test.options.scenarios || {})) {
      const stages = (scenario.stages || []).map((stage) => stage.target);
      const most = scenario.executor === 'ramping-vus' ? Math.max(scenario.startVUs || 0, ...stages) : scenario.vus;
      users += scenario.exec === 'headwaterLive' ? 0 : most || scenario.maxVUs || scenario.preAllocatedVUs || 1;
    }
  } catch (_) {
    return 0; // Nothing but a number for the record.
  }
  return users;
}

function maximum(metrics, name) {
  return (metrics && metrics[name] && metrics[name].values && metrics[name].values.max) || 0;
}

function address(url) {
  const plain = (url || '').replace(/\/+$/, '');
  return plain && !plain.endsWith('/apiv0.1') ? `${plain}/apiv0.1` : plain;
}

function given(name, value) {
  return value ? { [name]: value } : {};
}

/** `a=b,c=d` as an object. */
function tags(text) {
  const parts = (text || '').split(',').filter((part) => part.indexOf('=') > 0);
  return parts.length > 0 ? Object.fromEntries(parts.map((part) => [cut(part, '=')[0].trim(), cut(part, '=')[1].trim()])) : null;
}

/** `http_reqs{name:a}` as the metric and the selector `name:a`, which is empty where there is none. */
function split(key) {
  const [metric, rest] = cut(key, '{');
  return { metric, selector: rest.replace(/\}$/, '') };
}

function pairs(selector) {
  return Object.fromEntries(selector.split(',').filter(Boolean).map((part) => cut(part, ':').map((side) => side.trim())));
}

function cut(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
}

function number(value) {
  return Number.isFinite(value) ? value : 0;
}
