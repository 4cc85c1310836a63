// Empties the tank step by step, one a second.

function main(context, previousState, previousProperties, params) {
  if (previousState.fuellevel === 0) return;
  updateState({ CalculateRandomizedTelemetry: false });
  for (const fuellevel of [56, 42, 28, 14, 0]) {
    updateState({ fuellevel });
    sleep(1000);
  }
  updateState({ CalculateRandomizedTelemetry: true });
}
