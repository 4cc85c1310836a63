// Sets the fuel level to what the call names in `FuelLevel`, from 0 to 70. What a call names are texts, and it is kept as one.

function main(context, previousState, previousProperties, params) {
  const given = context.FuelLevel;
  // The comparison takes the text for the number that it says.
  if (!given || !(given >= 0 && given <= 70)) {
    throw new Error("FuelLevel must be from 0 to 70, and is " + given);
  }
  updateState({ fuellevel: given });
}
