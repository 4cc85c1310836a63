// The state of an elevator: while it moves, it goes up or down one floor at a time, and vibrates.

const TOP_FLOOR = 15;

// Where it is while its state does not say it.
const FIRST_FLOOR = 1;

// A random value within so many percent of the average, held between low and high.
function vary(average, percentage, low, high) {
  const value = average * (1 + percentage / 100 * (Math.random() * 2 - 1));
  return Math.max(low, Math.min(high, value));
}

// The next floor: from the lowest one up, from the highest one down, and from any other either way.
function nextFloor(floor) {
  if (floor <= 1) return floor + 1;
  if (floor >= TOP_FLOOR) return floor - 1;
  return Math.random() < 0.5 ? floor - 1 : floor + 1;
}

function main(context, previousState, previousProperties, params) {
  const floor = "floor" in previousState ? previousState.floor : FIRST_FLOOR;
  const moving = previousState.moving === true;
  updateState({
    floor: moving ? nextFloor(floor) : floor,
    vibration: moving ? vary(10, 5, 0, 20) : 0,
    temperature: vary(75, 1, 25, 100)
  });
}
