// The state of a prototype: its temperature walks at random, its pressure wanders around its average, and while it moves, it goes a
// little further to the north-east.

// What holds while its state does not say it.
const FIRST = { temperature: 65, latitude: 47.612514, longitude: -122.204184, moving: false };

// A tenth of a mile along a meridian, in degrees.
const STEP = 0.1 * 1609.344 / 6378137 * (180 / Math.PI);

// A random value within so many percent of the average, held between low and high.
function vary(average, percentage, low, high) {
  const value = average * (1 + percentage / 100 * (Math.random() * 2 - 1));
  return Math.max(low, Math.min(high, value));
}

function within(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

function main(context, previousState, previousProperties, params) {
  const former = Object.assign({}, FIRST, previousState);
  const state = {
    temperature: vary(former.temperature, 1, 35, 100),
    pressure: vary(150, 5, 50, 300)
  };
  if (former.moving === true) {
    state.latitude = within(former.latitude + STEP, -90, 90);
    // Meridians lie closer together towards the poles.
    state.longitude = within(former.longitude + STEP / Math.cos(state.latitude * Math.PI / 180), -180, 180);
  }
  updateState(state);
}
