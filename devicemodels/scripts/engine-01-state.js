// The state of an engine: it vibrates as long as it has fuel. What is in the tank changes only by the methods of the device.

// What is in the tank while its state does not say it.
const FIRST_FUEL = 70;

// A random value within so many percent of the average, held between low and high.
function vary(average, percentage, low, high) {
  const value = average * (1 + percentage / 100 * (Math.random() * 2 - 1));
  return Math.max(low, Math.min(high, value));
}

function main(context, previousState, previousProperties, params) {
  const fuel = "fuellevel" in previousState ? previousState.fuellevel : FIRST_FUEL;
  updateState({
    fuellevel: fuel,
    coolant: vary(7500, 5, 200, 10000),
    vibration: fuel > 0 ? vary(10, 5, 0, 20) : 0
  });
}
