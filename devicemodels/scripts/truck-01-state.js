// The state of a truck: it drives a little to the north-east of its base, at a speed around its average, and its temperature walks at
// random.

const BASE = { latitude: 47.445301, longitude: -122.296307 };

// Its temperature while its state does not say it.
const FIRST_TEMPERATURE = 38;

// A tenth of a mile along a meridian, in degrees.
const STEP = 0.1 * 1609.344 / 6378137 * (180 / Math.PI);

// A random value within so many percent of the average, held between low and high.
function vary(average, percentage, low, high) {
  const value = average * (1 + percentage / 100 * (Math.random() * 2 - 1));
  return Math.max(low, Math.min(high, value));
}

function main(context, previousState, previousProperties, params) {
  const state = {
    latitude: BASE.latitude + STEP,
    // Meridians lie closer together towards the poles.
    longitude: BASE.longitude + STEP / Math.cos(BASE.latitude * Math.PI / 180),
    speed: vary(30, 5, 0, 80)
  };
  // A truck has a thermometer of its own, or one in its cargo hold.
  if ("cargotemperature" in previousState) {
    state.cargotemperature = vary(38, 1, 35, 50);
  } else {
    const temperature = "temperature" in previousState ? previousState.temperature : FIRST_TEMPERATURE;
    state.temperature = vary(temperature, 1, temperature - 15, temperature + 15);
  }
  updateState(state);
}
