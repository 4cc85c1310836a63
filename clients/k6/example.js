// A load test that Headwater records:
//
//   HEADWATER_URL=http://127.0.0.1:9999 TARGET=http://127.0.0.1:8080 k6 run clients/k6/example.js

import http from 'k6/http';
import { sleep } from 'k6';
import { liveScenario, recorded } from './headwater.js';

export { handleSummary, headwaterLive, setup, teardown } from './headwater.js';

const target = __ENV.TARGET || 'http://127.0.0.1:8080';
const duration = __ENV.DURATION || '30s';

export const options = recorded(
  {
    scenarios: {
      shop: { executor: 'constant-vus', vus: Number(__ENV.USERS || 5), duration, gracefulStop: '2s' },
      headwater: liveScenario(duration, __ENV.EVERY || '5s'),
    },
    thresholds: { 'http_req_duration{name:front page}': ['p(95)<500'] },
  },
  // Requests of these names are endpoints of the result.
  ['order'],
);

export default function () {
  http.get(`${target}/`, { tags: { name: 'front page' } });
  http.post(`${target}/orders`, 'one of these', { tags: { name: 'order' } });
  sleep(0.1);
}
