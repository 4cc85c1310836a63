// Opens the emergency valve: the pressure is normal at once, and stays so.

function main(context, previousState, previousProperties, params) {
  updateState({ simulation_state: "normal_pressure", pressure: 150.0 });
}
