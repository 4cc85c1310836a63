// Raises the pressure step by step, one a second. It stays high.

function main(context, previousState, previousProperties, params) {
  updateState({ simulation_state: "high_pressure", CalculateRandomizedTelemetry: false });
  for (const pressure of [170, 190, 210, 230, 250]) {
    updateState({ pressure });
    sleep(1000);
  }
  updateState({ CalculateRandomizedTelemetry: true });
}
