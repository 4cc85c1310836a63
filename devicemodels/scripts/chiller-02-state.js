// The state of a chiller: temperature and humidity wander around their averages, and so does the pressure, whose average depends on
// whether the chiller runs at high pressure.

// How it runs while its state does not say it.
const USUAL_STATE = "high_pressure";

// A random value within so many percent of the average, held between low and high.
function vary(average, percentage, low, high) {
  const value = average * (1 + percentage / 100 * (Math.random() * 2 - 1));
  return Math.max(low, Math.min(high, value));
}

function main(context, previousState, previousProperties, params) {
  const atHighPressure = (previousState.simulation_state || USUAL_STATE) === "high_pressure";
  updateState({
    temperature: vary(75, 5, 25, 100),
    humidity: vary(70, 5, 2, 99),
    pressure: atHighPressure ? vary(250, 25, 50, 300) : vary(150, 10, 50, 300)
  });
}
