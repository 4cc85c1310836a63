// Lets the elevator move.

function main(context, previousState, previousProperties, params) {
  updateState({ moving: true });
}
