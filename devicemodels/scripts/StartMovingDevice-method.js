// Lets the device move.

function main(context, previousState, previousProperties, params) {
  updateState({ moving: true });
}
