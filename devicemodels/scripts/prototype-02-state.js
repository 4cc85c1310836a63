// The state of a faulty prototype: nothing but its temperature changes, in great leaps.

// Its temperature while its state does not say it.
const FIRST_TEMPERATURE = 85;

// A random value within so many percent of the average, held between low and high.
function vary(average, percentage, low, high) {
  const value = average * (1 + percentage / 100 * (Math.random() * 2 - 1));
  return Math.max(low, Math.min(high, value));
}

function main(context, previousState, previousProperties, params) {
  const temperature = "temperature" in previousState ? previousState.temperature : FIRST_TEMPERATURE;
  updateState({ temperature: vary(temperature, 25, 35, 100) });
}
