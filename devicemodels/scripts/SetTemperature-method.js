// Sets the temperature to what the call names in `Temperature`, from 0 to 100. What a call names are texts, and it is kept as one.

function main(context, previousState, previousProperties, params) {
  const given = context.Temperature;
  // The comparison takes the text for the number that it says.
  if (!given || !(given >= 0 && given <= 100)) {
    throw new Error("Temperature must be from 0 to 100, and is " + given);
  }
  updateState({ temperature: given });
}
