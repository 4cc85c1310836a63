// Restarts the device: it is offline for twenty seconds, in which its state stands still.

function main(context, previousState, previousProperties, params) {
  log("Rebooting " + context.deviceId);
  updateState({ CalculateRandomizedTelemetry: false, online: false, DeviceMethodStatus: "Rebooting device..." });
  sleep(15000);
  updateState({ DeviceMethodStatus: "Successfully rebooted device." });
  sleep(5000);
  updateState({ CalculateRandomizedTelemetry: true, online: true, DeviceMethodStatus: "" });
}
