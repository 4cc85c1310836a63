// Updates the firmware to the version that the call names in `Firmware`. The property FirmwareUpdateStatus tells how far it is.

function main(context, previousState, previousProperties, params) {
  const version = context.Firmware;
  log("Updating the firmware of " + context.deviceId + " to " + version);
  updateProperty("FirmwareUpdateStatus", "Command received, updating firmware to " + version);
  sleep(5000);
  updateProperty("FirmwareUpdateStatus", "Downloading the firmware");
  sleep(7500);
  updateProperty("FirmwareUpdateStatus", "Checking the firmware");
  sleep(5000);
  updateProperty("FirmwareUpdateStatus", "Installing the firmware");
  sleep(5000);
  updateProperty("FirmwareUpdateStatus", "Firmware updated to " + version);
  updateProperty("Firmware", version);
}
