// Stops the elevator where it is.

function main(context, previousState, previousProperties, params) {
  updateState({ moving: false });
}
