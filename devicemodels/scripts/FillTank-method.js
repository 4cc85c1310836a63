// Fills the tank step by step, one a second.

function main(context, previousState, previousProperties, params) {
  if (previousState.fuellevel === 70) return;
  updateState({ CalculateRandomizedTelemetry: false });
  for (const fuellevel of [14, 28, 42, 56, 70]) {
    updateState({ fuellevel });
    sleep(1000);
  }
  updateState({ CalculateRandomizedTelemetry: true });
}
