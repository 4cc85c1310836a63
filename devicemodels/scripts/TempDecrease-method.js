// Lowers the temperature by five degrees, five times, once a second.

function main(context, previousState, previousProperties, params) {
  // A truck may have its thermometer in its cargo hold.
  const sensor = "cargotemperature" in previousState ? "cargotemperature" : "temperature";
  let temperature = previousState[sensor];
  updateState({ CalculateRandomizedTelemetry: false });
  for (let step = 0; step < 5; step++) {
    temperature -= 5;
    updateState({ [sensor]: temperature });
    sleep(1000);
  }
  updateState({ CalculateRandomizedTelemetry: true });
}
