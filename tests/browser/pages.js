// The pages of the console, with what the demo has made.
import { get, post, waitFor } from "./api.js";

// Registers a run and commits it with the statistics of its endpoints, as Locust gives them; answers its id.
export const committed = async (about, statistics) => {
  const { uuid } = await post("/apiv0.1/events/register", { ...about, measurement: { fields: { clients: 10 }, tags: { targetHost: "shop" } } });
  await post("/apiv0.1/events/commit", { hostname: about.hostname, uuid, measurement: { fields: { requestStats: statistics } } });
  return uuid;
};

// The ids of two runs that are over: those of an earlier test, or new ones.
const compared = async () => {
  const { runs } = await get("/apiv0.1/events/runs?limit=100");
  const found = runs.filter(({ testPlan, state }) => testPlan === "compared" && state === "finished").map(({ uuid }) => uuid);
  if (found.length >= 2) return found.slice(0, 2).reverse();
  const statistics = (slow) => [["GET", "/"], ["POST", "/basket"]].map(([method, name]) => ({
    method, name, num_requests: 100, num_failures: 2, num_none_requests: 0, total_response_time: 100 * slow, min_response_time: slow - 5,
    max_response_time: slow + 9, total_content_length: 1200, response_times: { [slow - 5]: 50, [slow]: 45, [slow + 9]: 5 },
    num_reqs_per_sec: { 1479000000: 50, 1479000001: 50 }, num_fail_per_sec: { 1479000001: 2 }, start_time: 1479000000, last_request_timestamp: 1479000002,
  }));
  const about = (version) => ({ hostname: "browser", testPlan: "compared", version });
  return [await committed(about("1"), statistics(20)), await committed(about("2"), statistics(26))];
};

// Waits until the demo runs, and names every page: its path, the words that its heading has, and the name of its picture if it has one.
export const pages = async () => {
  const runs = await waitFor("a run of the demo", async () => {
    const { runs } = await get("/apiv0.1/events/runs?limit=100");
    return runs.length > 0 && runs;
  });
  await waitFor("the demo's stream", async () => {
    const events = await get("/v3/namespaces/default/streams/clicks/events?limit=5", { wanted: [200, 204, 404] });
    return Array.isArray(events) && events.length >= 5;
  });
  const [newest] = runs;
  const [base, candidate] = await compared();
  return [
    { path: "/", heading: "Overview", picture: "overview" },
    { path: "/console/jobs", heading: "Jobs" },
    { path: "/console/jobs/new", heading: "job", picture: "new-job" },
    { path: "/console/jobs/clicks", heading: "clicks" },
    { path: "/console/simulations", heading: "Simulations", picture: "simulations" },
    { path: "/console/streams", heading: "Streams" },
    { path: "/console/streams/default/clicks", heading: "clicks", picture: "stream" },
    { path: "/console/tables", heading: "Tables" },
    { path: "/console/tables/sine", heading: "sine" },
    { path: "/console/tables/sine-spectrum", heading: "sine-spectrum", picture: "spectrum" },
    { path: "/console/load-tests", heading: "Load tests" },
    { path: `/console/load-tests/${newest.uuid}`, heading: "" },
    { path: `/console/load-tests/compare?base=${base}&candidate=${candidate}`, heading: "", picture: "compare" },
  ];
};
